"""The one table of faults, by name, and how a request names one.

Called by `upstream`. A fault is a pure function from a `Turn` to steps; a new one is a function in
one of the three `broken_*` modules and a line in its table.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from steelyard.testing.broken_answers import ANSWER_FAULTS
from steelyard.testing.broken_http import HTTP_FAULTS
from steelyard.testing.broken_usage import USAGE_FAULTS
from steelyard.testing.replies import Answer, ChatCall, Entry, Fault, Raw, Received, Step, Turn
from steelyard.testing.replies import ordinary as ordinary_reply

FAULTS: Final[Mapping[str, Callable[[Turn], Iterator[Step]]]] = {
    **ANSWER_FAULTS,
    **HTTP_FAULTS,
    **USAGE_FAULTS,
}

MODEL_PREFIX: Final = "fault:"
"""A model called `fault:NAME` or `fault:NAME:ARGUMENT` asks for that fault."""


def fault_of_model(model: str) -> Fault | None:
    """Return the fault that a model name asks for, or None for an ordinary model.

    Raises:
        ValueError: It asks for a fault that does not exist.
    """
    if not model.startswith(MODEL_PREFIX):
        return None
    name, _, argument = model.removeprefix(MODEL_PREFIX).partition(":")
    return checked(Fault(name, argument))


def checked(fault: Fault) -> Fault:
    """Return the fault when its name is known.

    Raises:
        ValueError: It is not; the message has the nearest names.
    """
    if fault.name not in FAULTS:
        near = ", ".join(difflib.get_close_matches(fault.name, FAULTS)) or ", ".join(sorted(FAULTS))
        raise ValueError(f"no fault is called {fault.name!r}; there is {near}")
    return fault


def reply(request: Received, entry: Entry | None, default: Answer) -> Iterator[Step]:
    """Return the steps that answer a chat request.

    Args:
        request: As received, complete.
        entry: The script's word for this request; without one the model's name decides.
        default: What an ordinary answer is.

    Raises:
        ValueError: The body is no chat request, or its model asks for an unknown fault.
    """
    if isinstance(entry, Raw):
        return iter(entry.steps)
    call = ChatCall.read(request.body)
    if entry is None:
        entry = fault_of_model(call.model) or default
    if isinstance(entry, Answer):
        return ordinary_reply(Turn(request, call, entry))
    turn = Turn(request, call, entry.answer or default, entry.argument)
    return FAULTS[entry.name](turn)
