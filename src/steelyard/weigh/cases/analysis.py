"""Case analysis: what the offers of a task answered, side by side, and their failures in clusters.

From the records of run files and the task's set to values; ``control.cases`` finds the files,
``case_report`` and the commands show the result. Answers are in it, so it is for administrators.

A failure is one answer of one offer with less than full marks, or without marks. Every failure is
in exactly one cluster. A cluster is first a kind (``case_kinds``), then, within a large kind, a
group of items that read alike (``case_terms``). The same records give the same clusters, in
whatever order they come. Pure.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from steelyard.domain.tasks import Sample, Task
from steelyard.weigh.cases import terms as case_terms
from steelyard.weigh.cases.kinds import Failure, Kind, kind_of
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.halting import is_by_hand
from steelyard.weigh.prompts import prepare
from steelyard.weigh.runfile import Record

SPLIT_MIN = 8
"""A kind with fewer items is one cluster: to read eight takes a minute."""
_BOILERPLATE = Fraction(9, 10)
"""A term that so many of all items hold says nothing about any of them."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What one offer answered to one item."""

    record: Record
    kind: Kind | None = None
    """What is wrong with it; None when nothing is."""

    @property
    def is_failure(self) -> bool:
        """Less than full marks, or none."""
        return self.kind is not None


@dataclass(frozen=True, slots=True)
class Case:
    """One item with what the offers answered."""

    sample: Sample
    """As it was sent: options in the order that the models saw."""
    replies: Mapping[str, Reply]
    """By offer, in the order of names."""

    @property
    def failing(self) -> tuple[str, ...]:
        """Offers that failed."""
        return tuple(offer for offer, reply in self.replies.items() if reply.is_failure)

    @property
    def is_failed_by_all(self) -> bool:
        """Every offer that was asked failed."""
        return bool(self.replies) and len(self.failing) == len(self.replies)

    @property
    def is_disputed(self) -> bool:
        """Some offers failed and others did not."""
        return 0 < len(self.failing) < len(self.replies)

    @property
    def only(self) -> str:
        """The one offer that failed where others did not; empty when it is not one."""
        return self.failing[0] if self.is_disputed and len(self.failing) == 1 else ""

    @property
    def badness(self) -> tuple[int, Fraction, str]:
        """For sorting, worst first: most failures, then fewest marks."""
        marks = (reply.record.grade.value or Fraction(0) for reply in self.replies.values())
        return (-len(self.failing), sum(marks, Fraction(0)), self.sample.id)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Failures of one kind, on items that read alike where there are many."""

    kind: Kind
    """Without parts: they are counted beside it."""
    terms: tuple[str, ...]
    """Words that set its items apart; empty for a whole kind, or for what is left over."""
    is_rest: bool
    """What is left over when its kind was split."""
    failures: tuple[tuple[str, str], ...]
    """Sample and offer, sorted."""
    parts: tuple[tuple[str, int], ...] = ()
    """How often each part was wrong, most often first."""

    @property
    def samples(self) -> tuple[str, ...]:
        """Its items, each once."""
        return tuple(dict.fromkeys(sample for sample, _ in self.failures))

    def count(self, offer: str) -> int:
        """Its failures of one offer."""
        return sum(each == offer for _, each in self.failures)


@dataclass(frozen=True, slots=True)
class Tally:
    """How one offer did, over all records that were looked at."""

    offer: str
    form_digest: str
    asked: int = 0
    failed: int = 0
    """Less than full marks or none; part of ``asked``."""
    unscored: int = 0
    """Without marks; part of ``failed``."""
    accepted: Fraction = Fraction(0)
    """Sum of the marks."""
    cost_pico: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All cases of a task, and their failures in clusters."""

    task: Task
    tallies: Mapping[str, Tally]
    """By offer."""
    cases: Mapping[str, Case]
    """By sample, worst first; those that nobody failed are there, too."""
    clusters: tuple[Cluster, ...]
    """Largest first."""
    is_outdated: bool = False
    """Measured with a test set or prompt that is not today's: nothing newer is there."""
    n_failures: int = field(default=0)


def analyse(
    task: Task, dataset: Dataset, records: Iterable[Record], digests: Collection[str]
) -> Analysis:
    """The cases of a task.

    Args:
        task: the task as it is today.
        dataset: its set.
        records: of all its run files, in any order.
        digests: of the forms that count today. Only when there is no record of any of them, those
            of the form that was asked last are shown, as outdated.
    """
    originals = {sample.id: sample for sample in dataset.samples}
    chosen, is_outdated = _choose(records, originals, digests)
    by_sample: dict[str, dict[str, Record]] = {}
    for offer, sample in sorted(chosen):
        by_sample.setdefault(sample, {})[offer] = chosen[offer, sample]
    cases = []
    for name, found in by_sample.items():
        shown = prepare(task.form, originals[name], task.seed).sample
        replies = {
            offer: _reply(record, shown, originals[name], task.grader)
            for offer, record in found.items()
        }
        cases.append(Case(shown, replies))
    cases.sort(key=lambda case: case.badness)
    clusters = _clusters(cases)
    return Analysis(
        task=task,
        tallies=_tallies(cases),
        cases={case.sample.id: case for case in cases},
        clusters=tuple(clusters),
        is_outdated=is_outdated,
        n_failures=sum(len(cluster.failures) for cluster in clusters),
    )


def _choose(
    records: Iterable[Record], known: Collection[str], digests: Collection[str]
) -> tuple[dict[tuple[str, str], Record], bool]:
    """The newest record of each offer and sample, all of an offer in one form; whether outdated.

    An offer may have been asked in two forms, with and without a constraint: the one that was asked
    last counts, since answers of both would add up to the quality of neither.
    """
    newest: dict[tuple[str, str, str], Record] = {}
    for record in records:
        if not record.answer and is_by_hand(record.grade.reason):
            continue  # whoever cut a call off was not the offer, and the item is asked again
        older = newest.get(record.key)
        if record.sample in known and (older is None or _age(older) < _age(record)):
            newest[record.key] = record
    current = [record for record in newest.values() if record.form_digest in digests]
    is_outdated = bool(newest) and not current
    last: dict[str, Record] = {}
    for record in current or newest.values():
        if record.offer not in last or _age(last[record.offer]) < _age(record):
            last[record.offer] = record
    forms = {offer: record.form_digest for offer, record in last.items()}
    chosen = {
        (offer, sample): record
        for (offer, form, sample), record in newest.items()
        if forms.get(offer) == form
    }
    return chosen, is_outdated


def _age(record: Record) -> tuple[object, ...]:
    # The rest only breaks ties, so that the order of files plays no part.
    grade = record.grade
    said = (record.answer, record.finish_reason, grade.reason, str(grade.value))
    return (record.finished_at, record.form_digest, record.sample, record.call_id, *said)


def _reply(record: Record, shown: Sample, original: Sample, grader: str) -> Reply:
    grade = record.grade
    if _SURROGATES.search(f"{record.answer}{grade.reason}{grade.extracted}"):
        # It can be neither printed nor sent.
        reason, extracted = (_SURROGATES.sub("\ufffd", t) for t in (grade.reason, grade.extracted))
        grade = replace(grade, reason=reason, extracted=extracted)
        record = replace(record, answer=_SURROGATES.sub("\ufffd", record.answer), grade=grade)
    if record.grade.value == 1:
        return Reply(record)
    return Reply(record, kind_of(Failure(record, shown, original, grader)))


def _tallies(cases: Sequence[Case]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for case in cases:
        for offer, reply in case.replies.items():
            record = reply.record
            tally = found.get(offer) or Tally(offer, record.form_digest)
            found[offer] = replace(
                tally,
                asked=tally.asked + 1,
                failed=tally.failed + reply.is_failure,
                unscored=tally.unscored + (record.grade.value is None),
                accepted=tally.accepted + (record.grade.value or 0),
                cost_pico=tally.cost_pico + record.cost_pico,
                currency=tally.currency or record.currency,
            )
    return dict(sorted(found.items()))


def _clusters(cases: Sequence[Case]) -> list[Cluster]:
    texts = {case.sample.id: case_terms.terms_of(case.sample.input) for case in cases}
    held = Counter(term for terms in texts.values() for term in terms)
    many = math.ceil(_BOILERPLATE * len(texts))
    dull = {term for term, count in held.items() if count >= many}
    texts = {name: terms - dull for name, terms in texts.items()}
    kinds: dict[tuple[str, str], Kind] = {
        (case.sample.id, offer): reply.kind
        for case in cases
        for offer, reply in case.replies.items()
        if reply.kind is not None
    }
    found: list[Cluster] = []
    by_kind: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for place, kind in _detailed(kinds).items():
        by_kind.setdefault((kind.slug, kind.detail), []).append(place)
    for (slug, detail), places in by_kind.items():
        for group in _split({sample for sample, _ in places}, texts):
            inside = set(group.names)
            members = tuple(sorted(place for place in places if place[0] in inside))
            parts = Counter(part for place in members for part in kinds[place].parts)
            ordered = tuple(sorted(parts.items(), key=lambda each: (-each[1], each[0])))
            is_rest = not group.terms and len(members) < len(places)
            found.append(Cluster(Kind(slug, detail), group.terms, is_rest, members, ordered))
    return sorted(found, key=lambda c: (-len(c.failures), str(c.kind), c.failures))


def _detailed(kinds: Mapping[tuple[str, str], Kind]) -> dict[tuple[str, str], Kind]:
    """Kinds whose answers have several wrong parts, by the part that is wrong most often."""
    counts: Counter[tuple[str, str]] = Counter()
    for kind in kinds.values():
        counts.update((kind.slug, part) for part in kind.parts)

    def detail(kind: Kind) -> Kind:
        if kind.detail or not kind.parts:
            return kind
        return replace(kind, detail=min(kind.parts, key=lambda p: (-counts[kind.slug, p], p)))

    return {place: detail(kind) for place, kind in kinds.items()}


def _split(
    samples: Collection[str], texts: Mapping[str, case_terms.Terms]
) -> list[case_terms.Group]:
    """Groups of samples; the last one without terms is left over, or the whole."""
    whole = [case_terms.Group((), tuple(sorted(samples)))]
    if len(samples) < SPLIT_MIN:
        return whole
    elsewhere = [held for sample, held in texts.items() if sample not in samples]
    found, left_over = case_terms.groups({name: texts[name] for name in samples}, elsewhere)
    if 2 * len(left_over) > len(samples):
        return whole  # what explains less than a half only takes the kind to pieces
    return [*found, case_terms.Group((), left_over)] if left_over else found


def select(
    analysis: Analysis,
    *,
    offer: str = "",
    kind: str = "",
    samples: Collection[str] | None = None,
    is_alone: bool = False,
) -> list[Case]:
    """Failed cases, worst first.

    Args:
        analysis: of a task.
        offer: only those that this offer failed.
        kind: only failures of this kind: a slug, or slug and detail joined by a colon.
        samples: only these, such as those with a tag.
        is_alone: only those that one offer failed and others did not (``offer``, if one is named).
    """

    def fits(case: Case) -> bool:
        if samples is not None and case.sample.id not in samples:
            return False
        if is_alone and (not case.only or (offer and case.only != offer)):
            return False
        failing = [offer] if offer else case.failing
        return any(name in case.failing and is_of_kind(case.sample.id, name) for name in failing)

    def is_of_kind(sample: str, name: str) -> bool:
        return not kind or (sample, name) in of_kind

    of_kind = {
        place
        for cluster in analysis.clusters
        if kind in (cluster.kind.slug, str(cluster.kind))
        for place in cluster.failures
    }
    return [case for case in analysis.cases.values() if case.failing and fits(case)]
