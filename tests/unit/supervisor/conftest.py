from __future__ import annotations

import pytest


class Notes:
    """A teller that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.shown: list[str] = []
        self.steps: list[tuple[str, int, int, str]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def show(self, text: str) -> None:
        self.shown.append(text)

    def progress(self, what: str, done: int, total: int, stage: str) -> None:
        self.steps.append((what, done, total, stage))


@pytest.fixture
def notes() -> Notes:
    return Notes()
