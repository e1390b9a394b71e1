from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.supervisor.api import ApiError

HOURS = [
    {"hour": 9, "calls": 40, "succeeded": 30, "lower": 0.6, "upper": 0.87, "is_thin": False},
    {"hour": 10, "calls": 3, "succeeded": 0, "lower": 0.0, "upper": 0.7, "is_thin": True},
    {"hour": 11, "calls": 90, "succeeded": 90, "lower": 0.96, "upper": 1.0, "is_thin": False},
]
FOUND = {
    **{"offer": "shop/m", "state": "limited", "at": "2026-03-10T12:00:00+00:00"},
    **{"requests_per_minute": 300.0, "requests_lower": 298.0, "requests_upper": 304.0},
    **{"tokens_per_minute": 9000, "tokens_per_call": 30.0, "tokens_per_s": 80.5},
    **{"tokens_per_s_slow": 60.0, "first_token_s": 0.31, "limiter": "fixed window", "burst": 20},
    **{"slower": 2.5, "calls": 700, "refused": 9, "cost_pico": "8000000000", "currency": "CNY"},
    **{"detail": "the limit is known", "success_by_hour": HOURS},
}


@pytest.fixture
def lines(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What control answers with, line by line; an exception is raised."""
    answered: list[Any] = [{"progress": {}}, {"progress": {"doing": "climb", "calls": 2}}]

    def stream(path: str, body: Any) -> Iterator[Any]:
        api.asked.append(("POST", path, body, None))
        for line in answered:
            if isinstance(line, BaseException):
                raise line
            yield line

    monkeypatch.setattr(api, "stream", stream)
    return answered


def test_the_table_shows_rate_hours_and_the_worst_one(
    run: Callable[..., Result], api: FakeApi
) -> None:
    bare = {"offer": "shop/b", "state": "unknown", "at": None, "success_by_hour": []}
    api.answers["GET /api/supply"] = {"data": [FOUND, bare]}
    result = run("supply")
    assert result.exit_code == 0
    assert "300 (298 to 304)" in result.stdout and "80.5" in result.stdout
    assert "09h 75.0% (60.0% to 87.0%)" in result.stdout and "too few calls" in result.stdout
    assert "·········▇·█" in result.stdout
    assert as_json(run("supply", "--json")) == [FOUND, bare]


def test_one_offer_is_shown_in_full(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/supply"] = {"data": [FOUND]}
    result = run("supply", "--offer", "shop/m")
    assert "limiter: fixed window" in result.stdout and "a burst of 20" in result.stdout
    assert api.asked[-1][3] == {"offer": "shop/m"}


def test_a_measurement_is_shown(run: Callable[..., Result], api: FakeApi, lines: list[Any]) -> None:
    lines.append({"result": FOUND})
    options = ["--enough", "280", "--requests-max", "600", "--money", "1 CNY", "--minutes", "6"]
    result = run("supply", "measure", "shop/m", *options)
    assert result.exit_code == 1  # limited, whatever was asked
    assert "9 of them refused, cost 0.008 CNY" in result.stdout
    assert "2.5 times as long" in result.stdout
    body = api.asked[-1][2]
    assert (body["enough"], body["requests_max"], body["tokens"]) == (280, 600, 1)
    assert run("supply", "measure", "shop/m").exit_code == 0
    assert as_json(run("supply", "measure", "shop/m", "--json")) == FOUND


def test_nothing_that_was_held_is_no_number(run: Callable[..., Result], lines: list[Any]) -> None:
    cut = {"state": "unknown", "requests_lower": 0.0, "requests_upper": None}
    lines.append({"result": {**FOUND, **cut}})
    shown = run("supply", "measure", "shop/m").stdout
    assert "shop/m: unknown, how many requests a minute is not known" in shown


@pytest.mark.parametrize("options", [("--minutes", "0"), ("--tokens", "0"), ("--tokens", "9999")])
def test_what_cannot_be_measured_is_refused_with_its_bounds(
    run: Callable[..., Result], api: FakeApi, options: tuple[str, str]
) -> None:
    result = run("supply", "measure", "shop/m", *options)
    assert result.exit_code == 2 and options[0] in result.stderr and not api.asked


def test_more_than_was_asked_is_shown_as_such(run: Callable[..., Result], lines: list[Any]) -> None:
    more = {"state": "ok", "requests_upper": None, "refused": 0, "slower": 1.0}
    lines.append({"result": {**FOUND, **more}})
    result = run("supply", "measure", "shop/m", "--enough", "280")
    assert result.exit_code == 0 and "298 or more requests a minute" in result.stdout


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        (
            {"state": "ok", "is_enough": True, "requests_lower": 101.0},
            "enough: yes, at least 101 a minute were carried; 100 are needed\nshop/m: 300",
        ),
        (
            {"is_enough": False, "requests_lower": 40.0, "requests_upper": 62.0},
            "enough: no, at most 62 a minute are let through; 100 are needed\nshop/m: 300",
        ),
        (
            {"is_enough": None, "requests_lower": 92.0, "limiter": "queue"},
            "enough: not known, at least 92 a minute were carried; 100 are needed; answers waited",
        ),
        (
            {"state": "unknown", "is_enough": None, "requests_lower": 0.0, "limiter": "unknown"},
            "enough: not known, no whole minute was held; 100 are needed\n",
        ),
    ],
)
def test_what_was_asked_is_answered_first(
    run: Callable[..., Result], lines: list[Any], more: dict[str, Any], answer: str
) -> None:
    lines.append({"result": {**FOUND, "enough": 100, **more}})
    result = run("supply", "measure", "shop/m", "--enough", "100")
    assert result.stdout.startswith(answer), result.stdout
    assert "limited" not in result.stdout
    assert result.exit_code == (0 if more["is_enough"] else 1)


def test_ctrl_c_keeps_what_is_known(
    run: Callable[..., Result], api: FakeApi, lines: list[Any]
) -> None:
    lines.append(KeyboardInterrupt())
    api.answers["POST /api/supply/stop"] = {"stopped": True}
    api.answers["GET /api/supply/running"] = {"running": None}
    api.answers["GET /api/supply"] = {"data": [{**FOUND, "detail": "stopped by hand"}]}
    result = run("supply", "measure", "shop/m")
    assert result.exit_code == 0 and "stopped by hand" in result.stdout
    api.answers["GET /api/supply"] = {"data": []}
    assert isinstance(run("supply", "measure", "shop/m").exception, StoreUnavailable)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"error": {"code": "config_error", "message": "No offer."}}, ConfigError),
        ({"error": {"code": "overloaded", "message": "Busy."}}, StoreUnavailable),
        (ApiError("Busy.", code="overloaded"), StoreUnavailable),
        (None, StoreUnavailable),
    ],
)
def test_what_went_wrong_is_said(
    run: Callable[..., Result], lines: list[Any], line: Any, kind: type[Exception]
) -> None:
    if line is not None:
        lines.append(line)
    assert isinstance(run("supply", "measure", "shop/m").exception, kind)
