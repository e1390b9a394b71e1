"""The log of a process says where something broke, and no value that was sent."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.journal.process_log import DiscreetFormatter

SECRET = "my-pin-is-1234"


def logged(error: BaseException) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(DiscreetFormatter("%(levelname)s %(message)s"))
    log = logging.Logger("own")
    log.addHandler(handler)
    log.error("it failed", exc_info=error)
    return out.getvalue()


def raised(work: Callable[[], object]) -> BaseException:
    with pytest.raises((ValueError, OSError, LookupError, ExceptionGroup)) as caught:
        work()
    return caught.value


def test_a_traceback_has_places_and_names_and_no_values() -> None:
    text = logged(raised(lambda: int(SECRET)))
    assert text.startswith("ERROR it failed\nTraceback (most recent call last):\n")
    assert "test_process_log.py" in text and "int(SECRET)" in text
    assert text.endswith("ValueError\n")
    assert SECRET not in text


def test_causes_and_groups_are_told_alike() -> None:
    def fails() -> None:
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error

    def fails_together() -> None:
        raise ExceptionGroup(SECRET, [raised(fails), ValueError(SECRET)])

    text = logged(raised(fails_together))
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "ERROR it failed",
        *("Traceback (most recent call last):", "ExceptionGroup"),
        *("Traceback (most recent call last):", "ValueError"),
        *("Traceback (most recent call last):", "KeyError"),
        *("Traceback (most recent call last):", "ValueError"),
    ]
    assert SECRET not in text


def test_what_we_and_the_system_say_is_said() -> None:
    assert "ConfigError: two channels" in logged(ConfigError("two channels"))
    assert "No such file" in logged(raised(lambda: Path("/no/such/file").read_text()))


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError("x")
    error.__context__ = error
    assert logged(error).count("ValueError") == 1
