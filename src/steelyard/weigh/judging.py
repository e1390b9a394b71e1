"""Lets a judge model compare answers in pairs, and says how far it can be trusted.

Called by the runner for tasks without a program that could grade them. The caller injects ``ask``,
so that a judge's calls meet limits, budgets and the ledger like any other. A judge that answers
nonsense or not at all leaves the pair unscored with the reason; its cost is told all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import exp, fsum, lgamma, log, log1p

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, Grade
from steelyard.weigh.asking import Answer, Ask, Price
from steelyard.weigh.bills import Bill, Overrun
from steelyard.weigh.constancy import Constancy, Opinion
from steelyard.weigh.graders.judge import (
    Pair,
    Settled,
    Winner,
    demand_other_family,
    judge_request,
    read_opinion,
    settle,
)
from steelyard.weigh.tries import Patience, get_reply

_PLACES = (Winner.FIRST, Winner.SECOND)
_VALUES = {Winner.FIRST: Fraction(1), Winner.TIE: Fraction(1, 2), Winner.SECOND: Fraction(0)}


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, and by what."""

    offer: str
    model: str
    """Its name, from which the family is read."""
    language: str = "en"
    """Of the rubric: ``en`` or ``zh``."""
    criteria: str = ""
    """What else counts for this task."""
    families: Mapping[str, str] = field(default_factory=dict)
    """Families by beginnings of model names, before the table that is shipped."""
    concurrency: int = 4
    """Pairs at a time."""
    patience: Patience = Patience()
    price: Price | None = None
    """Of one opinion; None when it is not known."""
    constraint: Constraint = Constraint.NONE
    """What its answers are held to, so that each ends in an opinion; none asks freely."""

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigError("judge: concurrency is at least 1")

    def request(self, pair: Pair) -> dict[str, object]:
        """What it is asked about a pair as it stands.

        Raises:
            ConfigError: there is no rubric in its language.
        """
        return judge_request(
            pair, language=self.language, criteria=self.criteria, constraint=self.constraint
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one pair."""

    grade: Grade
    """Of the first answer: 1 won, 1/2 tie, 0 lost, or unscored."""
    settled: Settled | None
    """None when unscored, or when the answers were the same and nobody was asked."""
    cost_pico: int
    """Of all calls to the judge, in 10^-12 of ``currency``."""
    currency: str
    paid_pico: int = 0
    """What of it was paid now: opinions that were there already cost nothing again."""
    overrun: Overrun | None = None
    """Set where a call of the judge cost more than had been held for it."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with exact bounds (Clopper and Pearson) that hold at one look, not at every one."""

    count: int
    total: int
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """How a judge went about its pairs."""

    pairs: int
    unscored: int
    won: int
    """Pairs whose first answer won."""
    tied: int
    lost: int
    disagreement: Share
    """Pairs on which the judge changed its mind with the order, over those asked in both."""
    first_favoured: Share
    """Of the pairs that the place alone decided, those that went to the place shown first: a
    judge without a favourite place gives a half."""
    kept: Share
    """Of the pairs on which it named a better answer in both orders, those on which it named the
    same one. Who does not read the answers keeps at most a half: one that takes the place shown
    first with chance p keeps ``2p(1-p)``, over ``p² + (1-p)²`` where it does not."""
    indifferent: int
    """Pairs that its opinions made a tie: it saw none better, or turned with the order."""
    is_reading: bool
    """Whether it keeps to its opinion oftener than one that does not read the answers could, which
    holds however often one looks (``constancy``), as the bounds of ``kept`` do not."""

    @property
    def is_biased(self) -> bool:
        """Whether the bounds leave out an even share."""
        return not self.first_favoured.lower <= 0.5 <= self.first_favoured.upper


async def judge_pair(ask: Ask, judge: Judge, pair: Pair, *, task: str) -> Judged:
    """Asks about one pair in both orders.

    Equal answers are a tie without a call; an empty or endless one is unscored without a call.

    Args:
        ask: sends one request to one offer.
        judge: who is asked.
        pair: the grade is that of its first answer.
        task: for the booking of the calls.

    Raises:
        ConfigError: there is no rubric in the judge's language.
        SteelyardError: what every further call would meet too (no access, no money).
    """
    bill = Bill(judge.price)
    if not pair.first.strip() or not pair.second.strip():
        return _unscored("an answer of the pair holds nothing", bill)
    if pair.first.strip() == pair.second.strip():
        return Judged(Grade(Fraction(1, 2), "the answers are the same"), None, 0, "")
    if pair.is_too_long:
        return _unscored("the pair is too long to be judged", bill)
    opinions = []
    for shown in (pair, pair.turned):
        once = partial(ask, judge.offer, judge.request(shown), task=task)
        reply = await get_reply(once, bill, judge.patience)
        if bill.overrun is not None:
            return _unscored("the judge cost more than was held for it", bill)
        if not isinstance(reply, Answer):
            reason = reply.reason if reply else "paused too often"
            return _unscored(f"the judge gave no answer: {reason}", bill)
        opinion = read_opinion(reply.text, judge.constraint)
        if opinion is None:
            return _unscored("the judge answered nonsense", bill)
        opinions.append(opinion)
    settled = settle(*opinions)
    reason = "the judge's opinion turned with the order" if settled.is_disagreed else ""
    grade = Grade(_VALUES[settled.winner], reason, settled.winner)
    return Judged(grade, settled, bill.cost_pico, bill.currency, bill.paid_pico)


async def judge_all(
    ask: Ask,
    judge: Judge,
    pairs: Sequence[Pair],
    *,
    models: Iterable[str],
    task: str,
    on_judged: Callable[[int, Judged], None] | None = None,
) -> list[Judged]:
    """Judges pairs, a few at a time, and gives the results in the order of the pairs.

    Args:
        ask: sends one request to one offer.
        judge: who is asked.
        pairs: what is compared.
        models: whose answers they are; none may be of the judge's family.
        task: for the booking of the calls.
        on_judged: told of each result as it comes, with the pair's place.

    Raises:
        ConfigError: the judge is kin to one of the judged, or there is no rubric in its language.
        SteelyardError: what every further call would meet too.
    """
    demand_other_family(judge.model, tuple(models), judge.families)
    results: dict[int, Judged] = {}
    waiting = iter(enumerate(pairs))

    async def work() -> None:
        for place, pair in waiting:
            results[place] = await judge_pair(ask, judge, pair, task=task)
            if on_judged is not None:
                on_judged(place, results[place])

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(judge.concurrency, len(pairs))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [results[place] for place in range(len(pairs))]


def report_on(judged: Iterable[Judged], confidence: float = 0.95) -> JudgeReport:
    """How a judge went about its pairs.

    Args:
        judged: the results, in the order of the pairs.
        confidence: of the bounds, two-sided.

    Raises:
        ValueError: the confidence does not lie between 0 and 1.
    """
    results = list(judged)
    values = [each.grade.value for each in results]
    settled = [each.settled for each in results if each.settled is not None]
    favoured = [each.favoured for each in settled if each.favoured in _PLACES]
    constancy = Constancy()
    for each in settled:
        constancy.take(Opinion.of(each))
    return JudgeReport(
        pairs=len(results),
        unscored=values.count(None),
        won=values.count(Fraction(1)),
        tied=values.count(Fraction(1, 2)),
        lost=values.count(Fraction(0)),
        disagreement=share(sum(each.is_disagreed for each in settled), len(settled), confidence),
        first_favoured=share(favoured.count(Winner.FIRST), len(favoured), confidence),
        kept=share(constancy.n_kept, constancy.n_named, confidence),
        indifferent=constancy.n_tied,
        is_reading=constancy.is_reading,
    )


def share(count: int, total: int, confidence: float = 0.95) -> Share:
    """A share with its exact bounds; 0 to 1 when there is nothing to count.

    Raises:
        ValueError: the confidence does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not {confidence}")
    tail = (1 - confidence) / 2
    lower = _solve(lambda p: _at_least(count, total, p), tail) if count else 0.0
    upper = 1.0
    if count < total:
        upper = 1 - _solve(lambda p: _at_least(total - count, total, p), tail)
    return Share(count, total, lower, upper)


def _at_least(count: int, total: int, chance: float) -> float:
    """The chance of at least so many; by logarithms, as powers of large totals vanish."""
    if chance <= 0 or chance >= 1:
        return float(chance >= 1)
    logs = (
        lgamma(total + 1)
        - lgamma(k + 1)
        - lgamma(total - k + 1)
        + k * log(chance)
        + (total - k) * log1p(-chance)
        for k in range(count, total + 1)
    )
    return fsum(map(exp, logs))


def _solve(rising: Callable[[float], float], target: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return low


def _unscored(reason: str, bill: Bill) -> Judged:
    grade = Grade.unscored(reason)
    return Judged(grade, None, bill.cost_pico, bill.currency, bill.paid_pico, bill.overrun)
