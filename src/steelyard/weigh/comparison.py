"""The offers of a task side by side: each against one base, on the items that both answered.

From run files to pairs of grades; the statistics are ``paired``'s. Which pairs count must not hang
on the grades, or the bounds would not hold. So:

- Pairs are read in the run's own order, a shuffle by the task's seed, whenever they were answered.
- They end before the first cluster of which either offer has not finished an item. A race asks
  from the top and stops where grades tell it to; bounds that hold after every item hold there, too.
  What lies beyond a gap was asked ahead, and whether it came back in time may tell something.
- Of each offer one weighing counts, the one with the newest answer, as with verdicts.
- The error is shared by *every two* of the offers, not only by those shown: which one is the base
  may be chosen by what came out.

Pure; ``control.comparison`` finds the files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import islice
from math import comb
from typing import NamedTuple

from steelyard.domain.tasks import UNSCORED_SHARE_MAX, Sample
from steelyard.weigh.halting import is_by_hand
from steelyard.weigh.lanes import Course
from steelyard.weigh.paired import PairedDifference, paired_difference
from steelyard.weigh.runfile import Record
from steelyard.weigh.stats import CONFIDENCE, GRADED_MIN


@dataclass(slots=True)
class Paper:
    """What one weighing knows of one offer in one form."""

    form_digest: str
    newest: datetime
    """When its newest answer came. Aware, UTC."""
    grades: dict[str, Fraction | None] = field(default_factory=dict)
    """By sample; None where an item is finished without a grade."""


class Papers(NamedTuple):
    """What there is to compare."""

    current: Mapping[str, Paper]
    """By offer, in the order of names."""
    outdated: tuple[str, ...]
    """Offers that answered another test set, prompt or grader only."""


class Finding(StrEnum):
    """What a comparison comes to."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    """The bounds hold both."""
    TOO_FEW = "too_few"
    """Fewer pairs than a verdict needs."""
    UNSCORED = "unscored"
    """Too many items without a grade, as with verdicts."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An offer against the base, on the items that both finished."""

    offer: str
    base: str
    difference: PairedDifference
    """Mean grade of the offer minus the base's; its bounds hold together with those of all pairs.
    """
    wins: int
    """Items on which the offer alone was right, or got the better grade."""
    losses: int
    """Items on which the base did."""
    n_unscored: int
    """Items that both finished and one or both have no grade on; they are left out."""
    n_beyond: int
    """Items that both finished out of turn, beyond one that either did not; left out, too."""

    @property
    def finding(self) -> Finding:
        """What the bounds say, unless there is too little to say anything."""
        n = self.difference.n
        if self.n_unscored > UNSCORED_SHARE_MAX * (n + self.n_unscored):
            return Finding.UNSCORED
        if n < GRADED_MIN:
            return Finding.TOO_FEW
        if self.difference.lower > 0:
            return Finding.BETTER
        return Finding.WORSE if self.difference.upper < 0 else Finding.NOT_SHOWN

    @property
    def text(self) -> str:
        """The finding in a sentence; points are hundredths of a grade, rounded outward."""
        _, lower, upper, n = self.difference
        match self.finding:
            case Finding.TOO_FEW:
                return f"{self.offer} and {self.base}: too few items in common ({n})"
            case Finding.UNSCORED:
                total = n + self.n_unscored
                left = f"too many of the items in common have no grade ({self.n_unscored} of"
                return f"{self.offer} and {self.base}: {left} {total})"
            case Finding.BETTER:
                return f"{self.offer} is better than {self.base} by {_span(lower, upper)}"
            case Finding.WORSE:
                return f"{self.base} is better than {self.offer} by {_span(-upper, -lower)}"
        return f"no difference from {self.base} is shown; {self.offer} is {_at_most(lower, upper)}"


def papers_of(files: Iterable[Iterable[Record]], digests: Collection[str]) -> Papers:
    """What the weighings of a task know of its offers.

    Args:
        files: the records of each run file, in their order.
        digests: of the forms that count today.
    """
    current: dict[str, Paper] = {}
    seen: set[str] = set()
    for records in files:
        for (offer, form), paper in _papers(records).items():
            seen.add(offer)
            if form in digests and (offer not in current or _age(current[offer]) < _age(paper)):
                current[offer] = paper
    return Papers(dict(sorted(current.items())), tuple(sorted(seen - current.keys())))


def compare(
    course: Course, papers: Mapping[str, Paper], base: str, confidence: Decimal = CONFIDENCE
) -> list[Pair]:
    """Every other offer against the base, in the order of ``papers``.

    Args:
        course: the task's items in the run's order.
        papers: of all offers that are compared.
        base: one of them.
        confidence: with which the bounds of all pairs hold together, at every moment.
    """
    n_pairs = max(1, comb(len(papers), 2))
    held = 1 - (1 - confidence) / n_pairs
    others = (offer for offer in papers if offer != base)
    return [_pair(course, (offer, base), papers, held) for offer in others]


def _papers(records: Iterable[Record]) -> dict[tuple[str, str], Paper]:
    found: dict[tuple[str, str], Paper] = {}
    for record in records:
        if not record.answer and is_by_hand(record.grade.reason):
            continue  # somebody cut the call off: it is not finished, and is asked again
        at = record.finished_at
        paper = found.setdefault(record.key[:2], Paper(record.form_digest, at))
        paper.newest = max(paper.newest, at)
        paper.grades[record.sample] = record.grade.value
    return found


def _age(paper: Paper) -> tuple[datetime, int, str]:
    # Stored answers keep their date: of two weighings over the same ones the longer one counts.
    return paper.newest, len(paper.grades), paper.form_digest


def _pair(
    course: Course, names: tuple[str, str], papers: Mapping[str, Paper], confidence: Decimal
) -> Pair:
    own, other = (papers[name].grades for name in names)
    left: list[Fraction | None] = []
    right: list[Fraction | None] = []
    clusters: list[int] = []
    n_common, is_whole = 0, True
    for number, group in enumerate(_clusters(course)):
        is_whole = is_whole and all(one.id in own and one.id in other for one in group)
        n_common += len(group) if is_whole else 0
        # Those beyond stay, without grades: the largest cluster of all sets the stakes.
        left += [own[one.id] if is_whole else None for one in group]
        right += [other[one.id] if is_whole else None for one in group]
        clusters += [number] * len(group)
    difference = paired_difference(left, right, confidence, clusters=clusters)
    graded = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    n_both = sum(one.id in own and one.id in other for one in course.samples)
    return Pair(
        *names,
        difference=difference,
        wins=sum(a > b for a, b in graded),
        losses=sum(a < b for a, b in graded),
        n_unscored=n_common - difference.n,
        n_beyond=n_both - n_common,
    )


def _clusters(course: Course) -> Iterator[list[Sample]]:
    """The items that belong together; without clusters each is one."""
    samples = iter(course.samples)
    for size in course.cluster_sizes or (1,) * len(course.samples):
        yield list(islice(samples, size))


def _span(least: Decimal, most: Decimal) -> str:
    low, high = _points(least, ROUND_FLOOR), _points(most, ROUND_CEILING)
    return f"{low} to {_counted(high)}" if low else f"at most {_counted(high)}"


def _at_most(lower: Decimal, upper: Decimal) -> str:
    worse, better = _points(-lower, ROUND_CEILING), _points(upper, ROUND_CEILING)
    if worse == better:
        return f"at most {_counted(better)} better or worse"
    return f"at most {_counted(better)} better, at most {_counted(worse)} worse"


def _points(share: Decimal, rounding: str) -> int:
    return int((100 * share).to_integral_value(rounding))


def _counted(points: int) -> str:
    return f"{points} point" if points == 1 else f"{points} points"
