"""Whether a task can be left to a model yet, how far it is from that, and what would change it.

A task is *ready* when some offer is proven for it, *supervised* when the best one is not, but so
near to the floor that it is of use with a person who looks at every answer, else *not yet*. What
would change that is worked out from bounds and prices, not told from memory.

``reopened`` compares what was known when a task was last decided with what is known now: a new
model or another price opens exactly the tasks whose cheapest good offer may be another one by that
(decision 16). Pure. Costs are exact pico-units of one home currency, and estimates: nothing is
booked by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from steelyard.domain.tasks import Status, Verdict
from steelyard.domain.verdict_life import Cause, Standing


class State(StrEnum):
    """The verdict on a task."""

    READY = "ready"
    SUPERVISED = "supervised"
    NOT_YET = "not_yet"


class Lever(StrEnum):
    """Something that would change the verdict on a task."""

    WEIGH = "weigh"
    """Weigh an offer that nobody weighed."""
    WEIGH_AGAIN = "weigh_again"
    """Weigh an offer whose verdict is stale."""
    MORE_ITEMS = "more_items"
    """Ask an offer more items: its mean lies above the floor, its bounds are too wide."""
    GRADES = "grades"
    """See why so many items have no grade."""
    JUDGE = "judge"
    """Let another judge grade an offer: the one that did may as well toss a coin."""
    SUPPLY = "supply"
    """Measure an offer's supply, or buy more of it."""
    RELEASE = "release"
    """Test an offer in quarantine anew, or release it."""
    BETTER_MODEL = "better_model"
    """A model that is better by ``missing``."""


class Cost(NamedTuple):
    """Cost per accepted answer at today's prices, in pico-units of the home currency."""

    likely: Fraction
    lower: Fraction
    """Bound of the true cost: carried over in proportion where prices changed (see
    ``control.proofs.costs``), no more than an estimate where nobody weighed."""
    upper: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that may do a task's work, as it stands."""

    offer: str
    verdict: Verdict | None = None
    """None: nobody weighed it."""
    standing: Standing | None = None
    """What the verdict is worth; there is one where there is a verdict."""
    cost: Cost | None = None
    """None where nobody knows: then it may be the cheapest."""
    held: str = ""
    """Why it is in quarantine; empty where it is not."""
    weighing_pico: Fraction | None = None
    """What weighing it on the task would cost, about."""

    @property
    def is_usable(self) -> bool:
        """Whether calls of the task may be sent to it."""
        return self.standing is not None and self.standing.status is Status.PROVEN and not self.held

    @property
    def is_open(self) -> bool:
        """Whether measuring more may still prove it."""
        if self.held or self.is_usable:
            return False
        if self.standing is None:
            return True
        return self.standing.status is not Status.FAILED and self.standing.cause is not Cause.GONE

    @property
    def is_fresh(self) -> bool:
        """Whether it has a verdict that still says something of its quality."""
        return self.standing is not None and self.standing.status is not Status.STALE


class Change(NamedTuple):
    """What would change the verdict on a task."""

    lever: Lever
    offer: str = ""
    items: int | None = None
    """More items than were graded, about, at the present mean."""
    missing: Decimal | None = None
    """How much better in quality."""
    cost_pico: int | None = None
    """About, in the home currency, rounded up; None where nobody knows."""
    reason: str = ""


class Distance(NamedTuple):
    """How far the best offer is from the floor."""

    offer: str
    quality: Fraction
    lower: Decimal
    upper: Decimal
    missing_lower: Decimal
    """What its lower bound lacks; 0 where it reaches the floor."""
    missing_quality: Decimal
    """What its mean lacks; 0 where it reaches the floor."""


class Readiness(NamedTuple):
    """The verdict on a task."""

    state: State
    cheapest: str = ""
    """The proven offer whose accepted answer costs least; empty where none is proven."""
    best: Distance | None = None
    """None where no offer has a verdict that holds."""
    until: datetime | None = None
    """When time alone ends the last proof; None: never, or there is none."""
    changes: tuple[Change, ...] = ()
    """The likeliest first."""


class Reopened(NamedTuple):
    """Why a task that was decided is open again."""

    offer: str
    role: str
    """``cheapest``: calls go to it now; ``rival``: it may be the cheapest, if it is proven;
    ``lost``: calls went to it, and may no more."""
    reason: str


def readiness(
    candidates: Sequence[Candidate], floor: Decimal, supervised_floor: Decimal
) -> Readiness:
    """The verdict on a task over all offers that may do its work.

    Args:
        candidates: each offer once; those that are switched off or have no price left out.
        floor: least quality that is good enough.
        supervised_floor: least quality that is of use under supervision, at most ``floor``.
    """
    usable = [one for one in candidates if one.is_usable]
    first = cheapest(candidates)
    best = _best(candidates)
    if first is not None:
        state = State.READY
    elif any(_is_near(one, supervised_floor) for one in candidates):
        state = State.SUPERVISED
    else:
        state = State.NOT_YET
    ends = [one.standing.until for one in usable if one.standing is not None]
    return Readiness(
        state=state,
        cheapest=first.offer if first is not None else "",
        best=_distance(best, floor) if best is not None else None,
        until=max((end for end in ends if end is not None), default=None) if all(ends) else None,
        changes=tuple(_changes(candidates, floor, first)),
    )


def cheapest(candidates: Iterable[Candidate]) -> Candidate | None:
    """The usable offer whose accepted answer costs least; the name breaks ties."""
    usable = (one for one in candidates if one.is_usable)
    return min(
        usable,
        # Of unknown cost: after all others.
        key=lambda one: (one.cost is None, one.cost.likely if one.cost else 0, one.offer),
        default=None,
    )


def could_win(one: Candidate, first: Candidate | None) -> bool:
    """Whether an offer that is open would be the cheapest good one, if it were proven.

    While nothing is proven everybody would; who costs nobody knows what may.
    """
    if not one.is_open:
        return False
    if first is None or first.cost is None or one.cost is None:
        return True
    return one.cost.lower < first.cost.likely


def reopened(before: Sequence[Candidate], after: Sequence[Candidate]) -> list[Reopened]:
    """What opens a decided task again: roles that offers have now and had not then.

    Args:
        before: the offers there were when the task was last decided, as they stood, at the prices
            of then.
        after: those there are now.
    """
    roles_before, roles_after = _roles(before), _roles(after)
    known = {one.offer: one for one in before}
    first_before = cheapest(before)
    is_dearer = first_before is not None and _is_dearer(first_before, after)
    found = []
    for one in after:
        role = roles_after.get(one.offer)
        if role is None or role == roles_before.get(one.offer):
            continue
        found.append(Reopened(one.offer, role, _why(known.get(one.offer), one, is_dearer)))
    if first_before is not None and first_before.offer not in roles_after:
        now = {one.offer: one for one in after}.get(first_before.offer)
        if now is None or not now.is_usable:
            found.append(Reopened(first_before.offer, "lost", _loss(now)))
    return sorted(found)


def more_items(verdict: Verdict, floor: Decimal) -> int | None:
    """How many more graded items would prove it, about, were its mean the truth.

    The distance from mean to bound shrinks with the root of the number of items. None where the
    mean does not lie above the floor, so that no number would, or the bound has reached it.
    """
    if verdict.quality is None:
        return None
    room = verdict.quality - Fraction(floor)
    width = verdict.quality - Fraction(verdict.lower)
    if room <= 0 or width <= room:
        return None
    return max(1, ceil(verdict.n * (width / room) ** 2) - verdict.n)


def _roles(candidates: Sequence[Candidate]) -> dict[str, str]:
    first = cheapest(candidates)
    found = {one.offer: "rival" for one in candidates if could_win(one, first)}
    if first is not None:
        found[first.offer] = "cheapest"
    return found


def _why(before: Candidate | None, after: Candidate, is_dearer: bool) -> str:
    if before is None:
        return "it is new"
    if after.standing is not None and before.standing is not None:
        if after.standing.status is not before.standing.status:
            return after.standing.reason or f"it is {after.standing.status.value} now"
    if before.cost is not None and after.cost is not None:
        if after.cost.likely < before.cost.likely:
            return "it became cheaper"
    if is_dearer:
        return "the cheapest proven offer became dearer"
    return "another offer is no longer the cheapest"


def _is_dearer(first: Candidate, after: Iterable[Candidate]) -> bool:
    """Whether who was the cheapest can be used still, and costs more."""
    now = next((one for one in after if one.offer == first.offer and one.is_usable), None)
    if now is None or now.cost is None or first.cost is None:
        return False
    return now.cost.likely > first.cost.likely


def _loss(now: Candidate | None) -> str:
    if now is None:
        return "it is no longer sold"
    if now.held:
        return now.held
    return now.standing.reason if now.standing is not None and now.standing.reason else "it failed"


def _is_near(one: Candidate, supervised_floor: Decimal) -> bool:
    # Neither a person nor a lower floor helps where supply, grades or the model itself are amiss.
    return (
        one.verdict is not None
        and one.standing is not None
        and one.is_fresh
        and one.standing.cause is Cause.NONE
        and not one.held
        and one.verdict.lower >= supervised_floor
    )


def _best(candidates: Iterable[Candidate]) -> Verdict | None:
    """The verdict with the highest lower bound of those that hold."""
    found = (
        one.verdict
        for one in candidates
        if one.is_fresh and one.verdict is not None and one.verdict.quality is not None
    )
    return max(found, key=lambda v: (v.lower, v.quality or 0, v.offer), default=None)


def _distance(best: Verdict, floor: Decimal) -> Distance:
    quality = best.quality or Fraction(0)
    missing = max(Decimal(0), floor - best.lower)
    return Distance(best.offer, quality, best.lower, best.upper, missing, _missing(quality, floor))


def _missing(quality: Fraction, floor: Decimal) -> Decimal:
    """What a quality lacks to the floor, rounded up to millionths."""
    parts = ceil(max(Fraction(0), Fraction(floor) - quality) * 10**6)
    return Decimal(parts) / 10**6


def _changes(
    candidates: Sequence[Candidate], floor: Decimal, first: Candidate | None
) -> list[Change]:
    found = [_change(one, floor) for one in candidates if could_win(one, first)]
    if first is None:
        found += [Change(Lever.RELEASE, o.offer, reason=o.held) for o in candidates if _is_kept(o)]
    changes = sorted(
        (change for change in found if change is not None),
        key=lambda c: (_ORDER.index(c.lever), c.cost_pico is None, c.cost_pico or 0, c.offer),
    )
    best = max((v.quality or Fraction(0) for v in _held_verdicts(candidates)), default=None)
    if first is None and best is not None and best < Fraction(floor):
        changes.append(Change(Lever.BETTER_MODEL, missing=_missing(best, floor)))
    return changes


_ORDER = (
    Lever.WEIGH_AGAIN,
    Lever.SUPPLY,
    Lever.RELEASE,
    Lever.GRADES,
    Lever.JUDGE,
    Lever.MORE_ITEMS,
    Lever.WEIGH,
    Lever.BETTER_MODEL,
)


def _change(one: Candidate, floor: Decimal) -> Change | None:
    """What would prove an offer that is open; None where nothing that is known would."""
    cost = None if one.weighing_pico is None else ceil(one.weighing_pico)
    if one.verdict is None or one.standing is None:
        return Change(Lever.WEIGH, one.offer, cost_pico=cost)
    standing = one.standing
    if standing.status is Status.STALE:
        return Change(Lever.WEIGH_AGAIN, one.offer, cost_pico=cost, reason=standing.reason)
    if standing.cause is Cause.SUPPLY:
        return Change(Lever.SUPPLY, one.offer, reason=standing.reason)
    if standing.cause is Cause.UNSCORED:
        return Change(Lever.GRADES, one.offer, reason=standing.reason)
    if standing.cause is Cause.JUDGE:
        return Change(Lever.JUDGE, one.offer, cost_pico=cost, reason=standing.reason)
    more = more_items(one.verdict, floor)
    if more is None:
        return None
    asked = one.verdict.n + one.verdict.n_unscored
    each = None if one.weighing_pico is None or not asked else one.weighing_pico / asked
    cost = None if each is None else ceil(each * more)
    return Change(Lever.MORE_ITEMS, one.offer, items=more, cost_pico=cost)


def _is_kept(one: Candidate) -> bool:
    return bool(one.held) and one.standing is not None and one.standing.status is Status.PROVEN


def _held_verdicts(candidates: Iterable[Candidate]) -> list[Verdict]:
    return [one.verdict for one in candidates if one.is_fresh and one.verdict is not None]
