"""Every fault's reply, read as bytes without a socket."""

import itertools

import pytest

from steelyard.testing.faults import FAULTS, checked, fault_of_model, reply
from steelyard.testing.replies import Answer, Ending, Fault, Pause, Raw
from testing.turns import STEPS_READ_MAX, received, streamed


@pytest.mark.parametrize("request_", [received(), streamed()], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_something_for_both_forms_and_is_told_what_it_does(name, request_):
    steps = list(itertools.islice(reply(request_, Fault(name), Answer()), STEPS_READ_MAX))
    assert steps
    assert all(isinstance(step, bytes | Pause | Ending) for step in steps)
    assert FAULTS[name].__doc__


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_differs_from_the_ordinary_stream(name):
    ordinary = list(reply(streamed(), None, Answer()))
    asked = streamed(max_tokens=2) if name == "overrun" else streamed()
    steps = list(itertools.islice(reply(asked, Fault(name), Answer()), STEPS_READ_MAX))
    assert steps != ordinary


def test_raw_entries_are_played_as_they_are():
    raw = Raw((b"abc", Pause(1.0), Ending.RESET))
    assert tuple(reply(received(), raw, Answer())) == raw.steps


def test_models_name_faults_and_mistakes_get_the_nearest_name():
    assert fault_of_model("gpt-4o") is None
    assert fault_of_model("fault:429:2") == Fault("429", "2")
    with pytest.raises(ValueError, match="usage-twice"):
        checked(Fault("usage-twise"))
