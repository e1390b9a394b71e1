"""Several offers on one task: which are good enough, and which of those costs least.

The caller asks ``next()`` whom to ask what, hands each finished item to ``take()`` and reads
``verdicts()`` at any time. Plain data: no loop, no clock, no network.

**What is promised.** With at least ``confidence``, no verdict of the whole race is wrong, however
often one looks, whenever one stops and whatever made one stop: nothing is called proven whose true
mean lies below the floor (outside the margin), nothing failed that lies on or above it.
*Proof.* Let an offer's grades be a table, fixed before the race, of independent rows (an item, or a
cluster of them; one row holds what all offers would get for it). With K offers in question, each is
tested against its floor by two gamblers, either at error a = (1 - confidence) / max(2, K). An
offer's true mean is on one side of the floor, so only one of its two claims can be wrong. That one
is made only if its gambler *ever* holds 1 / a over the rows of the table read from the first on:
probability at most a (Ville's inequality), and this counts every row that might ever be read. Which
rows are read, how the rule below chooses and what the other offers did can only keep the event from
being seen. The union over the K offers is at most 1 - confidence. For the bounds of one offer, both
sides together, it is 2 a <= 1 - confidence.
Why a plain union: offers stop at different depths of the same items, so their fortunes belong to
different histories. Averages of such fortunes (e-BH, e-Holm) are no fair bets any more and do not
hold the error at suprema (Choe and Ramdas 2024; Tavyrikov, Goeman and de Heide 2025). Holm's steps
would be lawful for the one claim "proven", at the price of the other; halving the error to have
both gains nothing over the union (docs/design/weighing-statistics.md).

**The cheapest.** Costs per accepted answer have bounds of their own, all of them together right
with at least ``confidence``. An offer is left alone once it is known to cost at least as much as a
proven one, within ``tolerance``. Named cheapest is a proven one when all others have failed or been
left alone so; never on a guess.

**Whom to ask.** For ``Goal.ALL`` whoever has been asked least: clear cases leave after a few items
and what remains is for the close ones. For ``Goal.CHEAPEST`` whoever has cost least: a dear offer
gets a call when the cheap ones have used up as much money, so finding a good one costs at most what
the best order of trying would have cost times the number of offers. The items come in one order,
from the first, so that pairs exist; with a margin the reference is asked first.

**Order of arrival.** A race reads answers in the order in which it would have asked for them, had
each come at once. Those that come early wait. So the verdicts depend on the grades alone, not on
which vendor is quick; what was asked ahead in vain is paid for and not read. (Under a money limit
that is nearly used up it may end earlier for it, never differently.)

A wrong cost limit, an item shown to a vendor before, or grades that depend on each other beyond
their clusters break the promise; nothing here can see that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.constancy import Opinion
from steelyard.weigh.entrants import Entrant, Floor, Goal, Lane, Margin, Rules, Standing, make_lanes


@dataclass(slots=True)
class _Place:
    """Where a lane is, or would be if what it was asked had been answered."""

    lane: Lane
    position: int
    cost_pico: int

    @classmethod
    def of(cls, lane: Lane) -> _Place:
        return cls(lane, lane.position, lane.cost_pico)


class Race:
    """A race, from the first question to the verdicts."""

    def __init__(self, entrants: Sequence[Entrant], target: Floor | Margin, rules: Rules) -> None:
        """Sets the offers on the line.

        Args:
            entrants: at least one; with a margin the reference is among them.
            target: what is good enough.
            rules: the terms.

        Raises:
            ValueError: an offer is named twice, or the reference is not there or alone.
        """
        names = [entrant.name for entrant in entrants]
        if not names or len(set(names)) < len(names):
            raise ValueError("a race needs offers, each named once")
        n_tested = len(names)
        if isinstance(target, Margin):
            n_tested -= 1
            if target.reference not in names or not n_tested:
                raise ValueError("the reference runs, and is not the only one")
        self._rules = rules
        error = float(1 - rules.confidence) / max(2, n_tested + rules.n_decided)
        self._lanes = make_lanes(entrants, target, rules, error)
        self._by_name = dict(zip(names, self._lanes, strict=True))
        self._reference = self._by_name[target.reference] if isinstance(target, Margin) else None
        self._ends = frozenset(end - 1 for end in accumulate(rules.cluster_sizes))
        self._live: list[Lane] = []
        self._due: _Place | None = None
        self._is_ended = False
        self._halted = ""
        self._paid_pico = 0
        self._apart_pico = 0
        self._refresh()

    def next(self) -> tuple[str, int] | None:
        """The next question: an offer and an item's place in the order.

        May be called again before the answer is there; what it gives then is asked ahead, on the
        guess that what is in flight settles nothing.

        Returns:
            None when there is nothing to ask now. If nothing is in flight, that is the end.
        """
        if self._due is None:
            return None
        due = self._due
        if due.position not in due.lane.asked:
            if self._is_free(due.lane) and self._can_pay(due.lane):
                return self._hand_out(due.lane, due.position)
            if not any(lane.asked for lane in self._lanes):
                self._due = None  # what was asked ahead has used up the money for this one
                self._end()
            return None
        places = [_Place.of(lane) for lane in self._live]
        reference = _Place.of(self._reference) if self._reference else None
        blocked: set[str] = set()
        while (place := self._pick(places, reference, blocked)) is not None:
            lane = place.lane
            if place.position in lane.asked or place.position in lane.answers:
                place.position += 1
                place.cost_pico += lane.entrant.cost_pico
            elif self._is_free(lane) and self._can_pay(lane):
                return self._hand_out(lane, place.position)
            else:
                blocked.add(lane.entrant.name)
        return None

    def take(
        self,
        offer: str,
        index: int,
        grade: Grade,
        cost_pico: int,
        paid_pico: int | None = None,
        *,
        opinion: Opinion = Opinion.NONE,
    ) -> None:
        """Takes a finished item, asked by ``next`` or by an earlier run.

        Args:
            offer: whose answer it is.
            index: the item's place in the order.
            grade: unscored if there is no answer or no grade.
            cost_pico: of all attempts at the item; what the answer costs.
            paid_pico: what was paid for it out of this race's money, if that is not its cost: less
                for an answer that was there already, more where a judge took part.
            opinion: what a judge's word on it says of the judge.

        Raises:
            ValueError: no such offer or item, it is finished already, or an amount is negative.
        """
        if offer not in self._by_name or not 0 <= index < self._rules.n_items:
            raise ValueError(f"no item {index} of {offer!r} in this race")
        paid = cost_pico if paid_pico is None else paid_pico
        self._by_name[offer].put(index, grade, cost_pico, paid, opinion)
        self._paid_pico += paid
        self._advance()

    def pay(self, amount_pico: int) -> None:
        """Counts money that was paid for no finished item, such as tries of an earlier run."""
        self._paid_pico += amount_pico
        self._apart_pico += amount_pico
        self._refresh()
        self._advance()

    def drop(self, offer: str, why: str) -> None:
        """Asks an offer nothing more, for a reason outside of the race (no access, no answers).

        What it was asked before may still be taken, and money is held for it until then.
        """
        lane = self._by_name[offer]
        lane.given_up = why
        self._refresh()
        self._advance()

    def halt(self, why: str) -> None:
        """Hands out nothing more; what was asked before is read as it comes."""
        self._halted = why
        self._refresh()
        self._advance()

    def hear(self, offer: str, index: int, *, is_trusted: bool) -> None:
        """Notes that a call is over, though its item is not finished yet.

        Args:
            offer: who was called.
            index: the item's place in the order.
            is_trusted: whether it was paid for, and within its bound.
        """
        lane = self._by_name[offer]
        lane.calling.discard(index)
        lane.is_trusted = lane.is_trusted or (is_trusted and index not in lane.doubted)

    def doubt(self, offer: str, cost_pico_max: int) -> None:
        """Has an offer prove its bound anew, with each item, also in flight, held at so much."""
        self._by_name[offer].doubt(cost_pico_max)
        self._refresh()
        self._advance()

    def give_back(self, offer: str, index: int) -> None:
        """Lets go of a question that will have no answer, such as one pushed aside for good."""
        self._by_name[offer].let_go(index)
        self._refresh()
        self._advance()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be learnt; what is in flight by then is not read."""
        return self._due is None

    @property
    def best(self) -> str | None:
        """The proven offer with the least upper bound of its cost, cheapest or not."""
        lane = self._best()
        return lane.entrant.name if lane else None

    @property
    def paid_pico(self) -> int:
        """Paid so far, read or not."""
        return self._paid_pico

    def standing(self, offer: str) -> Standing:
        """How one offer stands."""
        lane = self._by_name[offer]
        return lane.standing(self._why(lane, self._best()), lane is self._named())

    def verdicts(self) -> list[Standing]:
        """How each offer stands, in the order in which they were given."""
        named = self._named()
        best = self._best()
        return [lane.standing(self._why(lane, best), lane is named) for lane in self._lanes]

    # Moving on.

    def _advance(self) -> None:
        """Reads what is there, in the order in which it would have been asked."""
        while self._due is not None and self._due.position in self._due.lane.answers:
            lane = self._due.lane
            is_end = not self._ends or lane.position in self._ends
            before = lane.status, lane.left_alone
            # A settled lane that is asked on for its cost has left the reference behind.
            lane.read(self._reference if lane.is_open else None, is_end)
            if (lane.status, lane.left_alone) != before or self._rules.goal is Goal.CHEAPEST:
                self._refresh()
            else:
                self._due = self._pick_due()
        if self._due is None and not self._is_ended:
            self._end()

    def _refresh(self) -> None:
        best = self._best()
        self._live = [lane for lane in self._lanes if self._is_live(lane, best)]
        self._due = self._pick_due()

    def _end(self) -> None:
        """Takes a last look: what is known at the end depends on nothing but the grades."""
        self._is_ended = True
        for lane in self._lanes:
            lane.cost.look()
            if lane.quality is not None:
                lane.quality.look()

    def _hand_out(self, lane: Lane, index: int) -> tuple[str, int]:
        lane.asked.add(index)
        lane.calling.add(index)
        return lane.entrant.name, index

    # Whom to ask.

    def _pick_due(self) -> _Place | None:
        """What is asked next when everything asked before has been answered."""
        places = [_Place.of(lane) for lane in self._live]
        limit = self._rules.money_pico_max
        blocked: set[str] = set()
        if limit is not None:
            left = limit - self._apart_pico - sum(lane.paid_pico for lane in self._lanes)
            blocked = {lane.entrant.name for lane in self._lanes if lane.held_pico > left}
        reference = _Place.of(self._reference) if self._reference else None
        return self._pick(places, reference, blocked)

    def _pick(
        self, places: Iterable[_Place], reference: _Place | None, blocked: set[str]
    ) -> _Place | None:
        """The rule of whom to ask, given where everybody is."""
        is_cheapest = self._rules.goal is Goal.CHEAPEST
        best: _Place | None = None
        best_key: tuple[int, int, int, int] | None = None
        for place in places:
            lane = place.lane
            if reference is not None and lane is reference.lane:
                place = reference  # noqa: PLW2901 -- one lane, one place
            needed = place
            if reference is not None and lane.is_open and reference.position <= place.position:
                needed = reference
            if not self._can_ask(needed, blocked) or not self._can_ask(place, blocked):
                continue
            # What its answers cost, paid now or kept from before: kept ones change no verdict.
            cost_pico = place.cost_pico if is_cheapest else 0
            key = (cost_pico, place.position, lane.entrant.cost_pico, lane.order)
            if best_key is None or key < best_key:
                best, best_key = needed, key
        return best

    def _can_ask(self, place: _Place, blocked: set[str]) -> bool:
        lane = place.lane
        if self._halted and not (place.position in lane.asked or place.position in lane.answers):
            return False
        has_items = place.position < self._rules.n_items
        return has_items and not lane.given_up and lane.entrant.name not in blocked

    def _is_free(self, lane: Lane) -> bool:
        """Whether another call may be begun before those under way are over."""
        is_known = lane.is_trusted or not lane.held_pico
        return not self._rules.is_wary or is_known or not lane.calling

    def _can_pay(self, lane: Lane) -> bool:
        """Whether the limit holds even if all calls in flight, and this one, cost the most."""
        limit = self._rules.money_pico_max
        if limit is None:
            return True
        held_pico = sum(len(other.asked) * other.held_pico for other in self._lanes)
        return self._paid_pico + held_pico + lane.held_pico <= limit

    # What is known.

    def _is_live(self, lane: Lane, best: Lane | None) -> bool:
        """Whether asking the offer more could tell what the caller wants to know."""
        if lane.left_alone or lane.status is Status.FAILED:
            return False
        if self._rules.goal is Goal.ALL:
            return lane.is_open
        if best is None:
            return True
        if lane is best:
            return any(self._is_rival(other, best) for other in self._lanes)
        return self._is_rival(lane, best)

    def _best(self) -> Lane | None:
        """The proven offer that is known to cost little.

        The least upper bound only ever falls, so an offer left alone for it stays so.
        """
        proven = [lane for lane in self._lanes if lane.status is Status.PROVEN]
        return min(proven, key=_dearest_key, default=None)

    def _is_rival(self, lane: Lane, best: Lane) -> bool:
        """Whether an offer may yet be good enough and cheaper than the best one."""
        return (
            lane is not best
            and lane.status is not Status.FAILED
            and not self._is_dearer(lane, best)
        )

    def _is_dearer(self, lane: Lane, best: Lane) -> bool:
        """Whether an offer is known to cost about as much as the best one, or more."""
        dearest = best.cost.bounds.upper
        # No answer is more than accepted, so the least cost of an item is one of an answer, too.
        least = max(lane.cost.bounds.lower, lane.entrant.cost_pico_min)
        return dearest is not None and least * (1 + self._rules.tolerance) >= dearest

    def _named(self) -> Lane | None:
        best = self._best()
        if best is None or any(self._is_rival(lane, best) for lane in self._lanes):
            return None
        return best

    def _why(self, lane: Lane, best: Lane | None) -> str:
        if lane.left_alone:
            return lane.left_alone
        if lane is self._reference:
            return "the reference"
        if lane.status is not Status.NOT_PROVEN:
            if lane not in self._live:
                return "decided"
            return "" if self._due else self._halted or "decided"
        is_cheapest = self._rules.goal is Goal.CHEAPEST
        if is_cheapest and best is not None and self._is_dearer(lane, best):
            return f"no cheaper than {best.entrant.name}"
        if self._due is not None:
            return ""
        if lane.position >= self._rules.n_items:
            return "no items left"
        return self._halted or "no money left"


def _dearest_key(lane: Lane) -> tuple[bool, int, int]:
    upper = lane.cost.bounds.upper
    return upper is None, upper or 0, lane.order
