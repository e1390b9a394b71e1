"""Whether an offer is still what a verdict said: the same items again, a few at each look.

A pool of the task's items, in the run's order, is gone through from end to end, pass after pass.
The first grades of an item, by the verdict's run and by this watch, are its references; later ones
are compared with them. So item difficulty cancels, and if nothing changed all grades of an item are
draws of one kind: the difference of two is nought on the mean, whatever noise there is.

*Why gamblers leave.* A reference is noisy itself and stays what it is: a pool that was lucky at its
reference looks worse than that for ever, and a test that adds up visit after visit must alarm some
day. A gambler plays round after round through the pool, each against other references, taken before
it began; so it sees no grade twice, its pairs are independent and its fortune is fair
(``betting``). When it has no references left it leaves. The errors of all add up to the one stated,
whatever they have in common. *Why the run's order.* A verdict stops reading when it knows, which
favours lucky references; a fair game stays fair when it is cut off at a time that depends on what
was read in the same order. So those who begin in the first pass, while items may be without a
reference, leave at its end.

*Why two claims.* An alarm says that something changed, and that the mean fell by more than is
borne. The first is what the stated error is about. The second has a larger error of its own, and so
a tolerance takes nothing from how soon a change is known.

*Change of unknown date.* A gambler begins every 100 visits, so one of them has lost little while
all was well.

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
from steelyard.weigh.gamblers import STAKES, Bet, Gambler
from steelyard.weigh.sequences import GRID, unit_bound

START_EVERY: Final = 100
"""Visits from one gambler's start to the next; fewer when nobody plays any more."""
EQUALS: Final = 3
"""Gamblers one after the other who have equal parts of the error; later ones have less."""
VISITS_MAX: Final = 600
"""That a gambler plays, up to the end of that round; fewer while there are fewer references."""
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


class Claim(StrEnum):
    """What gamblers bet against."""

    SAME = "same"
    """Grades now are draws of the same kind as the references."""
    BORNE = "borne"
    """The mean grade fell by no more than the tolerance."""
    NOT_BETTER = "not_better"
    """It rose by no more than the tolerance."""
    NOT_LONGER = "not_longer"
    """Answers grew by no more than is borne."""


class Seen(NamedTuple):
    """One item as it was answered at one visit."""

    grade: Fraction | None
    """None when there is none; such a visit says nothing about quality."""
    output_tokens: int
    """Total, reasoning included; 0 when unknown."""
    at: datetime
    """Aware, UTC."""


class Pair(NamedTuple):
    """One item's reference and what it is now, both graded."""

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
    """Mean grade now minus at the first reference, over the comparisons of ``n``."""
    lower: Decimal
    """Bounds of the change at 95 %, whenever one looks."""
    upper: Decimal
    n: int
    """Comparisons that the change is told of: of the last round through the pool, and of a watch
    that has alarmed only those since ``since``."""
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
        self._rounds = -(-VISITS_MAX // len(self.ids))
        self._position = 0
        self._visit = 0
        self._n_begun = 0
        self._first_pass = 1
        longer = self.rules.longer
        self._borne = float(self.rules.tolerance)
        self._share_borne = float((1 + longer) / (2 + longer))
        # A run's references were there before the first visit.
        self._references = {
            name: [(-1, seen)] for name, seen in references.items() if seen.grade is not None
        }
        self._pairs: deque[Pair] = deque()
        self._gamblers: deque[Gambler] = deque()

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
        while self._gamblers and self._gamblers[0].ends <= self._visit:
            self._gamblers.popleft()
        if not self._gamblers or self._visit - self._gamblers[-1].begun >= START_EVERY:
            self._gamblers.append(self._begin())
            self._n_begun += 1
        if seen.grade is None:
            self.n_unscored += 1
        else:
            references = self._references.setdefault(self.ids[self._position], [])
            if references:
                self._compare(references, seen)
            if len(references) < self._rounds:
                references.append((self._visit, seen))
        self._visit += 1
        self._position += 1
        if self._position == len(self.ids) and not self.is_drifted:
            self._begin_pass()

    def begin_anew(self) -> None:
        """Takes what is now for the reference: the change is known and accepted.

        Gamblers are counted on, and so the errors of all still add up to the one stated.
        """
        self.causes, self.since, self.is_better = (), None, False
        self._references.clear()
        self._pairs.clear()
        self._gamblers.clear()
        self._begin_pass()
        self._first_pass = self.pass_number

    def finding(self) -> Finding:
        """What it says by now."""
        since, error = self._visit - len(self.ids), _ERROR_TOLD
        if self.is_drifted:
            # Of the part that speaks most strongly; chosen among so many, each has its share.
            parts = (self._visit - self._since_visit) // _SINCE_EVERY + 1
            since, error = max(since, self._since_visit), error / (parts * (parts + 1))
        pairs = [pair for pair in self._pairs if pair.visit >= since]
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
        found = [
            max((each.bets[claim] for each in self._gamblers), key=Bet.part, default=None)
            for claim in (Claim.SAME, Claim.BORNE)
        ]
        bets = [bet for bet in found if bet is not None]
        least = min(bets, key=Bet.part) if bets else self._begin().bets[Claim.SAME]
        return least.best, least.needed

    def _refuted(self) -> set[str]:
        return set().union(*(each.refuted for each in self._gamblers))

    def _begin(self) -> Gambler:
        """Who begins now: with a part of the errors, and for as long as there are references."""
        passes = self.pass_number - self._first_pass
        ends = self._visit + len(self.ids) * min(max(passes, 1), self._rounds)
        if self.pass_number == 1:
            ends = len(self.ids)
        rank = self._n_begun // EQUALS + 1
        parts = EQUALS * rank * (rank + 1)
        quality = self.rules.error * QUALITY_SHARE
        errors = {
            Claim.SAME: quality,
            Claim.BORNE: BORNE_ERROR,
            Claim.NOT_BETTER: quality,
            Claim.NOT_LONGER: self.rules.error - quality,
        }
        bets: dict[str, Bet] = {claim: Bet(parts / error) for claim, error in errors.items()}
        return Gambler(self._visit, ends, bets)

    def _begin_pass(self) -> None:
        self.pass_number += 1
        self._position = 0

    def _compare(self, references: Sequence[tuple[int, Seen]], now: Seen) -> None:
        size = len(self.ids)
        while self._pairs and self._pairs[0].visit <= self._visit - self._rounds * size:
            self._pairs.popleft()
        self._pairs.append(Pair(self._visit, references[0][1], now))
        wins: dict[int, dict[str, float]] = {}
        for gambler in self._gamblers:
            number = (self._visit - gambler.begun) // size
            # A reference taken since would be met twice: as a grade and as a reference.
            if number < len(references) and references[number][0] < gambler.begun:
                if number not in wins:
                    wins[number] = self._wins(Pair(self._visit, references[number][1], now))
                gambler.take(wins[number])
        refuted = self._refuted()
        self.is_better = self.is_better or Claim.NOT_BETTER in refuted
        alarms = (refuted >= {Claim.SAME, Claim.BORNE}, Claim.NOT_LONGER in refuted)
        self.causes = tuple(name for name, is_one in zip(_CAUSES, alarms, strict=True) if is_one)
        if self.causes:
            first = self._find_since()
            self.since, self._since_visit = first.now.at, first.visit

    def _wins(self, pair: Pair) -> dict[str, float]:
        """What a bet against each claim wins: -1 or more, and 0 on the mean where it holds."""
        fall, borne = float(_fall(pair)), self._borne
        wins: dict[str, float] = {
            Claim.SAME: fall,
            Claim.BORNE: (fall - borne) / (1 + borne),
            Claim.NOT_BETTER: (-fall - borne) / (1 + borne),
        }
        share = _length_share(pair)
        if share is not None:
            wins[Claim.NOT_LONGER] = share / self._share_borne - 1
        return wins

    def _find_since(self) -> Pair:
        """The first visit of the part that speaks most strongly for a change, of all parts."""
        claim = Claim.BORNE if "quality" in self.causes else Claim.NOT_LONGER
        pairs, best, found = list(self._pairs), 0.0, self._pairs[-1]
        held = [1.0] * len(STAKES)
        for index in reversed(range(len(pairs))):
            pair = pairs[index]
            win = self._wins(pair).get(claim, 0.0)
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
