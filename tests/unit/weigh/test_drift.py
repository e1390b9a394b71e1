"""A watch: passes, references, alarms, and what it says."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.weigh.drift import STAKES, START_EVERY, Gauge, Rules, Seen, State, Watch

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
IDS = tuple(f"i{n}" for n in range(100))
GOOD, BAD, NONE = Fraction(1), Fraction(0), None


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


def test_errors_of_all_passes_add_up_to_the_one_stated() -> None:
    watch, total = watch_of(), 0.0
    for _ in range(200):
        gauges = (watch._quality, watch._lasting, watch._length)
        total += sum(1 / gauge.needed for gauge in gauges)
        take(watch, 100, lambda name, n: seen(GOOD))
    assert 0.0099 < total < 0.01


def test_a_gauge_is_the_mean_over_gamblers_who_begin_one_after_the_other() -> None:
    chance = random.Random(3)
    gains = [chance.choice((0.0, 0.5, 0.5, 1.0)) for _ in range(60)]
    gauge = Gauge(0.51, 1e-9, 4)
    stakes, held = STAKES, list[list[float]]()
    for n, gain in enumerate(gains):
        if n % START_EVERY == 0:
            gauge.begin()
            held.append([1.0] * len(stakes))
        gauge.take(gain)
        held = [
            [h * (1 - s + s * gain / 0.51) for h, s in zip(each, stakes, strict=True)]
            for each in held
        ]
    # One of the four has not begun and holds what it had.
    expected = (sum(sum(each) / len(stakes) for each in held) + 1) / 4
    assert gauge.evidence == pytest.approx(expected)


def test_a_game_against_the_truth_is_fair_whatever_comes_first() -> None:
    """Over all sequences of two gains, 0 and 1, evenly: the mean evidence is exactly 1."""
    total = 0.0
    for path in range(2**10):
        gauge = Gauge(0.5, 1e-12, 3)
        for n in range(10):
            if n % 4 == 0:
                gauge.begin()
            gauge.take(float(path >> n & 1))
        total += gauge.evidence
    assert total / 2**10 == pytest.approx(1)


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
