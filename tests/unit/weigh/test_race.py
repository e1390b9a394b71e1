import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.entrants import Entrant, Floor, Goal, Margin, Rules, Standing
from steelyard.weigh.race import Race

RIGHT, WRONG = Grade(Fraction(1)), Grade(Fraction(0), "wrong")
FLOOR = Floor(Decimal("0.7"))
UNSCORED = Grade.unscored("no answer")


def entrants(*costs: int) -> list[Entrant]:
    return [Entrant(f"o{i}", cost, cost, 2 * cost) for i, cost in enumerate(costs)]


def run(race: Race, chances: Sequence[float], costs: Sequence[int], seed: int = 1) -> int:
    """Answers one question at a time; gives the number of calls."""
    chance = random.Random(seed)
    table = [[chance.random() for _ in chances] for _ in range(5000)]
    n_calls = 0
    while (ask := race.next()) is not None:
        offer, index = ask
        place = int(offer[1:])
        is_right = table[index][place] < chances[place]
        race.take(offer, index, RIGHT if is_right else WRONG, costs[place])
        n_calls += 1
    assert race.is_over
    return n_calls


def by_name(race: Race) -> dict[str, Standing]:
    return {standing.offer: standing for standing in race.verdicts()}


def test_clear_offers_get_few_calls_and_close_ones_the_rest() -> None:
    race = Race(entrants(0, 0, 0), FLOOR, Rules(600))
    n_calls = run(race, [0.98, 0.72, 0.2], [0, 0, 0])
    found = by_name(race)
    assert found["o0"].status is Status.PROVEN
    assert found["o2"].status is Status.FAILED
    assert found["o0"].n_asked < 60
    assert found["o2"].n_asked < 30
    assert found["o1"].n_asked > 300
    assert n_calls == sum(standing.n_asked for standing in found.values())


def test_a_status_is_what_the_bounds_say() -> None:
    race = Race(entrants(0, 0, 0), FLOOR, Rules(300))
    run(race, [0.95, 0.7, 0.3], [0, 0, 0])
    for standing in race.verdicts():
        lower, upper = standing.bounds
        assert (standing.status is Status.PROVEN) is (lower >= FLOOR.value)
        assert (standing.status is Status.FAILED) is (upper < FLOOR.value)


def test_more_offers_need_more_evidence_each() -> None:
    asked = []
    for n in (2, 10):
        race = Race(entrants(*[0] * n), FLOOR, Rules(300))
        run(race, [1.0] * n, [0] * n)
        assert all(standing.status is Status.PROVEN for standing in race.verdicts())
        asked.append(race.verdicts()[0].n_asked)
    assert asked[0] < asked[1] < 2 * asked[0]


def test_a_margin_asks_the_reference_first_and_only_while_somebody_needs_it() -> None:
    race = Race(entrants(0, 0, 0), Margin("o1", Decimal("0.1")), Rules(900))
    assert [race.next() for _ in range(3)] == [("o1", 0), ("o0", 0), ("o2", 0)]
    race = Race(entrants(0, 0, 0), Margin("o1", Decimal("0.1")), Rules(900))
    run(race, [0.6, 0.6, 0.1], [0, 0, 0])
    found = by_name(race)
    assert found["o0"].status is Status.PROVEN
    assert found["o2"].status is Status.FAILED
    assert found["o1"].n_asked == max(found["o0"].n_asked, found["o2"].n_asked)
    assert found["o1"].why == "the reference"
    assert found["o2"].bounds.upper < -Decimal("0.1")


def test_the_cheapest_good_one_is_found_without_proving_the_dear_ones() -> None:
    costs = [100_000, 5_000, 1_000, 40_000]
    race = Race(entrants(*costs), FLOOR, Rules(600, Goal.CHEAPEST))
    run(race, [0.95, 0.9, 0.3, 0.95], costs)
    found = by_name(race)
    assert [name for name, standing in found.items() if standing.is_cheapest] == ["o1"]
    assert race.best == "o1"
    assert found["o2"].status is Status.FAILED
    # Their listed least cost is above what an accepted answer of o1 is known to cost.
    assert found["o0"].why == found["o3"].why == "no cheaper than o1"
    assert found["o0"].n_asked <= 2
    assert found["o3"].n_asked <= 5


def test_a_cheaper_call_is_not_a_cheaper_answer() -> None:
    # Half the price a call, but three answers in ten: dearer by the accepted answer.
    costs = [100, 60]
    race = Race(entrants(*costs), Floor(Decimal("0.2")), Rules(3000, Goal.CHEAPEST))
    run(race, [0.95, 0.35], costs)
    found = by_name(race)
    assert found["o0"].is_cheapest
    assert not found["o1"].is_cheapest
    assert found["o1"].cost_bounds.lower * Decimal("1.05") >= (found["o0"].cost_bounds.upper or 0)


def test_equal_costs_end_within_the_tolerance() -> None:
    race = Race(entrants(100, 100), FLOOR, Rules(4000, Goal.CHEAPEST, tolerance=Decimal("0.3")))
    n_calls = run(race, [0.95, 0.95], [100, 100])
    assert sum(standing.is_cheapest for standing in race.verdicts()) == 1
    assert n_calls < 4000


def test_the_reference_itself_may_be_the_cheapest() -> None:
    costs = [100, 5000]
    race = Race(entrants(*costs), Margin("o0", Decimal("0.05")), Rules(500, Goal.CHEAPEST))
    run(race, [0.8, 0.8], costs)
    found = by_name(race)
    assert found["o0"].is_cheapest
    assert found["o1"].status is Status.NOT_PROVEN
    assert found["o1"].n_asked < 60


def test_answers_that_were_there_are_read_in_the_order_in_which_they_were_bought() -> None:
    def told(paid_pico: int | None) -> list[tuple[str, int]]:
        race = Race(entrants(10, 100), FLOOR, Rules(400, Goal.CHEAPEST))
        while (ask := race.next()) is not None:
            grade = RIGHT if ask[0] == "o1" or ask[1] % 6 else WRONG
            race.take(*ask, grade, 10 if ask[0] == "o0" else 100, paid_pico)
        return [(standing.why, standing.n_asked) for standing in race.verdicts()]

    assert told(None) == told(0) == [("decided", 120), ("no cheaper than o0", 12)]


def test_nothing_is_named_cheapest_on_a_guess() -> None:
    race = Race(entrants(10, 100), FLOOR, Rules(60, Goal.CHEAPEST))
    run(race, [0.7, 1.0], [10, 100])
    found = by_name(race)
    assert found["o1"].status is Status.PROVEN
    assert found["o0"].why == "no items left"
    assert not any(standing.is_cheapest for standing in found.values())
    assert race.best == "o1"


def test_a_money_limit_holds_even_if_what_is_in_flight_costs_the_most() -> None:
    race = Race(entrants(10, 30), FLOOR, Rules(1000, money_pico_max=700))
    worst = 0
    while (ask := race.next()) is not None:
        other = race.next()
        for offer, index in filter(None, (ask, other)):
            cost = 20 if offer == "o0" else 60
            worst += cost
            race.take(offer, index, RIGHT if index % 3 else WRONG, cost)
    assert 600 < worst <= 700
    assert race.is_over
    assert {standing.why for standing in race.verdicts()} == {"no money left"}


def test_with_money_held_by_what_is_in_flight_one_waits() -> None:
    race = Race(entrants(10, 30), FLOOR, Rules(1000, money_pico_max=90))
    assert race.next() == ("o0", 0)
    assert race.next() == ("o1", 0)
    assert race.next() is None  # 20 and 60 of 90 may be used up
    assert not race.is_over
    race.take("o0", 0, RIGHT, 1)
    race.take("o1", 0, RIGHT, 1)
    assert race.next() == ("o0", 1)


def test_answers_of_an_earlier_run_are_taken_in() -> None:
    race = Race(entrants(0), FLOOR, Rules(100))
    for index in range(5):
        race.take("o0", index, RIGHT, 0)
    assert race.next() == ("o0", 5)
    assert race.verdicts()[0].n == 5


def test_one_asks_ahead_while_answers_are_out() -> None:
    race = Race(entrants(0, 0), FLOOR, Rules(3))
    asked = [race.next() for _ in range(7)]
    assert sorted(filter(None, asked)) == [(f"o{i}", j) for i in range(2) for j in range(3)]
    assert asked[6] is None
    assert not race.is_over
    race.take("o1", 2, RIGHT, 0)
    assert race.verdicts()[1].n == 0  # it waits for those before


def test_unscored_items_are_paid_for_and_too_many_end_it() -> None:
    race = Race(entrants(10), FLOOR, Rules(60))
    while (ask := race.next()) is not None:
        race.take(*ask, UNSCORED if ask[1] % 10 == 0 else RIGHT, 10)
    standing = race.verdicts()[0]
    assert standing.status is Status.NOT_PROVEN
    # Three of sixty may have no grade; after the fourth nothing could be proven any more.
    assert (standing.n, standing.n_unscored, standing.paid_pico) == (27, 4, 310)
    assert standing.cost_per_accepted_pico == Fraction(310, 27)
    assert standing.why == "4 of 60 items have no grade, so nothing can be proven"
    assert standing.is_hopeless


def test_an_offer_without_grades_is_asked_only_a_few_items() -> None:
    race = Race(entrants(0, 0), FLOOR, Rules(600, ungraded_max=5))
    asked = []
    while (ask := race.next()) is not None:
        asked.append(ask[0])
        race.take(*ask, UNSCORED if ask[0] == "o0" else RIGHT, 0)
    assert asked.count("o0") == 5
    silent = by_name(race)["o0"]
    assert (silent.why, silent.is_hopeless) == ("5 items in a row have no grade", True)
    assert by_name(race)["o1"].status is Status.PROVEN


def test_an_offer_has_one_call_at_a_time_until_one_kept_its_bound() -> None:
    race = Race(entrants(10, 10), FLOOR, Rules(60, is_wary=True))
    assert [race.next(), race.next(), race.next()] == [("o0", 0), ("o1", 0), None]
    race.hear("o0", 0, is_trusted=False)  # an answer that was there already says nothing
    assert [race.next(), race.next()] == [("o0", 1), None]
    race.hear("o0", 1, is_trusted=True)
    assert [race.next(), race.next(), race.next()] == [("o0", 2), ("o0", 3), ("o0", 4)]


def test_a_pair_needs_both_grades() -> None:
    race = Race(entrants(0, 0), Margin("o0", Decimal(0)), Rules(4))
    for offer, index in [("o0", 0), ("o1", 0), ("o0", 1), ("o1", 1)]:
        race.take(offer, index, UNSCORED if (offer, index) == ("o0", 1) else RIGHT, 0)
    standing = by_name(race)["o1"]
    assert (standing.n, standing.n_asked, standing.n_unscored) == (1, 2, 0)


def test_a_dropped_offer_is_asked_no_more_and_bars_the_name_of_cheapest() -> None:
    race = Race(entrants(10, 100), FLOOR, Rules(400, Goal.CHEAPEST))
    assert race.next() == ("o0", 0)
    race.drop("o0", "no access")
    run(race, [1.0, 1.0], [10, 100])
    found = by_name(race)
    assert found["o0"].why == "no access"
    assert found["o1"].status is Status.PROVEN
    assert not found["o1"].is_cheapest


def test_without_its_reference_a_race_ends() -> None:
    race = Race(entrants(0, 0), Margin("o0", Decimal("0.1")), Rules(100))
    race.drop("o0", "gone")
    assert race.next() is None
    assert race.is_over


def test_clusters_are_read_whole() -> None:
    race = Race(entrants(0), FLOOR, Rules(40, cluster_sizes=(4,) * 10))
    for index in range(7):
        race.take("o0", index, RIGHT, 0)
    standing = race.verdicts()[0]
    assert (standing.n, standing.n_asked) == (4, 7)


def test_clusters_need_more_items_than_items_do() -> None:
    asked = []
    for sizes in ((), (5,) * 100):
        race = Race(entrants(0), FLOOR, Rules(500, cluster_sizes=sizes))
        run(race, [1.0], [0])
        assert race.verdicts()[0].status is Status.PROVEN
        asked.append(race.verdicts()[0].n_asked)
    assert asked[1] >= 4 * asked[0]


@pytest.mark.parametrize(
    ("names", "target"),
    [
        ([], FLOOR),
        (["a", "a"], FLOOR),
        (["a", "b"], Margin("c", Decimal("0.1"))),
        (["a"], Margin("a", Decimal("0.1"))),
    ],
)
def test_races_that_cannot_be_run_are_refused(names: list[str], target: Floor | Margin) -> None:
    with pytest.raises(ValueError):
        Race([Entrant(name) for name in names], target, Rules(10))


def test_answers_that_cannot_be_are_refused() -> None:
    race = Race(entrants(0), FLOOR, Rules(10))
    race.take("o0", 0, RIGHT, 0)
    for offer, index, cost in [("o0", 0, 0), ("o0", 10, 0), ("o9", 1, 0), ("o0", 1, -1)]:
        with pytest.raises(ValueError):
            race.take(offer, index, RIGHT, cost)
