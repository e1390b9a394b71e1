"""How processes write their log: where something broke, and nothing of what people sent.

The message of an exception often quotes the value that it choked on (``invalid literal for int()
with base 10: 'my pin is'``), and that value came from a caller or a vendor. So the log has the
lines of code of a traceback and the names of the exceptions; messages only of those that Steelyard
or the operating system wrote.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from steelyard.domain.errors import SteelyardError

_OURS = (SteelyardError, OSError)


class DiscreetFormatter(logging.Formatter):
    """The usual lines, with tracebacks that tell no values."""

    def formatException(  # noqa: N802 -- logging's own name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[Any, Any, Any],
    ) -> str:
        """The traceback of an exception and of what led to it, the first cause first."""
        told = [part for error in reversed(list(_chain(ei[1]))) for part in _told(error)]
        return "".join(told).rstrip("\n")


def log_to_stderr(layout: str) -> None:
    """Sets up the log of a process: ``INFO`` and above, in this layout of ``logging``."""
    handler = logging.StreamHandler()
    handler.setFormatter(DiscreetFormatter(layout))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException) -> Iterator[str]:
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    name = type(error).__qualname__
    yield f"{name}: {error}\n" if isinstance(error, _OURS) else f"{name}\n"
    for inner in getattr(error, "exceptions", ()):
        for each in reversed(list(_chain(inner))):
            yield from _told(each)
