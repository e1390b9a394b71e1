from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli.conftest import FakeApi
from steelyard.cli.watched import watch
from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.supervisor.api import ApiError


def told_by(api: FakeApi, monkeypatch: pytest.MonkeyPatch, *lines: Any) -> None:
    def stream(_path: str, _body: Any) -> Iterator[Any]:
        for line in lines:
            if isinstance(line, Exception):
                raise line
            yield line

    monkeypatch.setattr(api, "stream", stream)


def test_progress_is_told_and_the_result_is_given(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_by(api, monkeypatch, {"step": 1}, {"note": 0}, {"result": {"a": 1}})
    heard: list[Any] = []

    def told(line: Any) -> str:
        heard.append(line)
        return str(line.get("step", ""))

    assert watch("/x", {}, told, ending="ended") == {"a": 1}
    assert heard == [{"step": 1}, {"note": 0}]


@pytest.mark.parametrize(
    ("last", "kind", "message"),
    [
        ({"error": {"code": "config_error", "message": "No offer."}}, ConfigError, "No offer"),
        ({"error": {"code": "overloaded", "message": "Busy."}}, StoreUnavailable, "Busy"),
        (ApiError("body: wrong", code="invalid_request"), ConfigError, "body: wrong"),
        ({"step": 2}, StoreUnavailable, "it ended"),
    ],
)
def test_other_ends_are_errors(
    api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    last: Any,
    kind: type[Exception],
    message: str,
) -> None:
    told_by(api, monkeypatch, {"step": 1}, last)
    with pytest.raises(kind, match=message):
        watch("/x", {}, lambda _: "", ending="it ended")
