from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline

SUM = {
    "account": "acc_1",
    "account_name": "acme",
    "currency": "CNY",
    "calls": 3,
    "attempts": 4,
    "open": 0,
    "input_tokens": 100,
    "output_tokens": 20,
    "cost_pico": "45581243",
}
LINE = {
    "attempt_id": "c-1-2-1",
    "called_at_ns": 1763700000 * 10**9,
    "account_id": "acc_1",
    "task": "",
    "offer": "local/small",
    "why": "first",
    "outcome": "completed",
    "input_tokens": 5,
    "output_tokens": 6,
    "usage_source": "reported",
    "cost_pico": 1,
    "currency": "CNY",
}


def test_ledger_shows_names_and_amounts_to_the_last_digit(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/ledger"] = {"data": [SUM]}
    run("ledger", "--by", "account, own")
    assert api.asked[-1][3] == {"by": "account,account_own"}
    result = run("ledger", "--by", "account", "--since", "2026-11-01", "--account", "acme")
    assert "acme" in result.stdout and "0.000045581243 CNY" in result.stdout
    assert api.asked[-1][3] == {"by": "account", "since": "2026-11-01", "account": "acme"}
    assert as_json(run("ledger", "--json")) == [SUM]


def test_lines_and_a_single_call(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/ledger/lines"] = {"data": [LINE]}
    shown = run("ledger", "--lines").stdout
    assert "c-1-2-1" in shown and "0.000000000001 CNY" in shown and "2025-11-21 04:40:00" in shown
    found = {"id": "c-1-2", "cost": {"CNY": "0.000000000001"}, "attempts": [LINE]}
    api.answers["GET /api/calls/c-1-2"] = found
    assert run("call", "c-1-2").stdout.startswith("c-1-2: 1 line, cost 0.000000000001 CNY\n")
    assert as_json(run("call", "c-1-2", "--json")) == found


def test_a_call_shows_all_it_counted_what_corrects_it_and_why_it_ended_so(
    run: Callable[..., Result], api: FakeApi
) -> None:
    extras: dict[str, Any] = {"extra_items": ["video", "image"], "extra_counts": [8, 2]}
    attempts = [
        {**LINE, **extras, "cache_read_tokens": 1200, "detail": "ordered"},
        {**LINE, "kind": "adjustment", "detail": "order failed: banned"},
    ]
    api.answers["GET /api/calls/c-1-2"] = {"id": "c-1-2", "cost": {}, "attempts": attempts}
    shown = run("call", "c-1-2").stdout
    assert "cache_read 1,200, video 8 s, image 2" in shown
    assert "correction" in shown and "order failed: banned" in shown


def test_a_call_shows_the_rates_of_each_attempt_or_that_there_are_none(
    run: Callable[..., Result], api: FakeApi
) -> None:
    rate = {"id": "b7", "item": "input", "price": "2.50 USD/mtok", "condition": "thinking"}
    rate |= {"from_day": "2024-10-02", "source": "steelyard", "basis": "announced"}
    own = {**rate, "id": "r3", "source": "offer", "basis": "", "evidence": ""}
    rate["evidence"] = "https://a.example/prices"
    attempts = [
        {**LINE, "account_name": "acme/web", "rates": [rate, own], "rates_unknown": []},
        {**LINE, "attempt_id": "c-1-2-2", "rates": [], "rates_unknown": ["r8", "b9"]},
        {**LINE, "attempt_id": "c-1-2-3", "rates": [], "rates_unknown": []},
    ]
    api.answers["GET /api/calls/c-1-2"] = {"id": "c-1-2", "cost": {}, "attempts": attempts}
    lines = [line.split() for line in run("call", "c-1-2").stdout.splitlines()]
    assert "acme/web" in lines[3]
    told = ["input", "2.50", "USD/mtok", "thinking", "2024-10-02"]
    by = ["steelyard", "(announced)", "https://a.example/prices", "b7"]
    assert ["c-1-2-1", *told, *by] in lines
    assert ["c-1-2-1", *told, "offer", "r3"] in lines
    assert " ".join(lines[-2]) == "c-1-2-2: rates not found: r8, b9"
    assert " ".join(lines[-1]) == "c-1-2-3: no rates, nothing was priced"


IN_CNY = {
    "data": [
        {**SUM, "currency": "USD", "cost_in_pico": "330000000", "unconverted_pico": "5000000000"},
        {**SUM, "currency": "JPY", "cost_in_pico": None, "unconverted_pico": "45581243"},
        {**SUM, "cost_in_pico": "45581243", "unconverted_pico": "0"},
    ],
    **{"in": "CNY", "total_in_pico": "375581243", "rates_used": [], "unconverted": []},
}


def test_amounts_in_one_currency_with_what_has_no_rate(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/ledger"] = IN_CNY
    shown = run("ledger", "--by", "account", "--in", "CNY", "--rate-age", "30").stdout
    assert api.asked[-1][3] == {"by": "account", "in": "CNY", "rate_age": "30"}
    assert "0.00033 + 0.005 USD: no rate" in shown
    assert "0.000045581243 CNY (≈0.456 毫)" in shown
    assert "total 0.000375581243 CNY (≈0.376 厘)" in shown
    assert as_json(run("ledger", "--in", "CNY", "--json")) == IN_CNY
    line = {**LINE, "cost_in_pico": None}
    api.answers["GET /api/ledger/lines"] = {**IN_CNY, "data": [line]}
    assert "no rate" in run("ledger", "--lines", "--in", "CNY").stdout


def test_offers(run: Callable[..., Result], api: FakeApi) -> None:
    offer = {"name": "a/x", "model": "x", "vendor": "a", "state": "down", "reason": "no file"}
    offer |= {
        "prices": {},
        "unpriced": "no list",
        "context_tokens": 8192,
        "verdicts": {"t": "proven", "u": "failed"},
    }
    api.answers["GET /api/offers"] = {"data": [offer]}
    shown = run("offers").stdout
    assert (
        "none, refused: no list" in shown
        and "down (no file)" in shown
        and shown.rstrip().endswith(" t")
    )
    offer["quarantine"] = "another model answers"
    assert "down (no file), quarantined" in run("offers").stdout
    offer |= {"prices": {"input (batch)": "1 USD/mtok"}, "unpriced": "only batch has a price"}
    assert "input (batch) 1 USD/mtok, refused: only batch has a price" in run("offers").stdout
    offer |= {"answered": [{"name": "x-2"}, {"name": "x-1"}], "flags": ["alias_moved", "swapped"]}
    assert "x-2 (alias moved, swapped!)" in run("offers").stdout


def test_without_control_its_files_are_asked(
    run: Callable[..., Result], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.is_up = False
    asked: list[Any] = []

    def get(home: Path, runtime: Path, path: str, query: dict[str, str]) -> Any:
        asked.append((path, query))
        return {"data": []}

    monkeypatch.setattr(offline, "get", get)
    assert run("ledger", "--by", "model").stdout == "nothing\n"
    assert asked == [("/api/ledger", {"by": "model"})]
