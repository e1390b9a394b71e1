"""Alarms from ordinary calls: quick after a fall, quiet without one, the same after a restart."""

from __future__ import annotations

import json
import math
import random
from statistics import mean

import pytest

from steelyard.weigh.supply.alarm import (
    LEARN,
    Change,
    Detector,
    FailureAlarm,
    Memory,
    SlowAlarm,
    speed_of,
)


def _learnt(chance: random.Random, usual: float = 80.0) -> SlowAlarm:
    alarm = SlowAlarm()
    for call in range(LEARN):
        assert alarm.take(usual * chance.lognormvariate(0, 0.3), call) is None
    return alarm


def test_a_steep_fall_is_told_within_fifty_calls() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        alarm = _learnt(chance)
        for call in range(LEARN, 2000):
            assert alarm.take(80 * chance.lognormvariate(0, 0.3), call) is None
        change = None
        for call in range(2000, 2050):
            change = alarm.take(15 * chance.lognormvariate(0, 0.3), call)
            if change is not None:
                break
        assert change is not None
        assert change.what == "speed"
        assert 60 < change.before < 100 and 8 < change.after < 25
        assert 1990 <= change.since_ns <= 2005 and change.at_ns == call


def test_a_lasting_fall_to_less_than_half_is_told_later() -> None:
    chance = random.Random(1)
    alarm = _learnt(chance)
    at = next(
        call
        for call in range(1000)
        if alarm.take(33 * chance.lognormvariate(0, 0.1), call) is not None
    )
    assert 40 <= at <= 80


def test_a_slow_spell_is_no_alarm() -> None:
    chance = random.Random(2)
    alarm = _learnt(chance)
    for call in range(3000):
        factor = 0.45 if call % 300 < 25 else 1.0
        assert alarm.take(80 * factor * chance.lognormvariate(0, 0.3), call) is None


@pytest.mark.parametrize("at", [100, 130, 185, 199, 395, 1590])
def test_a_fall_while_what_is_usual_is_learnt_is_told(at: int) -> None:
    for seed in range(10):
        chance = random.Random(seed)
        alarm = SlowAlarm()
        for call in range(at):
            assert alarm.take(80 * chance.lognormvariate(0, 0.4), call) is None
        told = [alarm.take(15 * chance.lognormvariate(0, 0.4), at + n) for n in range(50)]
        assert any(told)


def test_spells_that_passed_are_usual_and_deeper_ones_are_not() -> None:
    chance = random.Random(8)
    alarm = _learnt(chance)
    for call in range(4200):  # every now and then fifteen calls at a fifth of the speed
        factor = 0.2 if call % 500 > 484 else 1.0
        assert alarm.take(80 * factor * chance.lognormvariate(0, 0.2), call) is None
    assert alarm.steep.recovered > 12
    told = [alarm.take(15 * chance.lognormvariate(0, 0.2), n) is not None for n in range(90)]
    assert 25 <= told.index(True) <= 75


def test_calls_that_hang_together_raise_no_alarm() -> None:
    """Each call's logarithm is four fifths of the last one's: ten are slow on end quite often."""
    wrong = 0
    for seed in range(12):
        chance = random.Random(seed)
        alarm, wander = SlowAlarm(), 0.0
        for call in range(5000):
            wander = 0.8 * wander + 0.3 * chance.gauss(0, 1)
            wrong += alarm.take(80 * math.exp(wander), call) is not None
    assert wrong == 0


def test_the_promise_holds_where_hits_are_as_frequent_as_allowed() -> None:
    chance = random.Random(3)
    wrong = 0
    for _ in range(200):
        detector = Detector(0.25, 0.85)
        wrong += any(detector.take(n, is_hit=chance.random() < 0.25) for n in range(2000))
    assert wrong <= 2


def test_m_minus_n_is_fair() -> None:
    chance = random.Random(4)
    detector_ends = []
    for _ in range(4000):
        m = 0.0
        for _ in range(3):
            m = (m + 1) * (0.85 / 0.25 if chance.random() < 0.25 else 0.15 / 0.75)
        detector_ends.append(m)
    assert mean(detector_ends) == pytest.approx(3, rel=0.15)


def test_a_restart_forgets_nothing() -> None:
    chance = random.Random(5)
    one, other = SlowAlarm(), SlowAlarm()
    for call in range(300):
        speed = 80 * chance.lognormvariate(0, 0.3) * (0.2 if call > 200 else 1)
        other = SlowAlarm.load(json.loads(json.dumps(other.dump())))
        found, found_other = one.take(speed, call), other.take(speed, call)
        assert found == found_other
        if found is not None:
            return
    pytest.fail("no alarm")


def test_failures_are_told_and_the_usual_ones_are_not() -> None:
    chance = random.Random(6)
    alarm = FailureAlarm()
    for call in range(4000):
        alarm = FailureAlarm.load(json.loads(json.dumps(alarm.dump()))) if call < 150 else alarm
        assert alarm.take(call, is_failed=chance.random() < 0.03) is None
    found: list[Change] = []
    for call in range(4000, 4050):
        change = alarm.take(call, is_failed=chance.random() < 0.6)
        if change is not None:
            found.append(change)
            break
    assert found[0].what == "success"
    assert found[0].before > 0.9 and found[0].after < 0.7


@pytest.mark.parametrize(
    ("tokens", "is_stream", "speed"),
    [(100, True, 50.0), (100, False, 40.0), (15, True, None), (0, False, None)],
)
def test_speed_is_what_the_answer_itself_took(
    tokens: int, is_stream: bool, speed: float | None
) -> None:
    assert speed_of(tokens, 0.5, 2.5, is_stream=is_stream) == speed


def test_an_answer_in_no_time_says_nothing() -> None:
    assert speed_of(100, 1.0, 1.0, is_stream=True) is None


def _wandering(chance: random.Random, calls: int, keeps: float = 0.95) -> list[float]:
    """Logarithms that keep so much of the last one's; their standard deviation is 0.6."""
    value, found = chance.gauss(0, 0.6), []
    for _ in range(calls):
        value = keeps * value + 0.6 * math.sqrt(1 - keeps * keeps) * chance.gauss(0, 1)
        found.append(value)
    return found


def test_calls_that_hang_together_count_less_and_independent_ones_each() -> None:
    chance = random.Random(4)
    loose, tied = Memory(), Memory()
    for value in _wandering(chance, 400):
        tied.take(value)
        loose.take(chance.gauss(0, 0.6))
    assert loose.calls() == 1.0
    assert tied.calls() > 5
    assert Memory().calls() == 1.0


def test_a_memory_of_one_value_asks_for_nothing() -> None:
    memory = Memory()
    for _ in range(2 * LEARN):
        memory.take(3.0)
    assert memory.calls() == 1.0


def test_speed_that_wanders_is_no_fall_and_a_fall_is_told_later() -> None:
    wrong, late = 0, []
    for seed in range(12):
        chance = random.Random(seed)
        alarm = SlowAlarm()
        values = _wandering(chance, 4000)
        wrong += any(alarm.take(80 * math.exp(v), call) for call, v in enumerate(values[:2000]))
        falls = (alarm.take(10 * math.exp(v), 2000 + n) for n, v in enumerate(values[2000:]))
        late.append(next((n for n, change in enumerate(falls) if change), None))
    assert not wrong
    assert all(calls is not None for calls in late)


def test_what_hangs_together_outlives_a_restart() -> None:
    chance, alarm = random.Random(8), SlowAlarm()
    for call, value in enumerate(_wandering(chance, 2 * LEARN)):
        alarm.take(80 * math.exp(value), call)
    again = SlowAlarm.load(json.loads(json.dumps(alarm.dump())))
    assert again == alarm and again.steep.times > 1
    # What was kept by an earlier version has learnt nothing of the kind.
    older = alarm.dump()
    del older["memory"], older["steep"]["times"], older["lasting"]["times"]
    assert SlowAlarm.load(older).steep.times == 1.0
