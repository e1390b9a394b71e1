"""Verdicts on tasks: which may be left to a model, how far the others are, what opens them again.

The rules are ``domain.readiness``; here offers, verdicts and prices are put side by side. Costs are
those of the verdicts' calls at today's prices (``control.proofs.costs``). An offer that nobody
weighed is taken to need the tokens of the best-known one: an estimate, and told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.control.prices import book as price_book
from steelyard.control.prices import levels as price_levels
from steelyard.control.prices.levels import Level, Week
from steelyard.control.proofs import measured, proving, quarantine
from steelyard.control.proofs.costs import Prices, per_accepted
from steelyard.control.proofs.proving import Proof
from steelyard.domain.instants import instant_ns
from steelyard.domain.offers import takes_chats
from steelyard.domain.readiness import (
    Candidate,
    Cost,
    Readiness,
    Reopened,
    cheapest,
    readiness,
    reopened,
)
from steelyard.domain.tallies import Tally
from steelyard.domain.tasks import Status, decide
from steelyard.domain.verdict_life import Cause, Standing
from steelyard.store import exchange, objects, revisions, settings
from steelyard.store.objects import Stored

_Estimate = tuple[Cost | None, Fraction | None]
"""Cost per accepted answer, and of weighing."""


@dataclass(slots=True)
class _Model:
    """The offer by whose tokens others are estimated."""

    level: Level | None
    """What its tokens cost then, in the home currency."""
    each_pico: Fraction
    """What one item cost then, in pico-units of it."""
    n_items: int
    """Items it was asked."""
    used: Tally | None
    """What its calls used; None where nobody knows."""
    known: dict[Week | None, _Estimate] = field(default_factory=dict)
    """By prices: a book of thousands of offers has few."""


class TaskVerdict(NamedTuple):
    """The verdict on a task, and what it rests on."""

    task: str
    title: str
    floor: Decimal
    supervised_floor: Decimal
    verdict: Readiness
    cost: Cost | None
    """Of an accepted answer of the cheapest proven offer, in the home currency."""
    candidates: Sequence[Candidate]
    reopened: Sequence[Reopened]
    currency: str
    """The home currency: of all costs here."""


def load(
    connection: Connection, now_ns: int, only: str | None = None, *, is_weighed: bool = False
) -> list[TaskVerdict]:
    """The verdicts on all tasks, or on one, as of ``now_ns`` (UTC).

    ``is_weighed``: on those only that somebody weighed.
    """
    tasks = {
        name: stored
        for name, stored in objects.current(connection, "task").items()
        if only in (None, name)
    }
    proofs = proving.load(connection, tasks, now_ns, has_used=True)
    if is_weighed:
        tasks = {name: stored for name, stored in tasks.items() if name in proofs}
    if not tasks:
        return []
    ground = _Ground(connection, now_ns)
    return [
        _task_verdict(ground, stored, proofs.get(name, {}))
        for name, stored in sorted(tasks.items())
    ]


def _task_verdict(ground: _Ground, stored: Stored, proofs: Mapping[str, Proof]) -> TaskVerdict:
    floor = Decimal(stored.body["floor"])
    wanted = stored.body.get("proof", {})
    supervised = Decimal(wanted.get("supervised_floor", max(Decimal(0), floor - Decimal("0.1"))))
    model = ground.model_of(proofs.values())
    after = [ground.candidate(name, proofs.get(name), model) for name in ground.names]
    first = cheapest(after)
    return TaskVerdict(
        task=stored.name,
        title=str(stored.body["title"]),
        floor=floor,
        supervised_floor=supervised,
        verdict=readiness(after, floor, supervised),
        cost=first.cost if first is not None else None,
        candidates=after,
        reopened=reopened(ground.before(proofs, floor, model), after) if proofs else (),
        currency=ground.home,
    )


class _Ground:
    """Offers that are for sale and answer chats, and their prices, read once."""

    def __init__(self, connection: Connection, now_ns: int) -> None:
        self._now_ns = now_ns
        self.home = str(settings.get(connection, "home_currency", "CNY"))
        offers = measured.offers(connection)
        rates = price_book.offer_rates(connection, offers)
        self._prices = Prices(rates, now_ns)
        self._held = quarantine.held(connection, offers)
        channels = objects.current(connection, "channel")
        self.names = [
            name
            for name, stored in offers.items()
            if stored.body["enabled"]
            and stored.body["channel"] in channels
            and takes_chats(stored.body["features"])
            and self._level(name, now_ns) is not None
        ]
        first = objects.first_revisions(connection, "offer")
        times = revisions.times(connection, set(first.values()))
        self._began = {name: times.get(revision, 0) for name, revision in first.items()}
        self._worth: dict[str, Fraction | None] = {self.home: Fraction(1), "": Fraction(1)}
        for currency in {rate.currency for some in rates.values() for rate in some}:
            if currency not in self._worth:
                rate = exchange.newest(connection, currency, self.home, now_ns)
                self._worth[currency] = None if rate is None else rate.value

    def model_of(self, proofs: Iterable[Proof]) -> _Model | None:
        """The offer asked most on a task, by which others are estimated; None without any."""
        verdict = max(
            (proof.verdict for proof in proofs if proof.verdict.cost_pico and proof.verdict.n),
            key=lambda each: (each.n, each.offer),
            default=None,
        )
        if verdict is None:
            return None
        count = verdict.n + verdict.n_unscored
        then = self._level(verdict.offer, instant_ns(verdict.decided_at))
        level = self._home_level(then or self._level(verdict.offer, self._now_ns))
        each = self._at_home(verdict.currency, Fraction(verdict.cost_pico, count))
        if each is None or (level is None and verdict.used is None):
            return None
        return _Model(level, each, count, verdict.used)

    def candidate(self, name: str, proof: Proof | None, model: _Model | None) -> Candidate:
        """An offer as it stands on a task today."""
        held = self._held[name].reason if name in self._held else ""
        if proof is None:
            cost, whole = self._estimate(name, model, self._now_ns)
            return Candidate(name, cost=cost, held=held, weighing_pico=whole)
        verdict = proof.verdict
        now = self._prices.now(verdict)
        worth = None if now is None else self._worth.get(now.currency)
        if now is None or worth is None:
            return Candidate(name, verdict, proof.standing, held=held)
        cost = per_accepted(verdict, now, worth)
        return Candidate(name, verdict, proof.standing, cost, held, now.mean * worth)

    def before(
        self, proofs: Mapping[str, Proof], floor: Decimal, model: _Model | None
    ) -> list[Candidate]:
        """The offers as they stood when the task was decided.

        Each with the verdict it won, at the price of then; those that nobody weighed if they were
        there when the oldest of the verdicts that hold was won.
        """
        since_ns = _decided_ns(proofs.values())
        found = []
        for name, proof in proofs.items():
            verdict = proof.verdict
            status = decide(verdict.lower, verdict.upper, floor, verdict.unscored_share)
            then = self._prices.then(verdict)
            worth = self._worth.get(then.currency)
            cost = None if worth is None else per_accepted(verdict, then, worth)
            found.append(Candidate(name, verdict, Standing(status), cost))
        for name in self.names:
            if name in proofs or self._began.get(name, 0) > since_ns:
                continue
            if self._level(name, since_ns) is not None:
                found.append(Candidate(name, cost=self._estimate(name, model, since_ns)[0]))
        return found

    def _estimate(self, name: str, model: _Model | None, at_ns: int) -> _Estimate:
        """What an offer that nobody weighed may cost per accepted answer, and to weigh.

        By the tokens of another: no accepted answer costs less than one answer to one item does.
        """
        if model is None:
            return None, None
        week = self._prices.week(name, at_ns)
        if week not in model.known:
            model.known[week] = self._scaled(model, week)
        return model.known[week]

    def _scaled(self, model: _Model, week: Week | None) -> _Estimate:
        """What the model's tokens come to at other prices."""
        worth = None if week is None else self._worth.get(week.currency)
        if week is None or worth is None:
            return None, None
        whole = None if model.used is None else week.cost(model.used)
        if whole is not None:
            each = whole * worth / model.n_items
            return Cost(each, each), whole * worth
        factor = price_levels.change(model.level, self._home_level(week.level))
        if factor is None:
            return None, None
        mean = model.each_pico * (factor[0] + factor[1]) / 2
        return Cost(mean, model.each_pico * factor[0]), mean * model.n_items

    def _level(self, offer: str, at_ns: int) -> Level | None:
        week = self._prices.week(offer, at_ns)
        return None if week is None else week.level

    def _home_level(self, level: Level | None) -> Level | None:
        worth = None if level is None else self._worth.get(level.currency)
        if level is None or worth is None:
            return None
        return Level(self.home, level.input_pico * worth, level.output_pico * worth)

    def _at_home(self, currency: str, amount: Fraction) -> Fraction | None:
        worth = self._worth.get(currency)
        return None if worth is None else amount * worth


def _decided_ns(proofs: Iterable[Proof]) -> int:
    """When the oldest verdict that a task's rests on was won (UTC, nanoseconds).

    Of those that hold, if there is one: what is stale would open the task by itself.
    """
    won = [
        (proof.standing.status is Status.STALE, instant_ns(proof.verdict.decided_at))
        for proof in proofs
        if proof.standing.cause is not Cause.GONE
    ]
    return min(won, default=(True, 0))[1]
