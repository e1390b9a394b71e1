import random
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade
from steelyard.weigh.constancy import READING_ERROR, Constancy, Gate, Opinion
from steelyard.weigh.entrants import Entrant, Floor, Rules, Standing
from steelyard.weigh.race import Race

ERROR = 0.025
WON, TIED, LOST = Fraction(1), Fraction(1, 2), Fraction(0)


def fed(gate: Gate, *answers: tuple[Opinion, Fraction], times: int = 1) -> Gate:
    for _ in range(times):
        for opinion, grade in answers:
            gate.take(opinion, grade)
            gate.close((grade,))
    return gate


KEPT, TURNED = (Opinion.KEPT, WON), (Opinion.TURNED, TIED)
LOSES, SAYS_NOTHING, SAME = (Opinion.KEPT, LOST), (Opinion.NEITHER, TIED), (Opinion.NONE, TIED)


def test_a_judge_reads_once_the_bet_that_it_tosses_a_coin_is_lost() -> None:
    found = Constancy()
    while not found.is_reading:
        found.take(Opinion.KEPT)
    assert found.n_kept == 9
    for _ in range(500):
        found.take(Opinion.TURNED)
    assert found.is_reading  # what was refuted once stays refuted


def test_a_coin_is_hardly_ever_taken_for_one_that_reads_whenever_one_looks() -> None:
    chance = random.Random(5)
    n_taken = 0
    for _ in range(300):
        found = Constancy()
        for _ in range(400):
            found.take(Opinion.KEPT if chance.random() < 0.5 else Opinion.TURNED)
        n_taken += found.is_reading
    assert n_taken <= 2 * READING_ERROR * 300


def test_the_gate_opens_by_constancy_by_the_mean_or_for_want_of_ties() -> None:
    # As many wins as losses, and eight ties: nothing but its constancy speaks for the judge.
    assert fed(Gate(ERROR), KEPT, LOSES, times=30).is_open
    closed = fed(Gate(ERROR), TURNED, times=12)
    assert not closed.is_open
    # It turns on most, but what it keeps is one offer's: the mean leaves a half out.
    assert fed(closed, KEPT, TURNED, TURNED, times=14).is_open
    assert fed(Gate(ERROR), SAME, times=20).is_open  # nobody's opinion was asked
    assert fed(Gate(ERROR), SAME, *[SAME] * 19, TURNED).is_open
    assert not fed(Gate(ERROR), SAME, TURNED, times=20).is_open


@pytest.mark.parametrize("answers", [(TURNED,), (SAYS_NOTHING,), (KEPT, TURNED, LOSES, TURNED)])
def test_no_hope_is_left_for_a_judge_like_that(
    answers: tuple[tuple[Opinion, Fraction], ...],
) -> None:
    found = Gate(ERROR)
    for n in range(1, 61):
        fed(found, answers[n % len(answers)])
        if found.no_hope(60 - n):
            break
    assert 20 <= n < 60


def test_hope_is_left_while_what_it_keeps_is_one_offer_s() -> None:
    found = Gate(ERROR)
    for n in range(1, 61):
        fed(found, (TURNED, TURNED, KEPT)[n % 3])
        assert not found.no_hope(60 - n)
    assert found.is_open and not found.constancy.is_reading


def test_a_judge_that_reads_is_not_despaired_of() -> None:
    chance = random.Random(7)
    n_ended = 0
    for _ in range(100):
        found = Gate(ERROR)
        for n in range(1, 301):
            is_kept = chance.random() < 0.75
            grade = WON if chance.random() < 0.5 else LOST
            fed(found, (Opinion.KEPT, grade) if is_kept else TURNED)
            if found.is_open:
                break
            if found.no_hope(300 - n):
                n_ended += 1
                break
    assert n_ended <= 2


def test_what_is_told_names_the_pairs() -> None:
    told = fed(Gate(ERROR), KEPT, TURNED, TURNED, times=7).told
    assert "7 of 21 pairs" in told
    assert told.startswith("nothing shows so far that the judge reads the answers")
    assert (
        "it named a better one on none of 30 pairs" in fed(Gate(ERROR), SAYS_NOTHING, times=30).told
    )


def raced(judge: list[tuple[Opinion, Fraction]], floor: str, n_items: int = 300) -> Standing:
    rules = Rules(n_items, is_judged=True)
    race = Race([Entrant("o")], Floor(Decimal(floor)), rules)
    while (ask := race.next()) is not None:
        opinion, grade = judge[ask[1] % len(judge)]
        race.take("o", ask[1], Grade(grade), 0, opinion=opinion)
    return race.standing("o")


def test_a_race_decides_only_once_the_gate_is_passed() -> None:
    # Turns first, reads later: at a floor of 0.3 the bounds decide before the gate does.
    judge = [TURNED] * 12 + [KEPT, KEPT, KEPT, LOSES, LOSES, LOSES] * 50
    found = raced(judge, "0.3")
    assert found.status == "proven" and not found.noise
    assert found.bounds.lower <= Decimal("0.5") <= found.bounds.upper
    free = raced([(Opinion.KEPT, grade) for _, grade in judge], "0.3")
    assert free.n < found.n


@pytest.mark.parametrize("floor", ["0.4", "0.5", "0.6"])
def test_a_race_ends_soon_where_the_judge_says_nothing(floor: str) -> None:
    found = raced([TURNED], floor)
    assert (found.status, found.n, bool(found.noise)) == ("not_proven", 20, True)
    assert found.why.startswith("nothing shows so far that the judge reads the answers")
    assert not found.is_hopeless


def test_a_race_over_few_items_asks_all_of_them() -> None:
    found = raced([TURNED], "0.4", 18)
    assert (found.n, found.why, bool(found.noise)) == (18, "no items left", True)
