"""Case analysis as one HTML file for people who decide: no network, no script, safe to open.

Answers are what a model wrote, and a test set may come from anywhere, so every text is escaped, is
without control characters, and the page forbids itself everything but its own style. Its size is
bounded: cases, offers, characters and the whole. Pure; times and the verdicts are passed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.domain.money import to_decimal
from steelyard.domain.tasks import Reference
from steelyard.weigh.cases.analysis import Analysis, Case, Cluster, Reply
from steelyard.weigh.cases.diffs import Piece, diff, nearest
from steelyard.weigh.cases.texts import LANGUAGES, clean, detail_name, kind_name, reason_text
from steelyard.weigh.graders.base import plain, without_thoughts

if TYPE_CHECKING:
    import jinja2

CASES_SHOWN = 5
"""Cases of a cluster that are shown unless told; the rest is counted."""
CLUSTERS_SHOWN = 40
OFFERS_SHOWN = 8
TEXT_CHARS = 2_000
"""Of a longer question, reference or answer only so much is shown."""
REPORT_CHARS_MAX = 3_000_000
"""Texts of all cases; clusters behind that are shown without cases."""
_OPEN_CLUSTERS = 3
_SIGNIFICANT = 3
_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Standing:
    """What the newest verdict says of an offer."""

    status: str
    """``proven``, ``not_proven``, ``failed``, ``stale``; ``none`` without a verdict."""
    quality: float | None = None
    lower: float = 0.0
    upper: float = 1.0
    cost_accepted_pico: int | None = None
    """Of one accepted answer, in 10^-12 of ``currency``; None when nothing was right."""
    currency: str = ""
    reason: str = ""
    """Why the status is not what the bounds alone would say; empty when it is."""


class Remark(NamedTuple):
    """What somebody says of a case, or of one offer's answer to it."""

    tags: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """How the report is to be."""

    now: datetime
    """Aware, UTC."""
    language: str = "en"
    cases_shown: int = CASES_SHOWN


def render(
    analysis: Analysis,
    standings: Mapping[str, Standing],
    remarks: Mapping[tuple[str, str], Remark],
    wish: Wish,
) -> str:
    """The report as HTML.

    Args:
        analysis: of a task.
        standings: by offer.
        remarks: by sample and offer; the offer is empty for a case as a whole.
        wish: language, time and how much of it.
    """
    pages = _Pages(analysis, remarks, wish)
    shown = [pages.cluster(n, c) for n, c in enumerate(analysis.clusters[:CLUSTERS_SHOWN], 1)]
    rest = analysis.clusters[CLUSTERS_SHOWN:]
    return _template().render(
        text=LANGUAGES[wish.language],
        language=wish.language,
        task=analysis.task,
        n_items=len(analysis.cases),
        n_failures=analysis.n_failures,
        is_outdated=analysis.is_outdated,
        offers=[_offer(analysis, name, standings.get(name)) for name in analysis.tallies],
        clusters=shown,
        n_rest=len(rest),
        n_rest_failures=sum(len(cluster.failures) for cluster in rest),
        now=wish.now,
        floor=float(analysis.task.floor),
        weighed=_days(analysis),
    )


def _days(analysis: Analysis) -> str:
    """The days on which the answers that are shown came, UTC; empty when there are none."""
    replies = [reply for case in analysis.cases.values() for reply in case.replies.values()]
    days = sorted({f"{reply.record.finished_at.astimezone(UTC):%Y-%m-%d}" for reply in replies})
    return " – ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def _offer(analysis: Analysis, name: str, standing: Standing | None) -> dict[str, Any]:
    tally = analysis.tallies[name]
    standing = standing or Standing("none")
    cost = standing.cost_accepted_pico
    return {
        "name": name,
        "tally": tally,
        "standing": standing,
        "cost": "" if cost is None else f"{_amount(cost)} {standing.currency}",
        "cost_thousand": "" if cost is None else f"{_amount(1000 * cost)} {standing.currency}",
        # Without a verdict the share so far is told, without bounds: it may be a few items.
        "quality": standing.quality,
    }


class _Pages:
    """Makes the views of clusters and cases; keeps count of what is shown already."""

    def __init__(
        self, analysis: Analysis, remarks: Mapping[tuple[str, str], Remark], wish: Wish
    ) -> None:
        self._analysis = analysis
        self._remarks = remarks
        self._wish = wish
        self._chars_left = REPORT_CHARS_MAX
        self._shown_in: dict[str, int] = {}
        """By sample, the number of the cluster in which it is shown."""

    def cluster(self, number: int, cluster: Cluster) -> dict[str, Any]:
        language = self._wish.language
        samples = sorted(cluster.samples, key=lambda s: self._analysis.cases[s].badness)
        cases = []
        for sample in islice(samples, self._wish.cases_shown):
            if self._chars_left > 0:
                cases.append(self._case(number, sample))
        total = len(cluster.failures)
        return {
            "number": number,
            "name": name_of(cluster, language),
            "is_open": number <= _OPEN_CLUSTERS,
            "total": total,
            "share": total / max(1, self._analysis.n_failures),
            "offers": [
                {
                    "name": name,
                    "count": cluster.count(name),
                    "share": cluster.count(name) / tally.failed if tally.failed else 0.0,
                }
                for name, tally in self._analysis.tallies.items()
            ],
            "parts": [
                (clean(detail_name(part, language)), count) for part, count in cluster.parts[:8]
            ],
            "cases": cases,
            "n_more": len(samples) - len(cases),
            "is_left_out": bool(samples) and not cases,
        }

    def _case(self, number: int, sample: str) -> dict[str, Any]:
        case = self._analysis.cases[sample]
        if sample in self._shown_in:
            return {"id": clean(sample), "above": self._shown_in[sample]}
        self._shown_in[sample] = number
        question, question_more = _cut(case.sample.input)
        replies = sorted(case.replies.items(), key=lambda each: not each[1].is_failure)
        shown = sorted(replies[:OFFERS_SHOWN])
        views = [self._reply(case, offer, reply) for offer, reply in shown]
        self._chars_left -= len(question) + sum(view["chars"] for view in views) + 1_000
        return {
            "id": clean(sample),
            "above": 0,
            "question": question,
            "question_more": question_more,
            "options": _options(case),
            "reference": _reference(case.sample.reference),
            "slots": _slots(case, [offer for offer, _ in shown]),
            "only": case.only if len(case.replies) > 1 else "",
            "is_failed_by_all": case.is_failed_by_all and len(case.replies) > 1,
            "replies": views,
            "n_replies_more": len(replies) - len(shown),
            "remark": self._remark(sample, ""),
        }

    def _reply(self, case: Case, offer: str, reply: Reply) -> dict[str, Any]:
        record = reply.record
        answer = without_thoughts(record.answer).strip()
        text, more = _cut(answer)
        pieces = () if more or not reply.is_failure else _diff(case.sample.reference, answer)
        value = record.grade.value
        state = "not_graded" if value is None else "wrong"
        if value:
            state = "right" if value == 1 else "partly"
        return {
            "offer": offer,
            "state": state,
            "marks": f"{float(value):.2f}" if state == "partly" and value is not None else "",
            "kind": clean(self._kind(reply)),
            "answer": text,
            "more": more,
            "pieces": [(piece.mark.value, clean(piece.text)) for piece in pieces],
            "extracted": clean(record.grade.extracted[:200]),
            "is_slotted": isinstance(case.sample.reference, Mapping),
            "reason": _reason(reply, self._wish.language),
            "cost": f"{_amount(record.cost_pico)} {record.currency}" if record.cost_pico else "",
            "time_s": f"{record.time_s:.1f}",
            "remark": self._remark(case.sample.id, offer),
            "chars": 2 * len(text) + 600,
        }

    def _remark(self, sample: str, offer: str) -> Remark | None:
        remark = self._remarks.get((sample, offer))
        return remark and Remark(remark.tags, clean(remark.note))

    def _kind(self, reply: Reply) -> str:
        if reply.kind is None:
            return ""
        language = self._wish.language
        details = [reply.kind.detail] if reply.kind.detail else list(reply.kind.parts)
        text = LANGUAGES[language]
        told = text["comma"].join(detail_name(detail, language) for detail in details[:6])
        name = kind_name(reply.kind.slug, language)
        return f"{name}{text['colon']}{told}" if told else name


def name_of(cluster: Cluster, language: str = "en") -> str:
    """What a cluster is called, in one line."""
    text = LANGUAGES[language]
    name = kind_name(cluster.kind.slug, language)
    if cluster.kind.detail:
        name += text["colon"] + detail_name(cluster.kind.detail, language)
    if cluster.terms:
        name += f" · {text['about'].format(text['comma'].join(cluster.terms))}"
    elif cluster.is_rest:
        name += f" · {text['rest']}"
    return clean(name)


def _reason(reply: Reply, language: str) -> str:
    """What the grader says, unless the report says it already."""
    reason = reply.record.grade.reason
    if not reply.is_failure or reason.startswith(("the reference is ", "the answer holds nothing")):
        return ""
    return clean(reason_text(reason[:_REASON_CHARS], language))


def _diff(reference: Reference, answer: str) -> Sequence[Piece]:
    if isinstance(reference, Mapping):
        return ()
    accepted = [reference] if isinstance(reference, str) else list(reference)
    gold = nearest(answer, accepted)
    return diff(gold, answer) if len(gold) > 1 else ()


def _cut(text: str) -> tuple[str, int]:
    """What is shown of a text, and how many characters are not."""
    return clean(text[:TEXT_CHARS]), max(0, len(text) - TEXT_CHARS)


def _options(case: Case) -> list[dict[str, Any]]:
    sample = case.sample
    letters = sample.labels if sample.choices else ()
    return [
        {
            "letter": letter,
            "text": _cut(choice)[0],
            "is_right": letter == sample.reference,
            "chosen_by": [
                offer
                for offer, reply in case.replies.items()
                if reply.record.grade.extracted.strip() == letter
            ],
        }
        for letter, choice in zip(letters, sample.choices, strict=False)
    ]


def _reference(reference: Reference) -> list[str]:
    if isinstance(reference, Mapping):
        return []
    texts = [reference] if isinstance(reference, str) else list(reference)
    return [clean(text[:TEXT_CHARS]) for text in texts[:6] if text.strip() not in {"", "-"}]


def _slots(case: Case, offers: Iterable[str]) -> list[dict[str, Any]]:
    """Fields below each other, the reference beside what each offer gave."""
    gold = case.sample.reference
    if not isinstance(gold, Mapping):
        return []
    given = {offer: _object(case.replies[offer].record.grade.extracted) for offer in offers}
    names = list(dict.fromkeys([*gold, *(name for said in given.values() for name in said)]))
    rows = []
    for name in names[:40]:
        right = gold.get(name, "")
        cells = []
        for said in given.values():
            value = said.get(name, "")
            cells.append({"text": clean(value[:300]), "is_right": plain(value) == plain(right)})
        rows.append({"name": clean(name[:80]), "right": clean(right[:300]), "cells": cells})
    return rows


def _object(text: str) -> dict[str, str]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in said.items()
        if value is not None
    }


def _amount(pico: int) -> str:
    """An amount with three significant digits, and two decimals at least."""
    value = to_decimal(pico)
    places = max(2, _SIGNIFICANT - 1 - value.adjusted()) if value else 2
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):,f}"


@cache
def _template() -> jinja2.Template:
    # Imported when first needed: control and the commands start without it.
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("steelyard.weigh.cases", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.0f} %"
    environment.filters["points"] = lambda share: f"{100 * share:.1f} %"
    environment.filters["width"] = lambda share: f"{100 * min(max(share, 0), 1):.2f}"
    return environment.get_template("report.html")
