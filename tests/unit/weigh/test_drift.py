"""A watch: passes, references, alarms, and what it says."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.weigh.drift import BORNE_ERROR, START_EVERY, Claim, Pair, Rules, Seen, State, Watch
from steelyard.weigh.gamblers import Gambler

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
IDS = tuple(f"i{n}" for n in range(100))
GOOD, BAD, NONE = Fraction(1), Fraction(0), None


class Wins(dict[str, float]):
    """With the pair that they are of."""

    pair: Pair


def seen(grade: Fraction | None, *, at: int = 0, tokens: int = 10) -> Seen:
    return Seen(grade, tokens, BEGAN + timedelta(hours=at))


def watch_of(grade: Fraction = GOOD, rules: Rules | None = None) -> Watch:
    return Watch(IDS, {name: seen(grade) for name in IDS}, rules)


def take(watch: Watch, count: int, answer: Callable[[str, int], Seen]) -> int:
    """Visits up to ``count`` items; how many until an alarm."""
    for n in range(count):
        if watch.is_drifted:
            return n
        watch.take(answer(watch.next[1], n))
    return count


def test_what_stays_as_it_was_is_thin_then_steady_for_ever() -> None:
    watch = watch_of()
    take(watch, 19, lambda name, n: seen(GOOD))
    assert watch.finding().state is State.THIN
    take(watch, 981, lambda name, n: seen(GOOD))
    found = watch.finding()
    assert (found.state, found.causes, found.pass_number) == (State.STEADY, (), 11)
    assert found.change == 0
    # The pass that has just begun has nothing to tell; the one before it has.
    assert found.n == 100
    assert found.lower <= 0 <= found.upper


def test_a_fall_is_told_with_its_size_and_since_when() -> None:
    watch = watch_of()
    take(watch, 140, lambda name, n: seen(GOOD, at=n))
    take(watch, 60, lambda name, n: seen(BAD if n % 2 else GOOD, at=140 + n))
    found = watch.finding()
    assert (found.state, found.causes) == (State.DRIFTED, ("quality",))
    assert found.since == BEGAN + timedelta(hours=140)
    assert found.change is not None
    assert -0.6 < found.change < -0.4
    assert found.lower < -0.5 < found.upper < -0.02
    assert found.evidence >= found.needed
    with pytest.raises(ValueError, match="alarmed"):
        watch.take(seen(GOOD))


def test_a_fall_within_the_tolerance_is_borne() -> None:
    watch = watch_of(rules=Rules(tolerance=Decimal("0.1")))
    assert take(watch, 2000, lambda name, n: seen(BAD if n % 10 == 3 else GOOD)) == 2000


def test_a_rise_is_told_and_alarms_nobody() -> None:
    watch = watch_of(BAD)
    assert take(watch, 100, lambda name, n: seen(GOOD)) == 100
    found = watch.finding()
    assert found.is_better
    assert found.state is State.STEADY
    assert found.change == 1


def test_longer_answers_alarm_on_their_own() -> None:
    watch = watch_of()
    taken = take(watch, 100, lambda name, n: seen(GOOD, tokens=30))
    found = watch.finding()
    assert taken < 60
    assert found.causes == ("length",)
    assert found.length == 3
    assert found.change == 0
    shorter = watch_of()
    assert take(shorter, 500, lambda name, n: seen(GOOD, tokens=2)) == 500


def test_a_tenth_more_tokens_is_borne_and_unknown_lengths_say_nothing() -> None:
    watch = watch_of()
    assert take(watch, 1000, lambda name, n: seen(GOOD, tokens=11 if n % 2 else 0)) == 1000


def test_what_the_verdict_did_not_grade_gets_its_reference_at_the_first_visit() -> None:
    references = {"i0": seen(GOOD), "i1": seen(NONE)}
    watch = Watch(IDS, references)
    take(watch, 100, lambda name, n: seen(GOOD))
    assert watch.finding().n == 1  # i0 alone could be compared
    take(watch, 100, lambda name, n: seen(GOOD))
    assert watch.finding().n == 100


def test_an_answer_that_is_the_reference_once_more_is_compared_with_it() -> None:
    same = seen(GOOD)
    watch = Watch(IDS, dict.fromkeys(IDS, same))
    take(watch, 50, lambda name, n: same)
    assert watch.finding().n == 50


def test_visits_without_a_grade_are_counted_and_compared_with_nothing() -> None:
    watch = watch_of()
    take(watch, 100, lambda name, n: seen(NONE if n % 2 else GOOD))
    found = watch.finding()
    assert (found.n, found.n_unscored, found.state) == (50, 50, State.STEADY)


def test_what_is_accepted_is_the_new_reference_and_the_passes_count_on() -> None:
    watch = watch_of()
    take(watch, 100, lambda name, n: seen(BAD))
    assert watch.is_drifted
    at_alarm = watch.pass_number
    watch.begin_anew()
    assert watch.pass_number == at_alarm + 1
    assert watch.finding().state is State.THIN
    assert take(watch, 500, lambda name, n: seen(BAD)) == 500
    assert watch.finding().change == 0


def test_an_alarm_at_the_last_item_of_a_pass_can_be_accepted() -> None:
    ids = tuple(f"i{n}" for n in range(40))
    for last in range(20, 41):
        watch = Watch(ids[:last], {name: seen(GOOD) for name in ids})
        if take(watch, last, lambda name, n: seen(BAD)) == last and watch.is_drifted:
            assert watch.next == (1, ids[last - 1])
            watch.begin_anew()
            assert watch.next == (2, "i0")


@pytest.mark.parametrize("size", [1, 7, 100, 330])
def test_errors_of_all_who_ever_bet_add_up_to_those_stated(size: int) -> None:
    watch = Watch(tuple(f"i{n}" for n in range(size)), {})
    met: dict[int, Gambler] = {}
    for _ in range(9000):
        watch.take(seen(GOOD))
        met |= {each.begun: each for each in watch._gamblers}
    assert len(met) >= 90
    errors = {claim: sum(1 / each.bets[claim].needed for each in met.values()) for claim in Claim}
    assert 0.0096 < errors[Claim.SAME] + errors[Claim.NOT_LONGER] < 0.01
    assert errors[Claim.BORNE] < BORNE_ERROR


def met_by(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Pair, int]]:
    """Every pair that is bet on, by the visit at which the gambler began."""
    met: list[tuple[Pair, int]] = []
    take, wins = Gambler.take, watch._wins

    def noted_wins(pair: Pair) -> dict[str, float]:
        made = Wins(wins(pair))
        made.pair = pair
        return made

    def noted(gambler: Gambler, made: Mapping[str, float]) -> None:
        assert isinstance(made, Wins)
        met.append((made.pair, gambler.begun))
        take(gambler, made)

    monkeypatch.setattr(watch, "_wins", noted_wins)
    monkeypatch.setattr(Gambler, "take", noted)
    return met


@pytest.mark.parametrize("size", [40, 130, 700])
def test_nobody_meets_a_grade_twice_nor_a_reference_taken_since_it_began(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(size)
    ids = tuple(f"i{n}" for n in range(size))
    references = {name: seen(GOOD, at=-1) for name in ids[: size // 3]}
    watch = Watch(ids, references)
    met = met_by(watch, monkeypatch)
    for visit in range(6 * size):
        watch.take(seen(chance.choice((GOOD, GOOD, GOOD, NONE)), at=visit))
    by_gambler: dict[int, list[Pair]] = defaultdict(list)
    for pair, begun in met:
        by_gambler[begun].append(pair)
    assert len(by_gambler) > 6 * size // START_EVERY - 6
    for begun, pairs in by_gambler.items():
        first = BEGAN + timedelta(hours=begun)
        assert all(pair.reference.at < first <= pair.now.at for pair in pairs)
        grades = [(pair.visit % size, one.at) for pair in pairs for one in pair[1:]]
        assert len(set(grades)) == len(grades)
        # Who begins while items may be without a reference does not go on into the next pass.
        assert begun >= size or all(pair.visit < size for pair in pairs)


def test_a_bet_wins_nothing_at_just_what_is_borne_and_loses_all_at_most() -> None:
    watch = watch_of(rules=Rules(tolerance=Decimal("0.3"), longer=Decimal("0.5")))
    wins = watch._wins(Pair(0, seen(GOOD), seen(Fraction(7, 10), tokens=15)))
    assert wins[Claim.SAME] == pytest.approx(0.3)
    assert wins[Claim.BORNE] == pytest.approx(0)
    assert wins[Claim.NOT_LONGER] == pytest.approx(0)
    assert watch._wins(Pair(0, seen(Fraction(7, 10)), seen(GOOD)))[Claim.NOT_BETTER] == (
        pytest.approx(0)
    )
    assert watch._wins(Pair(0, seen(BAD), seen(GOOD)))[Claim.BORNE] == pytest.approx(-1)
    assert watch._wins(Pair(0, seen(GOOD), seen(BAD)))[Claim.NOT_BETTER] == pytest.approx(-1)


def test_a_small_pool_is_played_round_after_round_against_other_references() -> None:
    """Ten points of a hundred items are too few to be told from chance in one round."""
    watch = watch_of()
    take(watch, 600, lambda name, n: seen(GOOD))
    assert 120 < take(watch, 1000, lambda name, n: seen(BAD if n % 10 == 0 else GOOD)) < 300
    assert watch.causes == ("quality",)


def test_a_fall_in_the_middle_of_a_pass_is_known_without_waiting_for_the_next() -> None:
    """The one who begins next to the fall plays on over the end of the pass."""
    watch = watch_of()
    take(watch, 280, lambda name, n: seen(GOOD))
    needed = take(watch, 100, lambda name, n: seen(BAD if n % 5 == 0 else GOOD, at=n))
    assert 40 < needed < 90
    assert watch.pass_number == 4
    assert watch.since == BEGAN
    assert watch.finding().n == needed


def test_as_many_better_as_worse_answers_are_no_fall_however_many() -> None:
    half = {name: seen(GOOD if n % 2 else BAD) for n, name in enumerate(IDS)}
    watch = Watch(IDS, half)
    turned = {name: seen(BAD if n % 2 else GOOD) for n, name in enumerate(IDS)}
    assert take(watch, 1000, lambda name, n: turned[name]) == 1000


def test_a_change_within_the_tolerance_is_refuted_as_steady_and_yet_borne() -> None:
    watch = watch_of(rules=Rules(tolerance=Decimal("0.3")))
    assert take(watch, 1000, lambda name, n: seen(BAD if n % 4 == 3 else GOOD)) == 1000
    assert Claim.SAME in watch._refuted()
    found = watch.finding()
    assert found.state is State.STEADY
    assert found.evidence < found.needed  # of the claim that lacks most


@pytest.mark.parametrize("ids", [(), ("a", "a")])
def test_a_pool_has_items_and_none_twice(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="pool"):
        Watch(ids, {})


@pytest.mark.parametrize(
    "wrong", [{"error": 0.0}, {"tolerance": Decimal(1)}, {"longer": Decimal(-1)}]
)
def test_rules_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - three rules, three messages
        Rules(**wrong)  # type: ignore[arg-type]
