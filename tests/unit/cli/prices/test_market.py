from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.conftest import FakeApi
from steelyard.cli.prices import market

RATE = {
    "id": "ecb-2026-11-20-USD-CNY",
    "base": "USD",
    "quote": "CNY",
    "value": "7.1",
    "day": "2026-11-20",
    "source": "European Central Bank",
}
LISTING = {"vendor": "Maker", "channel": "official", "model": "large", "currency": "USD"}
FIGURE = {
    "expected": "1.25",
    "low": "1.2",
    "high": "1.3",
    "basis": "measured",
    "family": "base",
    "language": "zh",
    "source": "a package",
}
LIMIT = {"kind": "limit", "text": "500 rpm per account"}
ROW: dict[str, Any] = {
    **LISTING,
    "region": "",
    "seller": "Cloud",
    "input_tokens": 8000,
    "output_tokens": 0,
    "amount": "0.0000012345678",
    "amount_low": "0.000001",
    "amount_high": "0.000002",
    "amount_cheapest_hour": None,
    "home_amount": "0.00000876",
    "exchange_rate": RATE,
    "characters_per_token": [FIGURE],
    "wan_characters": {
        "input": {"expected": "0.001", "low": "0.0009", "high": "0.002"},
        "output": None,
    },
    "least_time": {"limit": "tpm", "size": 5, "seconds": "90", "text": "1.5 minutes"},
    "facts": [LIMIT],
    "notes": ["beta"],
    "seen": "2026-11-01",
}
STEP: dict[str, Any] = {
    **LISTING,
    "source": "steelyard",
    "item": "input",
    "condition": "input below 32k, V2",
    "deciding": "input below 32k",
    "from": "2024-05-01T00:00:00+00:00",
    "to": "2024-05-21T00:00:00+00:00",
    "from_day": "2024-05-01",
    "zone": "UTC",
    "to_day": "2024-05-21",
    "price": "20",
    "unit": "mtok",
    "change": None,
    "basis": "observed",
    "evidence": "a page",
}
CUT = {
    **STEP,
    "from": "2024-05-21T00:00:00+00:00",
    "to": None,
    "from_day": "2024-05-21",
    "to_day": None,
    "price": "0.5",
    "change": "-0.975",
    "basis": "announced",
}


@pytest.fixture
def run() -> Callable[..., Result]:
    app = typer.Typer()
    market.register(app)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False, env={"COLUMNS": "300"})

    return invoke


def comparison(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "at": "2026-11-21T12:00:00+00:00",
        "home_currency": "CNY",
        "counts": {"priced": 0, "free": 0, "unconvertible": 0, "unpriced": 0},
        **{"priced": [], "free": [], "unconvertible": [], "unpriced": []},
    }
    for name, rows in more.items():
        found[name] = rows
        found["counts"][name] = len(rows)
    return found


def test_history_draws_steps_and_tells_each_source_once(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    api.answers["GET /api/prices/history"] = {"data": [STEP, CUT]}
    shown = run("history", "large", "--currency", "USD").stdout
    assert api.asked[-1][3] == {"model": "large", "currency": "USD"}
    assert shown.startswith("Maker large in USD (by steelyard)\n")
    assert "20.00 USD/mtok" in shown and "-97.5 %" in shown and "2024-05-21" in shown
    assert shown.count("a page") == 1 and shown.count("[1]") == 3
    assert json.loads(run("history", "large", "--json").stdout) == [STEP, CUT]
    picture = tmp_path / "steps.svg"
    run("history", "large", "--svg", str(picture))
    assert "<svg" in picture.read_text("utf-8")


def test_the_days_of_a_chart_are_those_of_the_table(
    run: Callable[..., Result], api: FakeApi
) -> None:
    # Midnight in China is the evening before in UTC.
    step = {**STEP, "from": "2024-05-20T16:00:00+00:00", "from_day": "2024-05-21", "to": None}
    step["to_day"] = None
    api.answers["GET /api/prices/history"] = {"data": [{**step, "zone": "Asia/Shanghai"}]}
    shown = run("history", "large").stdout
    assert shown.count("2024-05-21") == 2 and "2024-05-20" not in shown


def test_compare_ranks_and_names_exchange_rates_and_limits(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/prices/compare"] = comparison(priced=[ROW], free=[{**ROW, "amount": "0"}])
    shown = run("compare", "--input", "1M", "--cached", "50%", "--in", "CNY").stdout
    asked = {"input": "1M", "cached": "50%", "home": "CNY", "top": "20"}
    assert api.asked[-1][3] == asked
    assert "Maker large (Cloud)" in shown
    assert "0.00000876" in shown and "0.00000123457 (0.000001-0.000002) USD" in shown
    assert shown.count("2026-11-01") == 2
    assert "500 rpm per account" in shown and "1.5 minutes (tpm)" in shown
    assert "1 USD = 7.1 CNY on 2026-11-20 (European Central Bank)" in shown
    assert "Without a price (1)" in shown and "beta" in shown
    assert "万字" not in shown


def test_a_text_is_counted_here_and_never_sent(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    api.answers["GET /api/prices/compare"] = comparison(priced=[ROW])
    file = tmp_path / "text.txt"
    file.write_text("只有汉字。a", "utf-8")
    shown = run("compare", "--text", str(file), "--output-chars", "10").stdout
    assert api.asked[-1][3] == {
        **{"chars_zh": "5", "chars_en": "1", "output_chars_zh": "10"},
        **{"language": "zh", "top": "20"},
    }
    assert "万字" in shown and "0.001 (0.0009-0.002)" in shown
    assert "base: 1.25 (1.2-1.3) characters a token (zh), measured; a package" in shown
    run("compare", "--chars", "75万", "--language", "en")
    assert api.asked[-1][3] == {"chars_en": "75万", "language": "en", "top": "20"}


def test_a_model_that_was_not_there_yet_is_told_with_its_first_day(
    run: Callable[..., Result], api: FakeApi
) -> None:
    absent = [{**LISTING, "reason": "listed from 2026-12-01 on"}]
    api.answers["GET /api/prices/compare"] = {**comparison(), "absent": absent}
    lines = run("compare", "--input", "1M", "--model", "large").stdout.splitlines()
    assert lines[-1] == "Maker large in USD has no price of 2026-11-21: listed from 2026-12-01 on"


def test_what_is_left_out_is_told(run: Callable[..., Result], api: FakeApi) -> None:
    found = comparison(
        priced=[{**ROW, "amount_cheapest_hour": "0.0000005", "least_time": None}],
        free=[
            {**ROW, "amount": "0", "least_time": None},
            {
                **ROW,
                "amount": "0",
                "least_time": {"limit": "concurrency", "size": 5, "seconds": None},
            },
        ],
        unconvertible=[ROW],
        unpriced=[{**LISTING, "reason": "no price of output"}],
    )
    found["counts"]["priced"] = 9
    api.answers["GET /api/prices/compare"] = found
    shown = run("compare", "--input", "1M").stdout
    assert "cheapest hour" in shown and "0.0000005" in shown
    assert "no limit known" in shown and "5 calls at once: --call-seconds" in shown
    assert "No exchange rate to CNY (1)" in shown
    assert "8 more cost more" in shown
    assert "1 cannot be priced for this: no price of output" in shown
    assert json.loads(run("compare", "--input", "1M", "--json").stdout) == found


def test_a_file_that_is_no_text_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(market.ConfigError, match="cannot be read as text"):
        run("compare", "--text", str(file))
    with pytest.raises(market.ConfigError, match="cannot be read as text"):
        run("compare", "--text", str(tmp_path / "none"))
    file.write_text("text")
    with pytest.raises(market.ConfigError, match="not both"):
        run("compare", "--text", str(file), "--chars", "5")


def test_buys_names_item_model_day_and_exchange_rate(
    run: Callable[..., Result], api: FakeApi
) -> None:
    row = {
        **LISTING,
        "item": "output",
        "condition": "",
        "price": "15",
        "unit": "mtok",
        "counted": "token",
        "number": 9389,
        "characters": {"expected": 11736, "low": 11266, "high": 12205},
        "characters_per_token": FIGURE,
        "exchange_rate": RATE,
    }
    free = {**row, "number": None, "characters": None, "exchange_rate": None, "currency": "CNY"}
    api.answers["GET /api/prices/buys"] = {
        **{"money": "1", "currency": "CNY", "at": "2026-11-21T12:00:00+00:00"},
        **{
            "language": "zh",
            "data": [row, free],
            "unconvertible": [{**LISTING, "currency": "XTS"}],
        },
    }
    shown = run("buys", "1CNY", "--model", "large", "--item", "output").stdout
    assert api.asked[-1][3] == {
        **{"money": "1CNY", "model": "large", "item": "output", "language": "zh", "top": "20"},
    }
    assert shown.startswith("1 CNY on 2026-11-21 buys:\n")
    assert "9,389 tokens" in shown and "11,736 (11,266-12,205) measured" in shown
    assert "any number" in shown
    assert "ecb-2026-11-20-USD-CNY: 1 USD = 7.1 CNY" in shown
    assert "no exchange rate for XTS" in shown
    assert json.loads(run("buys", "1CNY", "--json").stdout)["money"] == "1"


def test_a_chart_has_a_line_for_each_item_and_none_for_what_is_no_token(
    run: Callable[..., Result], api: FakeApi, tmp_path: Path
) -> None:
    image = {**STEP, "item": "image", "unit": "image"}
    api.answers["GET /api/prices/history"] = {"data": [STEP, CUT, image]}
    shown = run("history", "large").stdout
    assert "● input (input below 32k)" in shown and "▲" not in shown
    api.answers["GET /api/prices/history"] = {"data": [image]}
    assert "●" not in run("history", "large").stdout
    api.answers["GET /api/prices/history"] = {"data": [STEP, {**CUT, "currency": "CNY"}]}
    with pytest.raises(market.ConfigError, match="--vendor or --currency"):
        run("history", "large", "--svg", str(tmp_path / "x.svg"))
    api.answers["GET /api/prices/history"] = {"data": [STEP]}
    with pytest.raises(market.ConfigError, match="cannot be written"):
        run("history", "large", "--svg", str(tmp_path / "none" / "x.svg"))
