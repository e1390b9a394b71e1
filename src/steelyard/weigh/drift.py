"""Whether an offer is still what a verdict said: the same items again, a few at each look.

A pool of the task's items, in the run's order, is gone through from end to end, pass after pass.
What an item was first graded, by the verdict's run or by this watch, is its reference; every later
grade is compared with that. So item difficulty cancels, and if nothing changed both grades are
draws of one kind: their difference is nought on the mean, whatever noise there is.

*Why gamblers leave.* A reference is noisy itself and stays what it is: a pool that was lucky at its
reference looks worse than that for ever, and a test that adds up visit after visit must alarm some
day. A gambler meets each item once, so the pairs are independent and the fortune is fair
(``betting``); after one round through the pool it leaves. Those who begin in pass p share the error
error / (p (p + 1)). These add up to the error, whatever gamblers have in common. *Why the run's
order.* A verdict stops reading when it knows, which favours lucky references; a fair game stays
fair when it is cut off at a time that depends on what was read in the same order. So gamblers of
the first pass, which may find items without a reference, do not go on into the second.

*Why two claims.* An alarm says that something changed, and that the mean fell by more than is
borne. The first is what the stated error is about. The second has a larger error of its own, and so
a tolerance takes nothing from how soon a change is known.

*Change of unknown date.* A new gambler begins every 100 items at most, so nobody must first win
back what was lost while all was well.

The design note ``weighing-statistics`` has the proofs. Called by ``control.drift``; pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from steelyard.weigh.betting import check_error
from steelyard.weigh.gauges import STAKES, Gauge
from steelyard.weigh.sequences import GRID, unit_bound

START_EVERY: Final = 100
"""Items of the pool from one gambler's start to the next, at most."""
STARTS_MIN: Final = 3
"""Gamblers who begin in a pass, however small the pool."""
PAIRS_MIN: Final = 20
"""With fewer comparisons nothing is said."""
QUALITY_SHARE: Final = 0.75
"""Of the error; the rest is for the length of answers."""
BORNE_ERROR: Final = 0.05
"""Chance that an offer that fell by no more than the tolerance ever counts as fallen further."""
_SINCE_EVERY: Final = 20
"""Visits between the moments of which one may be told as the beginning of a change."""
_ERROR_TOLD: Final = 0.05
"""Of the bounds told beside a change; they decide nothing."""
_CAUSES: Final = ("quality", "length")


class State(StrEnum):
    """What a watch says."""

    STEADY = "steady"
    """No evidence of a change for the worse; not proof that there is none."""
    DRIFTED = "drifted"
    THIN = "thin"
    """Too few comparisons to say anything."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a change, and how often an alarm may be false."""

    error: float = 0.01
    """Chance that a watch over an offer that never changes *ever* alarms."""
    tolerance: Decimal = Decimal("0.02")
    """Fall of the mean grade that is borne, 0 to 1."""
    longer: Decimal = Decimal("0.1")
    """Growth of answers in tokens that is borne: 0.1 for a tenth."""

    def __post_init__(self) -> None:
        check_error(self.error)
        if not 0 <= self.tolerance < 1 or self.longer < 0:
            raise ValueError("a tolerance lies between 0 and 1, and answers grow by 0 or more")


class Seen(NamedTuple):
    """One item as it was answered at one visit."""

    grade: Fraction | None
    """None when there is none; such a visit says nothing about quality."""
    output_tokens: int
    """Total, reasoning included; 0 when unknown."""
    at: datetime
    """Aware, UTC."""


class Pair(NamedTuple):
    """One item's reference and what it is now, both graded or both counted."""

    visit: int
    """Number of the visit."""
    reference: Seen
    now: Seen


@dataclass(frozen=True, slots=True)
class Finding:
    """What a watch says after what it has seen."""

    state: State
    causes: tuple[str, ...]
    """``quality``, ``length``; empty unless drifted."""
    since: datetime | None
    """First visit of the part that speaks most strongly for a change; only when drifted."""
    change: Fraction | None
    """Mean grade now minus at the reference, over the comparisons of ``n``; of a watch that has
    alarmed, since ``since``."""
    lower: Decimal
    """Bounds of the change at 95 %, whenever one looks."""
    upper: Decimal
    n: int
    """Comparisons that the change is told of: of the last round through the pool."""
    length: Fraction | None
    """Tokens of an answer now over those at the reference, typically; None when unknown."""
    is_better: bool
    """Whether quality is known to have risen by more than the tolerance; told, no alarm."""
    n_unscored: int
    """Visits without a grade since the references."""
    evidence: float
    """Of the claim for a fall of quality that lacks most; with ``needed`` for both it alarms."""
    needed: float
    pass_number: int


class Watch:
    """One offer on one task since one verdict; takes visits in the one order there is."""

    def __init__(
        self, ids: Sequence[str], references: Mapping[str, Seen], rules: Rules | None = None
    ) -> None:
        """Begins with the first pass.

        Args:
            ids: the pool, in the run's order.
            references: what the verdict's run saw, by item; items without a grade get their
                reference at their first visit.
            rules: errors and tolerances.

        Raises:
            ValueError: an empty pool, or an item twice in it.
        """
        if not ids or len(set(ids)) < len(ids):
            raise ValueError("a pool has items, and none of them twice")
        self.ids = tuple(ids)
        self.rules = rules or Rules()
        self.causes: tuple[str, ...] = ()
        self.since: datetime | None = None
        self._since_visit = 0
        self.is_better = False
        self.n_unscored = 0
        self.pass_number = 1
        self._position = 0
        self._visit = 0
        self._starts = max(STARTS_MIN, -(-len(self.ids) // START_EVERY))
        self._spacing = -(-len(self.ids) // self._starts)
        self._references = {
            name: seen for name, seen in references.items() if seen.grade is not None
        }
        self._pairs: deque[Pair] = deque()
        self._begin_gauges()

    @property
    def next(self) -> tuple[int, str]:
        """The number of the pass and the item that is to be visited next."""
        # An alarm at the last item leaves the pass where it ended.
        return self.pass_number, self.ids[min(self._position, len(self.ids) - 1)]

    @property
    def is_drifted(self) -> bool:
        """Whether it has alarmed; nothing more is taken until ``begin_anew``."""
        return bool(self.causes)

    def take(self, seen: Seen) -> None:
        """Takes what was seen at the visit of ``next``.

        Raises:
            ValueError: it has alarmed and was not begun anew.
        """
        if self.is_drifted:
            raise ValueError("this watch has alarmed; it is begun anew, or there is a new verdict")
        if self._position % self._spacing == 0:
            self._let_begin()
        sample = self.ids[self._position]
        reference = self._references.get(sample)
        if seen.grade is None:
            self.n_unscored += 1
        elif reference is None:
            self._references[sample] = seen
        else:
            self._compare(Pair(self._visit, reference, seen))
        self._visit += 1
        self._position += 1
        if self._position == len(self.ids) and not self.is_drifted:
            self._begin_pass()

    def begin_anew(self) -> None:
        """Takes what is now for the reference: the change is known and accepted.

        The numbers of passes go on, and so the errors of all of them still add up to the one
        stated.
        """
        self.causes, self.since, self.is_better = (), None, False
        self._references.clear()
        self._pairs.clear()
        self._begin_gauges()
        self._begin_pass()

    def finding(self) -> Finding:
        """What it says by now."""
        pairs, error = list(self._pairs), _ERROR_TOLD
        if self.is_drifted:
            # Of the part that speaks most strongly; chosen among so many, each has its share.
            pairs = [pair for pair in pairs if pair.visit >= self._since_visit]
            error /= -(-len(self.ids) // _SINCE_EVERY) + 1
        falls = [_fall(pair) for pair in pairs]
        lower, upper = _bounds(falls, error)
        state = State.STEADY if len(pairs) >= PAIRS_MIN else State.THIN
        evidence, needed = self._least_known()
        return Finding(
            state=State.DRIFTED if self.is_drifted else state,
            causes=self.causes,
            since=self.since,
            change=-sum(falls, Fraction(0)) / len(falls) if falls else None,
            lower=lower,
            upper=upper,
            n=len(falls),
            length=_growth(pairs),
            is_better=self.is_better,
            n_unscored=self.n_unscored,
            evidence=evidence,
            needed=needed,
            pass_number=self.pass_number,
        )

    def _least_known(self) -> tuple[float, float]:
        """Evidence and what is needed, of the claim for a fall that lacks most."""
        leaders = [gauge.leader for gauge in (self._changed, self._fallen)]
        found = [each for each in leaders if each is not None]
        if not found:
            return 1.0, 1 / self._error_of_start(self.rules.error * QUALITY_SHARE)
        least = min(found, key=lambda each: each.best / each.needed)
        return least.best, least.needed

    def _begin_gauges(self) -> None:
        self._changed, self._fallen = Gauge(), Gauge()
        self._longer, self._better = Gauge(), Gauge()
        error = self.rules.error
        self._gauges = (
            (self._changed, error * QUALITY_SHARE),
            (self._fallen, BORNE_ERROR),
            (self._longer, error * (1 - QUALITY_SHARE)),
            (self._better, error * QUALITY_SHARE),
        )

    def _begin_pass(self) -> None:
        if self.pass_number == 1:
            for gauge, _ in self._gauges:
                gauge.leave(self._visit)
        self.pass_number += 1
        self._position = 0

    def _let_begin(self) -> None:
        for gauge, error in self._gauges:
            gauge.leave(self._visit - len(self.ids))
            gauge.begin(self._visit, self._error_of_start(error))

    def _error_of_start(self, error: float) -> float:
        """The part of an error that a gambler has who begins now."""
        return error / (self.pass_number * (self.pass_number + 1) * self._starts)

    def _compare(self, pair: Pair) -> None:
        while self._pairs and self._pairs[0].visit <= pair.visit - len(self.ids):
            self._pairs.popleft()
        self._pairs.append(pair)
        fall, borne = float(_fall(pair)), float(self.rules.tolerance)
        self._changed.take(fall)
        self._fallen.take(_beyond(fall, borne))
        self._better.take(_beyond(-fall, borne))
        grown = self._grown(pair)
        if grown is not None:
            self._longer.take(grown)
        self.is_better = self.is_better or self._better.is_rich
        alarms = (self._changed.is_rich and self._fallen.is_rich, self._longer.is_rich)
        self.causes = tuple(name for name, is_one in zip(_CAUSES, alarms, strict=True) if is_one)
        if self.causes:
            first = self._find_since()
            self.since, self._since_visit = first.now.at, first.visit

    def _grown(self, pair: Pair) -> float | None:
        """What a bet on longer answers wins; None when a length is unknown."""
        share, longer = _length_share(pair), self.rules.longer
        return None if share is None else share / float((1 + longer) / (2 + longer)) - 1

    def _find_since(self) -> Pair:
        """The first visit of the part of the last round with the best of all starts."""
        is_quality, borne = "quality" in self.causes, float(self.rules.tolerance)
        pairs, best, found = list(self._pairs), 0.0, self._pairs[-1]
        held = [1.0] * len(STAKES)
        for index in reversed(range(len(pairs))):
            pair = pairs[index]
            win = _beyond(float(_fall(pair)), borne) if is_quality else self._grown(pair)
            if win is not None:
                held = [part * (1 + s * win) for part, s in zip(held, STAKES, strict=True)]
            before = pairs[index - 1].visit if index else -1
            is_start = pair.visit // _SINCE_EVERY != before // _SINCE_EVERY
            if is_start and sum(held) > best:
                best, found = sum(held), pair
        return found


def _bounds(falls: Sequence[Fraction], error: float) -> tuple[Decimal, Decimal]:
    """Bounds of the change of the mean grade, at one look at all of them.

    Not those of a sequence that looks on the way: what it ruled out early would contradict a change
    that came later.
    """
    lower, upper = unit_bound(error / 2, 2), unit_bound(error / 2, 2)
    for fall in falls:
        lower.take(float(1 - fall) / 2)
        upper.take(float(1 + fall) / 2)
    return Decimal(lower.raise_edge()) / GRID - 1, 1 - Decimal(upper.raise_edge()) / GRID


def _fall(pair: Pair) -> Fraction:
    """By how much the grade fell, -1 to 1."""
    reference, now = pair.reference.grade, pair.now.grade
    if reference is None or now is None:
        raise ValueError("a pair has two grades")
    return reference - now


def _beyond(fall: float, borne: float) -> float:
    """What a bet on more than is borne wins: -1 or more, 0 on the mean at just that much."""
    return (fall - borne) / (1 + borne)


def _length_share(pair: Pair) -> float | None:
    """Tokens now over tokens now and then: a half on the mean if nothing changed."""
    now, then = pair.now.output_tokens, pair.reference.output_tokens
    return now / (now + then) if now > 0 and then > 0 else None


def _growth(pairs: Iterable[Pair]) -> Fraction | None:
    shares = [share for share in map(_length_share, pairs) if share is not None]
    if not shares:
        return None
    mean = Fraction(sum(shares) / len(shares))
    return (mean / (1 - mean)).limit_denominator(10**4)
