"""Limiters say no when they should."""

from __future__ import annotations

import pytest

from steelyard.testing.limiters import (
    Concurrency,
    FixedWindow,
    SilentQueue,
    SlidingWindow,
    TokenBucket,
    Unlimited,
)


def test_a_fixed_window_opens_at_its_boundary_and_may_say_when() -> None:
    window = FixedWindow(2, phase_s=10.0, tells=True)
    assert [window.ask(at_s, 0.1).is_accepted for at_s in (40.0, 45.0)] == [True, True]
    refused = window.ask(49.0, 0.1)
    assert not refused.is_accepted and refused.retry_after_s == pytest.approx(1.0)
    assert window.ask(50.0, 0.1).is_accepted


def test_a_sliding_window_opens_as_calls_leave_it() -> None:
    window = SlidingWindow(2)
    answers = [window.ask(at_s, 0.1).is_accepted for at_s in (0.0, 30.0, 59.0, 60.0, 61.0)]
    assert answers == [True, True, False, True, False]


def test_a_bucket_gives_its_burst_and_then_drips() -> None:
    bucket = TokenBucket(60, 3, tells=True)
    assert [bucket.ask(0.0, 0.1).is_accepted for _ in range(4)] == [True, True, True, False]
    assert bucket.ask(0.5, 0.1).retry_after_s == pytest.approx(0.5)
    assert bucket.ask(1.0, 0.1).is_accepted


def test_calls_at_a_time_are_refused_or_wait() -> None:
    strict, patient = Concurrency(1), Concurrency(1, queues=True)
    assert strict.ask(0.0, 2.0).is_accepted and not strict.ask(1.0, 2.0).is_accepted
    assert strict.ask(2.0, 2.0).is_accepted
    assert patient.ask(0.0, 2.0).time_s == 2.0
    assert patient.ask(1.0, 2.0).time_s == 3.0


def test_a_queue_refuses_nobody() -> None:
    queue = SilentQueue(60)
    assert [queue.ask(0.0, 0.5).time_s for _ in range(3)] == [0.5, 1.5, 2.5]
    assert Unlimited().ask(0.0, 0.5).is_accepted
