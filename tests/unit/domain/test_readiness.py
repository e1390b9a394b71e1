"""Verdicts on tasks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.readiness import (
    Candidate,
    Change,
    Cost,
    Lever,
    State,
    cheapest,
    could_win,
    more_items,
    readiness,
    reopened,
)
from steelyard.domain.tasks import Status, Verdict, decide
from steelyard.domain.verdict_life import Cause, Standing

FLOOR, NEAR = Decimal("0.8"), Decimal("0.7")
ENDS = datetime(2026, 6, 1, tzinfo=UTC)


def verdict(quality: str, lower: str, upper: str, offer: str = "a", n: int = 100) -> Verdict:
    return Verdict(
        **{"task": "t", "offer": offer, "form_digest": "d", "floor": FLOOR},
        **{"total": Fraction(quality) * n, "n": n, "n_unscored": 0},
        **{"lower": Decimal(lower), "upper": Decimal(upper), "confidence": Decimal("0.95")},
        **{"cost_pico": 1000, "currency": "CNY", "time_s": 1.0, "model_answered": ""},
        decided_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def cost(likely: int, lower: int | None = None) -> Cost:
    return Cost(Fraction(likely), Fraction(likely if lower is None else lower))


def weighed(
    offer: str, bounds: tuple[str, str, str], price: int | None = 10, **more: object
) -> Candidate:
    """An offer with a verdict: mean and bounds."""
    won = verdict(*bounds, offer=offer)
    status = decide(won.lower, won.upper, FLOOR, Fraction(0))
    held = Candidate(offer, won, Standing(status, until=ENDS), cost(price) if price else None)
    return replace(held, weighing_pico=Fraction(1000), **more)


GOOD, OPEN, BAD = ("0.9", "0.85", "0.95"), ("0.84", "0.74", "0.92"), ("0.6", "0.5", "0.7")
NEARLY = ("0.75", "0.72", "0.78")


def stale(of: Candidate, cause: Cause = Cause.AGE) -> Candidate:
    return replace(of, standing=Standing(Status.STALE, cause, "weighed long ago"))


def judge(*candidates: Candidate) -> tuple[State, list[tuple[Lever, str]]]:
    found = readiness(candidates, FLOOR, NEAR)
    return found.state, [(change.lever, change.offer) for change in found.changes]


def test_with_a_proven_offer_a_task_is_ready_and_the_cheapest_is_named() -> None:
    found = readiness(
        [weighed("a", GOOD, 10), weighed("b", GOOD, 7), weighed("c", GOOD, None)], FLOOR, NEAR
    )
    assert (found.state, found.cheapest, found.until) == (State.READY, "b", ENDS)
    assert found.changes == ()
    later = weighed("d", GOOD, 9)
    later = replace(later, standing=Standing(Status.PROVEN, until=ENDS + timedelta(days=3)))
    assert readiness([weighed("a", GOOD), later], FLOOR, NEAR).until == ENDS + timedelta(days=3)
    forever = replace(later, standing=Standing(Status.PROVEN))
    assert readiness([weighed("a", GOOD), forever], FLOOR, NEAR).until is None


def test_of_equal_cost_the_name_decides_and_an_unknown_cost_is_last() -> None:
    first = cheapest([weighed("b", GOOD, 7), weighed("a", GOOD, 7)])
    assert first is not None and first.offer == "a"
    first = cheapest([weighed("a", GOOD, None), weighed("z", GOOD, 700)])
    assert first is not None and first.offer == "z"


@pytest.mark.parametrize(
    ("bounds", "state"),
    [
        (OPEN, State.SUPERVISED),
        (NEARLY, State.SUPERVISED),  # failed, and still near
        (BAD, State.NOT_YET),
        (("0.84", "0.69", "0.95"), State.NOT_YET),  # bounds decide, not the mean
    ],
)
def test_supervised_is_whoever_is_surely_near_the_floor(
    bounds: tuple[str, str, str], state: State
) -> None:
    assert judge(weighed("a", bounds))[0] is state


def test_what_is_stale_held_or_short_of_supply_makes_no_task_supervised() -> None:
    short = Standing(Status.NOT_PROVEN, Cause.SUPPLY, "60 of 100")
    for one in (
        stale(weighed("a", GOOD)),
        weighed("a", GOOD, held="not genuine"),
        replace(weighed("a", GOOD), standing=short),
        Candidate("a"),
    ):
        assert judge(one)[0] is State.NOT_YET


def test_what_would_change_it_the_likeliest_first() -> None:
    short = Standing(Status.NOT_PROVEN, Cause.SUPPLY, "60 of 100")
    holes = Standing(Status.NOT_PROVEN, Cause.UNSCORED, "20 of 120")
    blind = Standing(Status.NOT_PROVEN, Cause.JUDGE, "a coin")
    state, levers = judge(
        Candidate("new", weighing_pico=Fraction(5)),
        Candidate("newer", weighing_pico=Fraction(3)),
        Candidate("unpriced"),
        weighed("open", OPEN),
        replace(weighed("holes", GOOD), standing=holes),
        replace(weighed("short", GOOD), standing=short),
        replace(weighed("blind", GOOD), standing=blind),
        stale(weighed("old", GOOD)),
        weighed("held", GOOD, held="not genuine"),
        weighed("bad", BAD),
    )
    assert state is State.SUPERVISED
    assert levers == [
        (Lever.WEIGH_AGAIN, "old"), (Lever.SUPPLY, "short"), (Lever.RELEASE, "held"),
        (Lever.GRADES, "holes"), (Lever.JUDGE, "blind"), (Lever.MORE_ITEMS, "open"),
        (Lever.WEIGH, "newer"), (Lever.WEIGH, "new"), (Lever.WEIGH, "unpriced"),
    ]  # fmt: skip


def test_when_all_failed_a_better_model_is_needed_and_by_how_much() -> None:
    found = readiness([weighed("a", BAD), weighed("b", NEARLY)], FLOOR, NEAR)
    assert found.changes == (Change(Lever.BETTER_MODEL, missing=Decimal("0.05")),)
    assert found.best is not None
    assert (found.best.offer, found.best.missing_lower) == ("b", Decimal("0.08"))
    assert found.best.missing_quality == Decimal("0.05")


def test_once_ready_only_what_may_be_cheaper_is_worth_weighing() -> None:
    cheap = Candidate("cheap", cost=cost(9, 4), weighing_pico=Fraction(5))
    dear = Candidate("dear", cost=cost(30, 20))
    _, levers = judge(weighed("a", GOOD, 10), cheap, dear, weighed("f", BAD, 1), Candidate("x"))
    assert levers == [(Lever.WEIGH, "cheap"), (Lever.WEIGH, "x")]


def test_more_items_follow_from_the_width_of_the_bounds() -> None:
    # 0.10 wide where 0.04 is allowed: (0.10/0.04)² times as many.
    assert more_items(verdict("0.84", "0.74", "0.92"), FLOOR) == 525
    assert more_items(verdict("0.8", "0.7", "0.9"), FLOOR) is None
    assert more_items(verdict("0.9", "0.85", "0.95"), FLOOR) is None
    assert more_items(verdict("0", "0", "1", n=0), FLOOR) is None
    (change,) = readiness([weighed("a", OPEN)], FLOOR, NEAR).changes
    assert (change.items, change.cost_pico) == (525, 5250)


def test_who_could_win() -> None:
    first = weighed("a", GOOD, 10)
    assert could_win(Candidate("new", cost=cost(99, 9)), first)
    assert not could_win(Candidate("new", cost=cost(99, 10)), first)
    assert could_win(Candidate("new"), first) and could_win(Candidate("new"), None)
    assert could_win(weighed("open", OPEN, 9), first)
    assert not could_win(weighed("bad", BAD, 1), None)
    assert not could_win(stale(weighed("gone", GOOD, 1), Cause.GONE), None)
    assert not could_win(Candidate("held", held="not genuine"), None)
    assert not could_win(weighed("b", GOOD, 1), first)


def roles(before: list[Candidate], after: list[Candidate]) -> list[tuple[str, str, str]]:
    return [tuple(each) for each in reopened(before, after)]  # type: ignore[misc]


def test_nothing_new_opens_nothing() -> None:
    held = [weighed("a", GOOD, 10), weighed("b", GOOD, 20), weighed("c", OPEN, 5), Candidate("d")]
    assert roles(held, held) == []


def test_a_new_offer_opens_what_it_may_win() -> None:
    held = [weighed("a", GOOD, 10)]
    assert roles(held, [*held, Candidate("new", cost=cost(9))]) == [("new", "rival", "it is new")]
    assert roles(held, [*held, Candidate("new", cost=cost(11))]) == []
    failed = [weighed("a", BAD, 10)]
    dear = Candidate("new", cost=cost(999))
    assert roles(failed, [*failed, dear]) == [("new", "rival", "it is new")]


def test_a_price_opens_only_where_the_cheapest_may_change() -> None:
    a, b, rival = weighed("a", GOOD, 10), weighed("b", GOOD, 20), weighed("c", OPEN, 15)
    cut = [a, weighed("b", GOOD, 9), rival]
    assert roles([a, b, rival], cut) == [("b", "cheapest", "it became cheaper")]
    assert roles([a, b, rival], [a, weighed("b", GOOD, 11), rival]) == []
    cut = [a, b, weighed("c", OPEN, 9)]
    assert roles([a, b, rival], cut) == [("c", "rival", "it became cheaper")]
    dearer = [weighed("a", GOOD, 16), b, rival]
    assert roles([a, b, rival], dearer) == [
        ("c", "rival", "the cheapest proven offer became dearer")
    ]
    # Of what failed no price makes a good model, and without proof no price decides.
    assert roles([a, weighed("f", BAD, 50)], [a, weighed("f", BAD, 1)]) == []
    assert roles([weighed("c", OPEN, 9)], [weighed("c", OPEN, 1)]) == []


def test_what_is_proven_no_more_opens_its_task() -> None:
    a, b = weighed("a", GOOD, 10), weighed("b", GOOD, 20)
    assert roles([a, b], [stale(a), b]) == [
        ("a", "rival", "weighed long ago"),
        ("b", "cheapest", "another offer is no longer the cheapest"),
    ]
    assert roles([a], [weighed("a", GOOD, 10, held="not genuine")]) == [
        ("a", "lost", "not genuine")
    ]
    assert roles([a], []) == [("a", "lost", "it is no longer sold")]
    assert roles([a], [weighed("a", BAD, 10)]) == [("a", "lost", "it failed")]


def test_who_takes_the_place_of_one_that_is_gone_needs_no_better_reason() -> None:
    a, b = weighed("a", GOOD, 10), weighed("b", GOOD, None)
    assert roles([a, b], [b]) == [
        ("a", "lost", "it is no longer sold"),
        ("b", "cheapest", "another offer is no longer the cheapest"),
    ]
