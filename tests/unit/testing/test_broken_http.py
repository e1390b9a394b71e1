"""Faults in framing and connection."""

from steelyard.testing.faults import reply
from steelyard.testing.replies import Answer, Ending, Fault, Pause
from testing.turns import received, streamed, written


def test_cut_mid_event_leaves_half_an_event_after_whole_ones():
    steps = list(reply(streamed(), Fault("cut-mid-event", "3"), Answer()))
    assert steps[-1] is Ending.CLOSE
    assert b"\n\n" not in steps[-2]
    assert len([step for step in steps if isinstance(step, bytes) and b"\n\n" in step]) == 3


def test_cut_before_usage_keeps_the_finish_reason():
    said = written(reply(streamed(), Fault("cut-before-usage"), Answer()))
    assert b'"finish_reason":"stop"' in said
    assert b"prompt_tokens" not in said


def test_late_response_comes_after_a_whole_answer_and_a_pause():
    *answer, pause, extra = reply(received(), Fault("late-response", "0.5"), Answer())
    assert answer == list(reply(received(), None, Answer()))
    assert pause == Pause(0.5)
    assert b'"stolen":true' in extra
