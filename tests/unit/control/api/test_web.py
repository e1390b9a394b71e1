"""What every handler shares."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from starlette.requests import Request

from steelyard.control.api.web import answer, asked_count, on_error
from steelyard.domain.errors import InvalidRequest, RateLimited


def error_of(error: Exception) -> tuple[Any, dict[str, Any]]:
    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": []})
    response = asyncio.run(on_error(request, error))
    return response, json.loads(response.body)["error"]


def test_an_unknown_error_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    response, shown = error_of(ValueError("sk-secret in /etc/passwd"))
    assert response.status_code == 500
    assert shown["code"] == "internal_error"
    assert "secret" not in response.body.decode()
    assert "GET /x failed" in caplog.text


def test_whoever_must_wait_is_told_how_long() -> None:
    response, shown = error_of(RateLimited("slow down", retry_after_s=1.5))
    assert response.headers["retry-after"] == "2"
    assert (shown["type"], shown["code"]) == ("rate_limit_error", "rate_limit_exceeded")


def test_exact_numbers_stay_exact() -> None:
    body = answer({"a": Fraction(1, 3), "b": datetime(2026, 1, 1, tzinfo=UTC), "c": {3}}).body
    assert json.loads(body) == {"a": "1/3", "b": "2026-01-01T00:00:00+00:00", "c": [3]}


def test_half_a_surrogate_pair_of_a_model_hides_no_answer() -> None:
    told = {"text": "秤\ud800", "n": Fraction(1, 3)}
    assert json.loads(bytes(answer(told).body)) == {"text": "秤\ud800", "n": "1/3"}
    assert "秤" in bytes(answer({"text": "秤"}).body).decode()
    response, shown = error_of(InvalidRequest("no \ud800"))
    assert (response.status_code, shown["message"]) == (400, "no \ud800")


def test_a_count_in_a_query_is_one_or_is_refused_by_name() -> None:
    assert [asked_count("limit", text, 7) for text in (None, "0", "999999999")] == [7, 0, 999999999]
    for wrong in ("", "-1", "1.5", "\u0663", "\u00b2", "9" * 5000):
        with pytest.raises(InvalidRequest, match="limit: write a whole number") as refused:
            asked_count("limit", wrong, 7)
        assert refused.value.param == "limit"
