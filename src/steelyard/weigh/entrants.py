"""Who runs in a race, on what terms, and how each stands: the data that ``race`` moves.

Nothing in here decides whom to ask; see ``race`` for what is promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from steelyard.domain.tasks import UNSCORED_SHARE_MAX, Grade, Status
from steelyard.weigh.constancy import Gate, Opinion
from steelyard.weigh.sequences import (
    GRID,
    CostBounds,
    CostSequence,
    Interval,
    MeanSequence,
)


@dataclass(frozen=True, slots=True)
class Entrant:
    """An offer and what the price list says about one item of the task.

    Amounts are pico-units (10^-12) of one currency, the same for all offers of a race.
    """

    name: str
    cost_pico: int = 0
    """Expected cost of an item; only decides whom to ask first."""
    cost_pico_min: int = 0
    """Least that an item can cost, such as its input at the listed price; 0 if not known."""
    cost_pico_max: int = 0
    """Most that all attempts at one item can cost, such as the caps on output and tries allow."""
    paid_pico_max: int = 0
    """Most that is paid for one item if more is paid than its answer costs, as to a judge."""

    @property
    def held_pico(self) -> int:
        """What is held for an item in flight."""
        return max(self.cost_pico_max, self.paid_pico_max)

    def __post_init__(self) -> None:
        if not 0 <= self.cost_pico_min <= self.cost_pico_max:
            raise ValueError(f"{self.name}: costs are not negative, the least not over the most")
        if not self.cost_pico_min <= self.cost_pico <= self.cost_pico_max:
            raise ValueError(f"{self.name}: the expected cost lies between least and most")


@dataclass(frozen=True, slots=True)
class Floor:
    """Good enough is a true mean grade of at least ``value``."""

    value: Decimal

    def __post_init__(self) -> None:
        if not 0 < self.value <= 1:
            raise ValueError("a floor lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Margin:
    """Good enough is a true mean at most ``value`` below the reference's, on the same items."""

    reference: str
    """One of the entrants; it is good enough by definition."""
    value: Decimal

    def __post_init__(self) -> None:
        if not 0 <= self.value < 1:
            raise ValueError("a margin is at least 0 and less than 1")


class Goal(StrEnum):
    """What the caller wants to know."""

    ALL = "all"
    """Of every offer whether it is good enough."""
    CHEAPEST = "cheapest"
    """Which offer is good enough and costs least per accepted answer; no more than that."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The terms of a race."""

    n_items: int
    """Items of the set, in the run's order."""
    goal: Goal = Goal.ALL
    confidence: Decimal = Decimal("0.95")
    graded_min: int = 10
    """No verdict before so many graded items."""
    money_pico_max: int | None = None
    """Most that the race may cost, calls in flight at their largest cost; None for no limit."""
    tolerance: Decimal = Decimal("0.05")
    """The one named cheapest may be so much dearer than another good one, as a share: telling equal
    costs apart would take for ever."""
    n_decided: int = 0
    """Offers that earlier runs of the same weighing decided: they keep their share of the error."""
    cluster_sizes: tuple[int, ...] = ()
    """Items of each cluster, clusters side by side in the run's order; empty: all are apart."""
    ungraded_max: int = 0
    """Items in a row without a grade after which an offer is hopeless; 0 for any number."""
    is_wary: bool = False
    """Whether an offer that costs money has one call at a time until one kept its bound."""
    is_judged: bool = False
    """Whether a judge grades, who must be shown to read before an offer is decided by a floor."""

    def __post_init__(self) -> None:
        if self.n_items < 1 or self.tolerance < 0 or self.n_decided < 0:
            raise ValueError("a race has items; tolerance and offers are not negative")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence lies between 0 and 1, not {self.confidence}")
        if self.cluster_sizes and (
            sum(self.cluster_sizes) != self.n_items or min(self.cluster_sizes) < 1
        ):
            raise ValueError("the clusters' sizes must add up to the items")

    @property
    def size_max(self) -> int:
        """Items of the largest cluster."""
        return max(self.cluster_sizes, default=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a race says about one offer."""

    offer: str
    status: Status
    why: str
    """Why it is asked no more, for people; empty while it may be."""
    is_cheapest: bool
    """Whether it is good enough and known to cost least per accepted answer, within tolerance."""
    mean: Fraction | None
    """Mean grade, or mean difference to the reference over the common items; exact."""
    bounds: Interval
    """Of the true mean or difference; ``status`` is what they say."""
    n: int
    """Items (pairs) with a grade that the mean counts."""
    n_asked: int
    """Items read, unscored ones included."""
    n_unscored: int
    paid_pico: int
    """For the items read, with what was paid beside their answers."""
    cost_per_accepted_pico: Fraction | None
    cost_bounds: CostBounds
    is_hopeless: bool = False
    """Whether too many items have no grade for anything to be proven."""
    noise: str = ""
    """Why the grades may be the work of a judge that does not read the answers; empty otherwise."""


_Finished = tuple[Fraction | None, int, int, Opinion]
_EMPTY = (0, Fraction(0))
_STEP = Decimal(1) / GRID


@dataclass(slots=True)
class Lane:
    """One offer on its way; grades enter in the items' order only."""

    entrant: Entrant
    order: int
    """Place in the caller's list; breaks ties."""
    quality: MeanSequence | None
    """None for the reference, which is its own measure."""
    cost: CostSequence
    graded_min: int
    n_items: int
    ungraded_max: int = 0
    status: Status = Status.NOT_PROVEN
    gate: Gate | None = None
    """What must hold of the judge before the offer is decided; None where none grades."""
    answers: dict[int, _Finished] = field(default_factory=dict, repr=False)
    """Grade, cost, payment and opinion of the items that are finished, read or not."""
    asked: set[int] = field(default_factory=set, repr=False)
    """Items handed out and not finished."""
    calling: set[int] = field(default_factory=set, repr=False)
    """Those of them whose call is under way."""
    is_trusted: bool = False
    """Whether one of its calls kept its bound, and none since cost more."""
    doubted: set[int] = field(default_factory=set, repr=False)
    """Items whose call was under way when one cost more: that they keep it says nothing of late."""
    cost_pico_max: int = 0
    """Most that all attempts at one item are taken to cost, by what was seen so far."""
    given_up: str = ""
    hopeless: str = ""
    """Why nothing more can be proven of it; empty while something can."""
    futile: str = ""
    """Why nothing will be decided by this judge; empty while something may be."""
    position: int = 0
    """Items read."""
    paid_pico: int = 0
    n_missing: int = 0
    """Items read that count for no mean: no grade, or none of the reference's."""
    n_unscored: int = 0
    n_ungraded: int = 0
    """The last items read, in a row, that have no grade."""
    _values: list[Fraction] = field(default_factory=list, repr=False)
    _cluster: tuple[int, Fraction] = _EMPTY
    """Cost and accepted answers of the cluster that is not read to its end."""

    @property
    def held_pico(self) -> int:
        """What is held for an item in flight."""
        return self.entrant.held_pico + max(0, self.cost_pico_max - self.entrant.cost_pico_max)

    @property
    def is_open(self) -> bool:
        """Whether more grades could settle something."""
        return self.status is Status.NOT_PROVEN

    @property
    def left_alone(self) -> str:
        """Why it is asked nothing more though it is not decided; empty while it may be asked."""
        return self.given_up or self.hopeless or self.futile

    @property
    def cost_pico(self) -> int:
        """Of the items read, whenever they were paid."""
        return self.cost.cost_pico + self._cluster[0]

    def put(
        self, index: int, grade: Grade, cost_pico: int, paid_pico: int, opinion: Opinion
    ) -> None:
        """Keeps a finished item until its turn comes.

        Raises:
            ValueError: it is there already, or an amount is negative.
        """
        if index in self.answers:
            raise ValueError(f"{self.entrant.name}: item {index} is finished already")
        if cost_pico < 0 or paid_pico < 0:
            raise ValueError("a cost is not negative")
        self.let_go(index)
        self.answers[index] = (grade.value, cost_pico, paid_pico, opinion)

    def let_go(self, index: int) -> None:
        """Forgets that an item was handed out."""
        self.asked.discard(index)
        self.calling.discard(index)

    def doubt(self, cost_pico_max: int) -> None:
        """Takes it to cost up to so much an item, since a call cost more than one may."""
        self.is_trusted = False
        self.doubted |= self.calling
        self.cost_pico_max = max(self.cost_pico_max, cost_pico_max)

    def read(self, reference: Lane | None, is_cluster_end: bool) -> None:
        """Reads the next item in.

        Args:
            reference: whose grade of the same item is subtracted; it has been read that far.
            is_cluster_end: whether the item is the last of its cluster, as all are without any.
        """
        grade, cost_pico, paid_pico, opinion = self.answers[self.position]
        value = grade
        if reference is not None and value is not None:
            other = reference.answers[self.position][0]
            value = None if other is None else value - other
        self.position += 1
        self.paid_pico += paid_pico
        self.n_unscored += grade is None
        self.n_ungraded = self.n_ungraded + 1 if grade is None else 0
        if self.is_open:
            self._take(value)
            if self.gate is not None:
                self.gate.take(opinion, grade)
        waiting_pico, waiting = self._cluster
        cost_pico += waiting_pico
        accepted = waiting + grade if grade and waiting else grade or waiting
        if is_cluster_end:
            self._cluster = _EMPTY
            self.cost.take(cost_pico, accepted)
            self._settle()
        else:
            self._cluster = (cost_pico, accepted)
        self._look_for_hope()

    def _take(self, value: Fraction | None) -> None:
        if value is None:
            self.n_missing += 1
        else:
            self._values.append(value)

    def _settle(self) -> None:
        if self.quality is None or not self.is_open:
            return
        values, self._values = self._values, []
        if len(values) == 1:
            self.quality.take(values[0])
        else:
            self.quality.take_cluster(values)
        if self.gate is not None:
            self.gate.close(values)
        n = self.quality.n
        if n < self.graded_min or self.n_missing > UNSCORED_SHARE_MAX * (n + self.n_missing):
            return
        if self.gate is not None and not self.gate.is_open:
            return
        if self.quality.is_above:
            self.status = Status.PROVEN
        elif self.quality.is_below:
            self.status = Status.FAILED

    def _look_for_hope(self) -> None:
        if not self.is_open or self.hopeless or self.futile:
            return
        # Of fewer items nothing could be proven anyway; whoever asks so few wants to see them. And
        # a set of fifteen is not ended by one hiccup.
        is_told = self.n_items >= self.graded_min and self.n_missing > 1
        if is_told and self.n_missing > UNSCORED_SHARE_MAX * self.n_items:
            self.hopeless = (
                f"{self.n_missing} of {self.n_items} items have no grade, so nothing can be proven"
            )
        elif 0 < self.ungraded_max <= self.n_ungraded:
            self.hopeless = f"{self.n_ungraded} items in a row have no grade"
        elif self.gate is not None and self.gate.no_hope(self.n_items - self.position):
            self.futile = f"{self.gate.told}; at this rate all {self.n_items} items do not show it"

    def _told(self, quality: MeanSequence) -> Interval:
        """Bounds that decide nothing while too few are graded; wider ones are no less true."""
        lower, upper = quality.bounds
        if quality.boundary is None or quality.n >= self.graded_min:
            return quality.bounds
        return Interval(min(lower, quality.boundary - _STEP), max(upper, quality.boundary))

    def standing(self, why: str, is_cheapest: bool) -> Standing:
        """How the offer stands."""
        quality = self.quality
        if quality is None:
            mean, bounds, n = None, Interval(Decimal(0), Decimal(0)), self.position
        else:
            mean, bounds, n = quality.mean, self._told(quality), quality.n
        accepted = self.cost.accepted + self._cluster[1]
        cost_pico = self.cost_pico
        return Standing(
            offer=self.entrant.name,
            status=self.status,
            why=why,
            is_cheapest=is_cheapest,
            mean=mean,
            bounds=bounds,
            n=n,
            n_asked=self.position,
            n_unscored=self.n_unscored,
            paid_pico=self.paid_pico,
            cost_per_accepted_pico=cost_pico / accepted if accepted else None,
            cost_bounds=self.cost.bounds,
            is_hopeless=bool(self.hopeless),
            noise=self.futile or ("" if self.gate is None or self.gate.is_open else self.gate.told),
        )


def make_lanes(
    entrants: Sequence[Entrant], target: Floor | Margin, rules: Rules, error: float
) -> list[Lane]:
    """One lane an offer.

    Args:
        entrants: the offers.
        target: what is good enough.
        rules: the terms.
        error: of each side of each sequence of quality.
    """
    is_floor = isinstance(target, Floor)
    boundary = target.value if isinstance(target, Floor) else -target.value
    error_cost = float(1 - rules.confidence) / (2 * (len(entrants) + rules.n_decided))
    lanes = []
    for order, entrant in enumerate(entrants):
        is_measure = isinstance(target, Margin) and entrant.name == target.reference
        low = 0 if is_floor else -1
        lanes.append(
            Lane(
                entrant=entrant,
                order=order,
                quality=None if is_measure else MeanSequence(error, low, boundary, rules.size_max),
                cost=CostSequence(error_cost, entrant.cost_pico_max, rules.size_max),
                graded_min=rules.graded_min,
                n_items=rules.n_items,
                ungraded_max=rules.ungraded_max,
                gate=Gate(error, rules.size_max) if rules.is_judged and is_floor else None,
                status=Status.PROVEN if is_measure else Status.NOT_PROVEN,
            )
        )
    return lanes
