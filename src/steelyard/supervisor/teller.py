"""What the supervisor has to say to a person, and the seam through which it says it.

The command line has one that draws on a terminal; tests have one that keeps a list.
"""

from __future__ import annotations

from typing import Protocol


class Teller(Protocol):
    """Takes what the supervisor says; never blocks, never raises."""

    def say(self, text: str) -> None:
        """News: something is as it should be."""

    def warn(self, text: str) -> None:
        """Something is not as it should be, and what is done about it."""

    def show(self, text: str) -> None:
        """Text to copy, such as a key or a command line: goes out as it is, without wrapping."""

    def progress(self, what: str, done: int, total: int, stage: str) -> None:
        """``done`` of ``total`` bytes of ``what`` have passed a stage such as ``download``."""
