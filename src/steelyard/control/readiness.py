"""Verdicts on tasks: which may be left to a model, how far the others are, what opens them again.

The rules are ``domain.readiness``; here offers, verdicts and prices are put side by side. Costs are
those of the verdicts, moved by what prices did since. How much of a cost was input is not kept, so
where input and output prices moved unlike a cost lies between two figures. An offer that nobody
weighed is taken to need the tokens of the best-known one: an estimate, and told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.control import measured, price_book, price_levels, proving, quarantine
from steelyard.control.price_levels import Level
from steelyard.control.proving import Proof
from steelyard.domain.instants import instant_ns
from steelyard.domain.offers import takes_chats
from steelyard.domain.rates import Rate
from steelyard.domain.readiness import (
    Candidate,
    Cost,
    Readiness,
    Reopened,
    cheapest,
    readiness,
    reopened,
)
from steelyard.domain.tasks import Status, Verdict, decide
from steelyard.domain.verdict_life import Cause, Standing
from steelyard.store import exchange, objects, revisions, settings
from steelyard.store.objects import Stored

_Factor = tuple[Fraction, Fraction]
"""By what a cost grew or shrank, at least and at most."""
_SAME: _Factor = (Fraction(1), Fraction(1))
_Estimate = tuple[Cost | None, Fraction | None]
"""Cost per accepted answer, and of weighing."""


@dataclass(slots=True)
class _Model:
    """The offer by whose tokens others are estimated."""

    level: Level
    """What its tokens cost then, in the home currency."""
    each_pico: Fraction
    """What one item cost then, in pico-units of it."""
    n_items: int
    """Items it was asked."""
    known: dict[int, _Estimate] = field(default_factory=dict)
    """By number of a level: a book of thousands of offers has few prices."""


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
    proofs = proving.load(connection, tasks, now_ns)
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
        self._levels: dict[tuple[str, int], Level | None] = {}
        self._known: price_levels.Known = {}
        self._numbers: dict[Level | None, int] = {}
        self._numbered: dict[tuple[str, int], int] = {}
        self.home = str(settings.get(connection, "home_currency", "CNY"))
        offers = measured.offers(connection)
        self._rates = price_book.offer_rates(connection, offers)
        self._moved = {name: _moved_ns(rates, now_ns) for name, rates in self._rates.items()}
        self._held = quarantine.held(connection, offers)
        channels = objects.current(connection, "channel")
        self.names = [
            name
            for name, stored in offers.items()
            if stored.body["enabled"]
            and stored.body["channel"] in channels
            and takes_chats(stored.body["features"])
            and self.level(name, now_ns) is not None
        ]
        first = objects.first_revisions(connection, "offer")
        times = revisions.times(connection, set(first.values()))
        self._began = {name: times.get(revision, 0) for name, revision in first.items()}
        self._worth: dict[str, Fraction | None] = {self.home: Fraction(1), "": Fraction(1)}
        for currency in {rate.currency for rates in self._rates.values() for rate in rates}:
            if currency not in self._worth:
                rate = exchange.newest(connection, currency, self.home, now_ns)
                self._worth[currency] = None if rate is None else rate.value

    def level(self, offer: str, at_ns: int) -> Level | None:
        """What an offer's tokens cost at an instant."""
        if at_ns >= self._moved.get(offer, 0):
            at_ns = self._now_ns
        key = offer, at_ns
        if key not in self._levels:
            self._levels[key] = price_levels.level(self._rates.get(offer, ()), at_ns, self._known)
        return self._levels[key]

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
        then = self.level(verdict.offer, instant_ns(verdict.decided_at))
        level = self._home_level(then or self.level(verdict.offer, self._now_ns))
        each = self._at_home(verdict.currency, Fraction(verdict.cost_pico, count), _SAME)
        return None if level is None or each is None else _Model(level, each, count)

    def candidate(self, name: str, proof: Proof | None, model: _Model | None) -> Candidate:
        """An offer as it stands on a task today."""
        held = self._held[name].reason if name in self._held else ""
        if proof is None:
            cost, whole = self._estimate(name, model, self._now_ns)
            return Candidate(name, cost=cost, held=held, weighing_pico=whole)
        factor = self._factor(proof.verdict)
        cost = self._cost(proof.verdict, factor)
        whole = self._at_home(proof.verdict.currency, Fraction(proof.verdict.cost_pico), factor)
        return Candidate(name, proof.verdict, proof.standing, cost, held, whole)

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
            found.append(Candidate(name, verdict, Standing(status), self._cost(verdict, _SAME)))
        for name in self.names:
            if name in proofs or self._began.get(name, 0) > since_ns:
                continue
            if self.level(name, since_ns) is not None:
                found.append(Candidate(name, cost=self._estimate(name, model, since_ns)[0]))
        return found

    def _cost(self, verdict: Verdict, factor: _Factor | None) -> Cost | None:
        """Cost per accepted answer, in the home currency."""
        accepted = verdict.cost_per_accepted_pico
        worth = self._worth.get(verdict.currency)
        if accepted is None or factor is None or worth is None:
            return None
        least, most = (each * worth for each in factor)
        lower = accepted if verdict.cost_lower_pico is None else verdict.cost_lower_pico
        upper = None if verdict.cost_upper_pico is None else verdict.cost_upper_pico * most
        return Cost(accepted * (least + most) / 2, min(lower, accepted) * least, upper)

    def _factor(self, verdict: Verdict) -> _Factor | None:
        """What prices did to the verdict's costs since; None where nobody knows."""
        now = self.level(verdict.offer, self._now_ns)
        if now is None or verdict.currency not in ("", now.currency):
            return None
        then = self.level(verdict.offer, instant_ns(verdict.decided_at))
        # A price that nobody knows of then is taken to be today's.
        return price_levels.change(then or now, now)

    def _estimate(self, name: str, model: _Model | None, at_ns: int) -> _Estimate:
        """What an offer that nobody weighed may cost per accepted answer, and to weigh.

        By the tokens of another: no accepted answer costs less than one answer to one item does.
        """
        if model is None:
            return None, None
        if at_ns >= self._moved.get(name, 0):
            at_ns = self._now_ns
        key = name, at_ns
        if key not in self._numbered:
            level = self._home_level(self.level(*key))
            self._numbered[key] = self._numbers.setdefault(level, len(self._numbers))
        number = self._numbered[key]
        if number not in model.known:
            model.known[number] = _scaled(model, self._home_level(self.level(*key)))
        return model.known[number]

    def _home_level(self, level: Level | None) -> Level | None:
        worth = None if level is None else self._worth.get(level.currency)
        if level is None or worth is None:
            return None
        return Level(self.home, level.input_pico * worth, level.output_pico * worth)

    def _at_home(self, currency: str, amount: Fraction, factor: _Factor | None) -> Fraction | None:
        worth = self._worth.get(currency)
        if worth is None or factor is None:
            return None
        return amount * worth * (factor[0] + factor[1]) / 2


def _scaled(model: _Model, level: Level | None) -> _Estimate:
    """What the model's tokens come to at another level."""
    factor = price_levels.change(model.level, level)
    if factor is None:
        return None, None
    mean = model.each_pico * (factor[0] + factor[1]) / 2
    return Cost(mean, model.each_pico * factor[0]), mean * model.n_items


def _moved_ns(rates: Iterable[Rate], now_ns: int) -> int:
    """When a price began or ended last until now (UTC, nanoseconds)."""
    edges = (edge for rate in rates for edge in (rate.valid_from, rate.valid_to) if edge)
    return max((at_ns for at_ns in map(instant_ns, edges) if at_ns <= now_ns), default=0)


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
