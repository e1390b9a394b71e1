"""Laws of a race: errors held together, arrival does not matter, nothing is ever un-proven."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.constancy import Opinion
from steelyard.weigh.entrants import Entrant, Floor, Goal, Margin, Rules
from steelyard.weigh.race import Race

RUNS = 100
FLOOR = Decimal("0.6")


def most_likely(n: int, chance: float, doubt: float = 1e-3) -> int:
    """The largest count that ``n`` tries of that chance pass with at most ``doubt``; exact."""
    tail = 1.0
    for count in range(n + 1):
        tail -= math.comb(n, count) * chance**count * (1 - chance) ** (n - count)
        if tail <= doubt:
            return count
    return n


def grade_of(value: Fraction | None) -> Grade:
    return Grade.unscored("none") if value is None else Grade(value)


def entrants(costs: list[int]) -> list[Entrant]:
    return [Entrant(f"o{i}", cost, 0, 4 * cost) for i, cost in enumerate(costs)]


@pytest.mark.parametrize(("mean", "wrong"), [(0.599, Status.PROVEN), (0.6, Status.FAILED)])
def test_one_wrong_verdict_among_four_offers_is_rare(mean: float, wrong: Status) -> None:
    # The hardest case there is: every offer on the very edge of the floor.
    chance = random.Random(f"race {mean}")
    n_wrong = 0
    for _ in range(RUNS):
        race = Race(entrants([0] * 4), Floor(FLOOR), Rules(60, graded_min=1))
        while (ask := race.next()) is not None:
            race.take(*ask, Grade(Fraction(chance.random() < mean)), 0)
        n_wrong += any(standing.status is wrong for standing in race.verdicts())
    assert n_wrong <= most_likely(RUNS, 0.05)


def test_one_wrong_verdict_against_a_reference_is_rare() -> None:
    # Grades hang together as those of one item do: half of them are everybody's.
    chance = random.Random("margin")
    n_wrong = 0
    for _ in range(RUNS):
        race = Race(entrants([0] * 4), Margin("o0", Decimal("0.05")), Rules(60, graded_min=1))
        items = [(chance.random() < 0.5, chance.random() < 0.5) for _ in range(60)]
        while (ask := race.next()) is not None:
            is_shared, is_easy = items[ask[1]]
            own = 0.5 if ask[0] == "o0" else 0.398  # 0.051 below, all in all
            right = is_easy if is_shared else chance.random() < own
            race.take(*ask, Grade(Fraction(right)), 0)
        n_wrong += any(s.status is Status.PROVEN for s in race.verdicts() if s.offer != "o0")
    assert n_wrong <= most_likely(RUNS, 0.05)


grades = st.sampled_from([Fraction(0), Fraction(1), Fraction(1), Fraction(1, 2), None])
tables = st.integers(1, 3).flatmap(
    lambda n: st.lists(st.lists(grades, min_size=n, max_size=n), min_size=1, max_size=40)
)
targets = st.sampled_from([Floor(Decimal("0.5")), Margin("o0", Decimal("0.3"))])


def make_race(
    table: list[list[Fraction | None]], target: Floor | Margin, goal: Goal, is_judged: bool
) -> tuple[Race, list[int]]:
    costs = [7, 20, 400, 60][: len(table[0]) + 1]
    rules = Rules(len(table), goal, Decimal("0.5"), graded_min=2, is_judged=is_judged)
    return Race(entrants(costs), target, rules), costs


def answer(
    table: list[list[Fraction | None]], costs: list[int], ask: tuple[str, int]
) -> tuple[str, int, Grade, int]:
    place = int(ask[0][1:])
    value = table[ask[1]][place] if place < len(table[0]) else Fraction(ask[1] % 2)
    return *ask, grade_of(value), costs[place] * (1 + (ask[1] + place) % 3)


def take(race: Race, got: tuple[str, int, Grade, int]) -> None:
    """As a judge's word: who wins or loses was named in both orders, a tie turned."""
    value = got[2].value
    is_tie = value == Fraction(1, 2)
    opinion = Opinion.NONE if value is None else Opinion.TURNED if is_tie else Opinion.KEPT
    race.take(*got, opinion=opinion)


@settings(max_examples=60)
@given(
    *(tables, targets, st.sampled_from(Goal), st.booleans()),
    st.tuples(st.randoms(use_true_random=False), st.integers(2, 9)),
)
def test_the_order_in_which_answers_arrive_changes_nothing(
    table: list[list[Fraction | None]],
    target: Floor | Margin,
    goal: Goal,
    is_judged: bool,
    flight: tuple[random.Random, int],
) -> None:
    chance, n_in_flight_max = flight
    one, costs = make_race(table, target, goal, is_judged)
    while (ask := one.next()) is not None:
        take(one, answer(table, costs, ask))
    many, _ = make_race(table, target, goal, is_judged)
    flying: list[tuple[str, int]] = []
    while True:
        while len(flying) < n_in_flight_max and (ask := many.next()) is not None:
            flying.append(ask)
        if not flying:
            break
        take(many, answer(table, costs, flying.pop(chance.randrange(len(flying)))))
    assert one.is_over
    assert many.is_over
    assert one.verdicts() == many.verdicts()
    assert one.best == many.best


@settings(max_examples=60)
@given(tables, targets, st.sampled_from(Goal), st.booleans())
def test_nothing_is_taken_back(
    table: list[list[Fraction | None]], target: Floor | Margin, goal: Goal, is_judged: bool
) -> None:
    race, costs = make_race(table, target, goal, is_judged)
    before = race.verdicts()
    while (ask := race.next()) is not None:
        take(race, answer(table, costs, ask))
        after = race.verdicts()
        for old, new in zip(before, after, strict=True):
            assert old.status in (Status.NOT_PROVEN, new.status)
            assert new.status is Status.NOT_PROVEN or not new.noise
            assert old.bounds.lower <= new.bounds.lower < new.bounds.upper <= old.bounds.upper or (
                old.bounds == new.bounds
            )
            assert old.cost_bounds.lower <= new.cost_bounds.lower
            if old.cost_bounds.upper is not None and new.cost_bounds.upper is not None:
                assert new.cost_bounds.upper <= old.cost_bounds.upper
        before = after


@settings(max_examples=40)
@given(tables, targets, st.sampled_from(Goal), st.integers(0, 3000), st.integers(1, 6))
def test_the_money_limit_holds(
    table: list[list[Fraction | None]],
    target: Floor | Margin,
    goal: Goal,
    limit: int,
    n_in_flight_max: int,
) -> None:
    costs = [7, 20, 400, 60][: len(table[0]) + 1]
    rules = Rules(len(table), goal, Decimal("0.5"), money_pico_max=limit)
    race = Race(entrants(costs), target, rules)
    flying: list[tuple[str, int]] = []
    paid = 0
    while True:
        while len(flying) < n_in_flight_max and (ask := race.next()) is not None:
            flying.append(ask)
        if not flying:
            break
        got = answer(table, costs, flying.pop())
        paid += got[3]
        race.take(*got)
    assert paid <= limit
    assert race.is_over
