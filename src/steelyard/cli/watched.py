"""Long work of control, watched line by line: progress on the terminal, then what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from steelyard.cli import place
from steelyard.domain.errors import ConfigError, InvalidRequest, StoreUnavailable


def watch(
    path: str, body: Mapping[str, Any], told: Callable[[Mapping[str, Any]], str], *, ending: str
) -> dict[str, Any]:
    """The result of a piece of work that control does and tells of in lines.

    Args:
        path: of the API; the work begins with the request.
        body: of the request.
        told: a line of progress for people; empty for a line that says nothing to them.
        ending: what to say when control ends before the work does.

    Raises:
        ConfigError: it was asked wrongly.
        StoreUnavailable: no steelyard runs, or it stopped on the way.
    """
    from steelyard.cli.terminal import Terminal  # noqa: PLC0415 - slow to import

    terminal = Terminal()
    try:
        for line in lines(path, body):
            if "result" in line:
                found: dict[str, Any] = line["result"]
                return found
            if text := told(line):
                terminal.now(text)
    finally:
        terminal.close()
    raise StoreUnavailable(ending)


def lines(path: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The lines as control tells them; one that is an error is raised.

    Raises:
        ConfigError: it was asked wrongly.
        StoreUnavailable: no steelyard runs.
    """
    from steelyard.supervisor.api import ApiError  # noqa: PLC0415 - slow to import

    try:
        for line in place.api().stream(path, dict(body)):
            if "error" in line:
                raise error_of(line["error"])
            yield line
    except ApiError as error:
        raise error_of({"code": error.code, "message": error.message}) from error


def error_of(error: Mapping[str, Any]) -> Exception:
    """What the command ends with: whoever asked wrongly is told so by the exit code, too."""
    code, message = str(error.get("code")), str(error.get("message"))
    if code in (InvalidRequest.code, ConfigError.code):
        return ConfigError(message)
    return StoreUnavailable(message)
