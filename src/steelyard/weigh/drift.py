"""Whether an offer is still what a verdict said: the same items again, a few at each look.

A pool of the task's items, in the run's order, is gone through from end to end, pass after pass.
What an item was first graded, by the verdict's run or by this watch, is its reference; every later
grade is compared with that. So item difficulty cancels, and if nothing changed both grades are
draws of one kind: their difference is nought on the mean, whatever noise there is.

*Why passes.* A reference is noisy itself and stays what it is: a pool that was lucky at its
reference looks worse than that for ever, and a test that adds up visit after visit must alarm some
day. Within one pass each reference counts once, so the pairs are independent and a gambler's
fortune is fair (``betting``); the next pass begins anew at a smaller error, error / (p (p + 1)) for
pass p. These add up to the error, whatever passes have in common. *Why the run's order.* A verdict
stops reading when it knows, which favours lucky references; a fair game stays fair when it is cut
off at a time that depends on what was read in the same order.

*Change of unknown date.* A new gambler begins every 20 items with an equal part of the money; the
sum is still fair, and nobody must first win back what was lost while all was well.

The design note ``weighing-statistics`` has the proofs. Called by ``control.drift``; pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from steelyard.weigh.betting import STAKES as ALL_STAKES
from steelyard.weigh.betting import check_error
from steelyard.weigh.sequences import GRID, unit_bound

STAKES = ALL_STAKES[:8]
"""Down to 6 %: who bets less can win nothing worth telling within one pass."""
START_EVERY = 20
"""Items of the pool from one gambler's start to the next."""
PAIRS_MIN = 20
"""With fewer comparisons nothing is said."""
RECENT = 4
"""Visits whose mean the second gauge of quality compares with the reference: noise averages out."""
QUALITY_SHARE = 0.75
"""Of the error; the rest is for the length of answers."""
_ERROR_TOLD = 0.05
"""Of the bounds told beside a change; they decide nothing."""
_CAUSES = ("quality", "length")


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


@dataclass(slots=True)
class Gauge:
    """Gamblers who begin one after the other: evidence that a mean has risen above a candidate.

    A factor is that of ``betting.Fortune``. What those who began hold together is kept stake by
    stake, so that one more observation costs a dozen multiplications however many began.
    """

    mean: float
    """The candidate; larger than 0."""
    error: float
    starts: int
    """Gamblers there will be; fixed before any observation."""
    is_rich: bool = False
    """Whether the candidate is refuted; the gauge stands still from then on."""
    evidence: float = 1.0
    """What all hold together, of an initial 1; those who have not begun hold their part."""
    _begun: int = 0
    _held: list[float] = field(default_factory=lambda: [0.0] * len(STAKES), repr=False)
    _known: dict[float, list[float]] = field(default_factory=dict, repr=False)

    @property
    def needed(self) -> float:
        """The evidence that refutes."""
        return 1 / self.error

    def begin(self) -> None:
        """Lets the next gambler begin; nobody when all have."""
        if self._begun < self.starts and not self.is_rich:
            self._begun += 1
            self._held = [held + 1.0 for held in self._held]

    def take(self, gain: float) -> None:
        """Bets on one more observation, in [0, 1]."""
        if self.is_rich:
            return
        factors = self._known.get(gain)
        if factors is None:
            factors = _factors(gain, self.mean)
            if len(self._known) < 64:
                self._known[gain] = factors
        self._held = [held * factor for held, factor in zip(self._held, factors, strict=True)]
        held = sum(self._held) / len(STAKES)
        self.evidence = (held + self.starts - self._begun) / self.starts
        self.is_rich = self.evidence >= self.needed


def _factors(gain: float, mean: float) -> list[float]:
    won = gain / mean - 1
    return [1 + stake * won for stake in STAKES]


class Pair(NamedTuple):
    """One item's reference and what it is now, both graded or both counted."""

    position: int
    """Of the item in the pool."""
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
    """Comparisons that the change is told of: of this pass, or of the one before it while this one
    has too few."""
    length: Fraction | None
    """Tokens of an answer now over those at the reference, typically; None when unknown."""
    is_better: bool
    """Whether quality is known to have risen by more than the tolerance; told, no alarm."""
    n_unscored: int
    """Visits without a grade since the references."""
    evidence: float
    """For a fall of quality, of which ``needed`` makes an alarm."""
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
        self._since_position = 0
        self.is_better = False
        self.n_unscored = 0
        self.pass_number = 0
        self._references = {
            name: seen for name, seen in references.items() if seen.grade is not None
        }
        self._recent: dict[str, deque[float]] = {}
        self._pairs: list[Pair] = []
        self._earlier: list[Pair] = []
        self._begin_pass()

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
        if self._position % START_EVERY == 0:
            for gauge in (self._quality, self._lasting, self._length, self._better):
                gauge.begin()
        sample = self.ids[self._position]
        reference = self._references.get(sample)
        if seen.grade is None:
            self.n_unscored += 1
        elif reference is None:
            self._references[sample] = seen
        else:
            self._compare(sample, Pair(self._position, reference, seen))
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
        self._recent.clear()
        self._pairs = []
        self._begin_pass()

    def finding(self) -> Finding:
        """What it says by now."""
        pairs = self._pairs if self.is_drifted or len(self._pairs) >= PAIRS_MIN else self._earlier
        pairs = pairs or self._pairs
        error = _ERROR_TOLD
        if self.is_drifted:
            # Of the part that speaks most strongly; chosen among so many, each has its share.
            pairs = [pair for pair in pairs if pair.position >= self._since_position]
            error /= self._quality.starts
        falls = [_fall(pair) for pair in pairs]
        lower, upper = _bounds(falls, error)
        state = State.STEADY if len(pairs) >= PAIRS_MIN else State.THIN
        return Finding(
            state=State.DRIFTED if self.is_drifted else state,
            causes=self.causes,
            since=self.since,
            change=1 - 2 * sum(map(Fraction, falls), Fraction(0)) / len(falls) if falls else None,
            lower=lower,
            upper=upper,
            n=len(falls),
            length=_growth(pairs),
            is_better=self.is_better,
            n_unscored=self.n_unscored,
            evidence=max(self._quality.evidence, self._lasting.evidence),
            needed=self._quality.needed,
            pass_number=self.pass_number,
        )

    def _begin_pass(self) -> None:
        self.pass_number += 1
        self._position = 0
        self._earlier, self._pairs = self._pairs, []
        rules, starts = self.rules, -(-len(self.ids) // START_EVERY)
        error = rules.error / (self.pass_number * (self.pass_number + 1))
        fallen = float(1 + rules.tolerance) / 2
        grown = float((1 + rules.longer) / (2 + rules.longer))
        self._quality = Gauge(fallen, error * QUALITY_SHARE / 2, starts)
        self._lasting = Gauge(fallen, error * QUALITY_SHARE / 2, 1)
        self._better = Gauge(fallen, error * QUALITY_SHARE, starts)
        self._length = Gauge(grown, error * (1 - QUALITY_SHARE), starts)

    def _compare(self, sample: str, pair: Pair) -> None:
        self._pairs.append(pair)
        fall = _fall(pair)
        recent = self._recent.setdefault(sample, deque(maxlen=RECENT))
        recent.append(fall)
        self._quality.take(fall)
        self._lasting.take(sum(recent) / len(recent))
        self._better.take(1 - fall)
        share = _length_share(pair)
        if share is not None:
            self._length.take(share)
        self.is_better = self.is_better or self._better.is_rich
        is_worse = self._quality.is_rich or self._lasting.is_rich
        alarms = (is_worse, self._length.is_rich)
        self.causes = tuple(name for name, is_one in zip(_CAUSES, alarms, strict=True) if is_one)
        if self.causes:
            first = self._find_since()
            self.since, self._since_position = first.now.at, first.position

    def _find_since(self) -> Pair:
        """The first visit of the part of this pass with the best of all starts."""
        is_quality = "quality" in self.causes
        mean = self._quality.mean if is_quality else self._length.mean
        best, found = 0.0, self._pairs[-1]
        held = [1.0] * len(STAKES)
        for index in reversed(range(len(self._pairs))):
            pair = self._pairs[index]
            gain = _fall(pair) if is_quality else _length_share(pair)
            if gain is not None:
                held = [h * f for h, f in zip(held, _factors(gain, mean), strict=True)]
            before = self._pairs[index - 1].position if index else -1
            is_start = pair.position // START_EVERY != before // START_EVERY
            if is_start and sum(held) > best:
                best, found = sum(held), pair
        return found


def _bounds(falls: Sequence[float], error: float) -> tuple[Decimal, Decimal]:
    """Bounds of the change of the mean grade, at one look at all of them.

    Not those of a sequence that looks on the way: what it ruled out early would contradict a change
    that came later.
    """
    lower, upper = unit_bound(error / 2, 2), unit_bound(error / 2, 2)
    for fall in falls:
        lower.take(1 - fall)
        upper.take(fall)
    return Decimal(lower.raise_edge()) / GRID - 1, 1 - Decimal(upper.raise_edge()) / GRID


def _fall(pair: Pair) -> float:
    """By how much the grade fell, moved from [-1, 1] to [0, 1]."""
    reference, now = pair.reference.grade, pair.now.grade
    if reference is None or now is None:
        raise ValueError("a pair has two grades")
    return float(1 + reference - now) / 2


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
