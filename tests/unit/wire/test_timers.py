import asyncio

import pytest

from steelyard.wire.timers import SLOTS, TimerWheel


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.05, 0.3, 0.95, 1.0, 7.3, 60.0])
def test_fires_once_never_early_and_at_most_a_tick_late(fake_loop, wheel, delay_s):
    fired = []
    wheel.after(delay_s, lambda: fired.append(fake_loop.time() - 100.0))
    fake_loop.advance(delay_s + 1.0)
    assert len(fired) == 1
    assert delay_s - 1e-9 <= fired[0] <= delay_s + wheel.tick_s + 1e-6


def test_a_deadline_that_moves_costs_an_assignment(fake_loop, wheel):
    fired = []
    timer = wheel.after(1.0, lambda: fired.append(fake_loop.time()))
    for _ in range(100):
        fake_loop.advance(0.5)
        timer.deadline = wheel.now + 1.0
    assert fired == []
    fake_loop.advance(1.2)
    assert len(fired) == 1


def test_at_moves_a_deadline_earlier_without_firing_twice(fake_loop, wheel):
    fired = []
    timer = wheel.after(30.0, lambda: fired.append(fake_loop.time() - 100.0))
    timer.at(fake_loop.time() + 0.1)
    fake_loop.advance(60.0)
    assert len(fired) == 1
    assert fired[0] < 0.2


def test_an_assignment_to_an_earlier_instant_is_noticed_within_a_turn(fake_loop, wheel):
    fired = []
    timer = wheel.after(30.0, lambda: fired.append(fake_loop.time() - 100.0))
    fake_loop.advance(0.3)
    timer.deadline = fake_loop.time() + 0.1
    fake_loop.advance(30.0)
    assert fired[0] < 0.4 + (SLOTS + 1) * wheel.tick_s


def test_a_timer_can_be_armed_again_after_it_fired(fake_loop, wheel):
    fired = []
    timer = wheel.after(0.1, lambda: fired.append(1))
    fake_loop.advance(1.0)
    timer.at(fake_loop.time() + 0.1)
    fake_loop.advance(1.0)
    assert fired == [1, 1]


def test_cancelled_timers_do_not_fire(fake_loop, wheel):
    fired = []
    timer = wheel.after(0.1, lambda: fired.append(1))
    timer.cancel()
    timer.cancel()
    fake_loop.advance(1.0)
    assert fired == []


def test_stops_ticking_when_empty_and_starts_again(fake_loop, wheel):
    fired = []
    wheel.after(0.1, lambda: fired.append(1))
    fake_loop.advance(2.0)
    assert fake_loop.is_idle
    fake_loop.advance(1000.0)
    wheel.after(0.1, lambda: fired.append(2))
    assert wheel.now == fake_loop.time()
    fake_loop.advance(0.2)
    assert fired == [1, 2]


def test_close_forgets_everything(fake_loop, wheel):
    fired = []
    wheel.after(0.1, lambda: fired.append(1))
    wheel.close()
    fake_loop.advance(2.0)
    assert fired == []
    assert fake_loop.is_idle


def test_a_callback_that_raises_loses_no_other_timer(fake_loop, wheel):
    fired = []

    def fail() -> None:
        raise LookupError

    wheel.after(0.1, lambda: fired.append(1))
    wheel.after(0.1, fail)
    with pytest.raises(LookupError):
        fake_loop.advance(0.2)
    fake_loop.advance(2.0)
    assert fired == [1]


def test_a_blocked_loop_catches_up(fake_loop, wheel):
    fired = []
    wheel.after(0.3, lambda: fired.append(1))
    wheel.after(5.0, lambda: fired.append(2))
    fake_loop.clock += 3.0  # the loop did not come round meanwhile
    fake_loop.advance(0.2)
    assert fired == [1]
    fake_loop.advance(3.0)
    assert fired == [1, 2]


async def _real() -> float:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    began = loop.time()
    TimerWheel(loop).after(0.06, lambda: done.set_result(None))
    await done
    return loop.time() - began


def test_ticks_on_a_real_loop():
    assert 0.06 <= asyncio.run(_real()) < 0.5
