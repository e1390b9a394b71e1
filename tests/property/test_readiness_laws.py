"""A task is opened by exactly what may move its cheapest good offer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.readiness import (
    Candidate,
    Cost,
    State,
    cheapest,
    could_win,
    readiness,
    reopened,
)
from steelyard.domain.tasks import Status, Verdict, decide
from steelyard.domain.verdict_life import Standing

FLOOR, NEAR = Decimal("0.6"), Decimal("0.5")
_SIXTHS = st.integers(0, 10).map(lambda n: Decimal(n) / 10)


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """An offer without its name; prices of a few values, so that many are equal."""
    likely = draw(st.integers(1, 6))
    cost = Cost(Fraction(likely), Fraction(draw(st.integers(0, likely))))
    held = draw(st.sampled_from(("", "", "", "not genuine")))
    if draw(st.booleans()):
        return Candidate("", cost=cost, held=held)
    lower, mean, upper = sorted(draw(st.tuples(_SIXTHS, _SIXTHS, _SIXTHS)))
    verdict = Verdict(
        **{"task": "t", "offer": "", "form_digest": "d", "floor": FLOOR},
        **{"total": Fraction(mean) * 10, "n": 10, "n_unscored": 0, "lower": lower, "upper": upper},
        **{"confidence": Decimal("0.95"), "cost_pico": 10, "currency": "CNY", "time_s": 1.0},
        **{"decided_at": datetime(2026, 3, 1, tzinfo=UTC), "model_answered": ""},
    )
    status = decide(lower, upper, FLOOR, Fraction(0))
    standing = Standing(Status.STALE if draw(st.integers(0, 4)) == 0 else status)
    return Candidate("", verdict, standing, cost, held)


@st.composite
def worlds(draw: st.DrawFn) -> list[Candidate]:
    """Some offers of a few, each as it stands."""
    names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    return [_named(draw(candidates()), name) for name in names]


def _named(one: Candidate, name: str) -> Candidate:
    verdict = None if one.verdict is None else replace(one.verdict, offer=name)
    return replace(one, offer=name, verdict=verdict)


def _winners(world: list[Candidate]) -> set[str]:
    """Everybody who is the cheapest good offer under some outcome of what is open.

    By trying them all: each open offer may prove good, at its least cost, or not.
    """
    undecided = [one for one in world if one.is_open]
    found = set()
    for outcome in product((True, False), repeat=len(undecided)):
        proven = [one for one in world if one.is_usable]
        for one, is_good in zip(undecided, outcome, strict=True):
            if is_good and one.cost is not None:
                cost = Cost(one.cost.lower, one.cost.lower)
                proven.append(replace(one, standing=Standing(Status.PROVEN), cost=cost))
        first = cheapest(proven)
        if first is not None:
            found.add(first.offer)
    return found


@given(worlds())
def test_who_could_win_is_whoever_does_under_some_outcome(world: list[Candidate]) -> None:
    first = cheapest(world)
    told = {one.offer for one in world if could_win(one, first)}
    if first is not None:
        told.add(first.offer)
    tied = {o.offer for o in world if first and o.cost and first.cost and o.is_open
            and o.cost.lower == first.cost.likely}  # fmt: skip
    # Of equal cost nobody is better off: such an offer opens nothing.
    assert told == _winners(world) - (tied - told)


@given(worlds(), worlds())
def test_a_task_is_opened_by_whoever_may_win_now_and_might_not_before(
    before: list[Candidate], after: list[Candidate]
) -> None:
    found = reopened(before, after)
    opened = {each.offer for each in found if each.role != "lost"}
    first = cheapest(after)
    may_win = {o.offer for o in after if could_win(o, first)} | ({first.offer} if first else set())
    might = cheapest(before)
    did = {o.offer for o in before if could_win(o, might)} | ({might.offer} if might else set())
    assert opened <= may_win
    assert may_win - did <= opened
    assert len({each.offer for each in found}) == len(found)
    assert reopened(after, after) == []


@given(worlds(), worlds())
def test_a_task_that_is_not_opened_keeps_its_cheapest(
    before: list[Candidate], after: list[Candidate]
) -> None:
    if not reopened(before, after):
        was, now = cheapest(before), cheapest(after)
        assert (was and was.offer) == (now and now.offer)


@given(worlds())
def test_the_order_of_offers_is_no_matter_and_ready_means_somebody_is_usable(
    world: list[Candidate],
) -> None:
    found = readiness(world, FLOOR, NEAR)
    assert found == readiness(world[::-1], FLOOR, NEAR)
    assert (found.state is State.READY) == any(one.is_usable for one in world)
    assert bool(found.cheapest) == (found.state is State.READY)
    if found.best is not None and found.state is State.READY:
        assert found.best.missing_lower >= 0
