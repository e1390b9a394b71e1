"""The command's face, over made-up answers; whole answers are held in integration/test_what_if."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from steelyard.cli import offline, place, what_if
from steelyard.domain.errors import ConfigError, InvalidRequest, StoreUnavailable

ROW = {
    **{"account": "acc_1", "account_name": "acme/a", "currency_then": "CNY"},
    **{"currency_now": "CNY", "lines": 3, "input_tokens": 9, "output_tokens": 1},
    **{"then": "2.00", "then_pico": str(2 * 10**12), "now": "0.50", "now_pico": str(5 * 10**11)},
    **{"difference": "-1.50", "difference_pico": str(-15 * 10**11)},
}
ABROAD = {**ROW, "account_name": "acme/b", "currency_now": "USD", "difference": None}
FREE = {**ROW, "account_name": "acme/c", "then": "0.00", "then_pico": "0"}
ANSWER: dict[str, Any] = {
    "in": None,
    **{"by": ["account"], "lines": 7, "data": [ROW, ABROAD, FREE], "totals": [ROW]},
    "unpriced": [
        {
            **{"offer": "o", "model": "new", "currency": "CNY", "lines": 1, "input_tokens": 1234},
            **{"output_tokens": 5, "then": "0.000001", "reason": "new had no price"},
        }
    ],
    "unpriced_totals": [{"currency": "CNY", "lines": 1, "then": "0.000001"}],
    "notes": ["sums are\x1b[2J rounded"],
}


class StreamingApi:
    """Answers as control streams, and keeps what it was asked."""

    def __init__(self, lines: list[Any]) -> None:
        self.lines = lines
        self.asked: list[Any] = []

    def stream(self, path: str, body: Any) -> Iterator[Any]:
        self.asked.append((path, body))
        yield from self.lines


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> StreamingApi:
    fake = StreamingApi([{"done": 0, "total": 7}, {"done": 7, "total": 7}, {"result": ANSWER}])
    monkeypatch.setattr(place, "api", lambda: fake)
    return fake


def run(*arguments: str) -> Result:
    app = Typer()
    what_if.register(app)
    return CliRunner().invoke(app, list(arguments))


def test_what_is_asked(api: StreamingApi, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbfx")
    arguments = ["--as-of", "2024-05-14", "--swap", "a=b", "--swap", "c = d/e", "--no-cache-hits"]
    arguments += ["--since", "2024-01-01", "--by", "own, task", "--account", "acme"]
    assert run(*arguments, "--book", str(tmp_path / "b.csv")).exit_code == 0
    ((path, body),) = api.asked
    assert path == "/api/what-if"
    assert body == {
        **{"as_of": "2024-05-14", "book": "77u/eA==", "swaps": {"a": "b", "c": "d/e"}},
        **{"no_cache_hits": True, "since": "2024-01-01", "until": None},
        **{"by": ["account_own", "task"], "where": {"account": ["acme"]}},
        "currency": None,
    }


def test_a_table_with_totals_and_what_has_no_price(api: StreamingApi) -> None:
    lines = run("--as-of", "2024-05-14").stdout.splitlines()
    assert lines[2].split() == [
        *("acme/a", "3", "2.00", "CNY", "0.50", "CNY", "-1.50", "CNY", "-75.0")
    ]
    assert lines[3].split() == ["acme/b", "3", "2.00", "CNY", "0.50", "USD"]
    assert lines[4].split()[-1] == "CNY", "no share of nothing"
    assert lines[5].split()[0] == "total"
    assert any("1,234" in line and "new had no price" in line for line in lines)
    assert "1 line, 0.000001 CNY then" in lines
    assert lines[-1] == "note: sums are\N{REPLACEMENT CHARACTER}[2J rounded"


def test_a_long_table_is_cut_and_says_so(api: StreamingApi) -> None:
    lines = run("--no-cache-hits", "--top", "1").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["acme/a", "total"]
    assert lines[4] == "2 more groups differ less: --top shows them."


def test_json_is_the_answer(api: StreamingApi) -> None:
    assert json.loads(run("--no-cache-hits", "--json").stdout) == ANSWER


def test_charts_hold_one_currency(api: StreamingApi, tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    result = run("--swap", "a=b", "--no-cache-hits", "--chart", "--svg", str(path))
    assert result.stdout.startswith("acme/a  then █")
    assert "acme/b  then" not in result.stdout
    assert "not drawn: 1 group in other currencies (--in shows them in one)" in result.stdout
    assert "not drawn: 1 line without a price" in result.stdout
    texts = [node.text for node in ElementTree.parse(path).iter() if node.text]
    assert "Cost then and now, with b for a, without cache hits" in texts
    assert "not drawn: 1 line without a price" in texts


def told(row: dict[str, Any], then: int, now: int) -> dict[str, Any]:
    amounts = {"then_in": then, "now_in": now, "difference_in": now - then}
    texts = {name: f"{amount}.00" for name, amount in amounts.items()}
    return {**row, **texts, **{f"{k}_pico": str(v * 10**12) for k, v in amounts.items()}}


UNTOLD = {**FREE, "then_in": None, "now_in": None, "difference_in": None}
RATE = {"id": "ecb-2024-05-14-USD-CNY", "base": "USD", "quote": "CNY", "value": "7.2"}
RATE |= {"day": "2024-05-14", "source": "the bank"}
IN_ONE: dict[str, Any] = {
    **{**ANSWER, "in": "CNY", "rates_day": "2024-05-15", "rates_used": [RATE]},
    "data": [told(ABROAD, 14, 7), told(ROW, 2, 3), UNTOLD],
    "total_in": told({"lines": 6}, 16, 10),
    "unconverted": [{**UNTOLD, "missing": ["XAU"]}],
    "totals": [told(ROW, 2, 3)],
}


class TestInOneCurrency:
    @pytest.fixture(autouse=True)
    def answer(self, api: StreamingApi) -> None:
        api.lines = [{"result": IN_ONE}]

    def test_the_table_has_differences_a_total_and_the_rate_with_its_day(
        self, api: StreamingApi
    ) -> None:
        lines = run("--swap", "a=b", "--in", "CNY").stdout.splitlines()
        assert api.asked[0][1]["currency"] == "CNY"
        assert lines[2].split()[-5:] == ["14.00", "7.00", "-7.00", "CNY", "-50.0"]
        assert lines[4].split()[-4:] == ["no", "rate", "no", "rate"]
        assert lines[6].startswith("total in CNY, of what has a rate ")
        assert lines[6].split()[-6:] == ["6", "16.00", "10.00", "-6.00", "CNY", "-37.5"]
        assert lines[7] == (
            "at the exchange rate of 2024-05-15: one USD is 7.2 CNY"
            " (ecb-2024-05-14-USD-CNY, of 2024-05-14, the bank)"
        )
        assert lines[8].startswith(
            "no exchange rate into CNY on 2024-05-15 for XAU: 3 lines, 0.00 CNY then, 0.50 CNY now"
        )

    def test_charts_draw_what_has_a_rate_and_say_what_has_none(self, tmp_path: Path) -> None:
        path = tmp_path / "x.svg"
        shown = run("--swap", "a=b", "--chart", "--svg", str(path)).stdout
        assert shown.startswith("acme/b  then █")
        assert "14.00 CNY" in shown
        assert "acme/c  then" not in shown
        assert "not drawn: 1 group without an exchange rate" in shown
        texts = [node.text or "" for node in ElementTree.parse(path).iter()]
        assert any("ecb-2024-05-14-USD-CNY" in text for text in texts)


def test_a_chart_says_how_many_groups_it_has_no_room_for(api: StreamingApi) -> None:
    rows = [{**ROW, "account_name": str(number)} for number in range(14)]
    api.lines = [{"result": {**ANSWER, "data": rows, "unpriced_totals": []}}]
    assert "not drawn: 2 groups that differ less\n" in run("--no-cache-hits", "--chart").stdout


def test_no_group_is_one_total(api: StreamingApi) -> None:
    api.lines = [{"result": {**ANSWER, "by": [], "data": [], "unpriced": []}}]
    assert "total" in run("--no-cache-hits", "--by", "").stdout


def test_without_a_server_the_files_answer(
    api: StreamingApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def absent() -> Any:
        raise StoreUnavailable("none runs")

    monkeypatch.setattr(place, "api", absent)
    monkeypatch.setenv("STEELYARD_HOME", str(tmp_path))
    monkeypatch.setattr(offline, "stream", lambda *_: iter([{"result": ANSWER}]))
    assert "acme/a" in run("--no-cache-hits").stdout


@pytest.mark.parametrize(
    ("lines", "kind", "told"),
    [
        ([{"error": {"message": "no day: 'x'"}}], InvalidRequest, "no day"),
        ([{"done": 1, "total": 2}], StoreUnavailable, "ended before"),
    ],
)
def test_answers_without_a_result(
    api: StreamingApi, lines: list[Any], kind: type[Exception], told: str
) -> None:
    api.lines = lines
    result = run("--as-of", "x")
    assert isinstance(result.exception, kind)
    assert told in str(result.exception)


@pytest.mark.parametrize("swap", ["a", "=b", "a=", "a=b=c"])
def test_a_swap_is_a_pair(api: StreamingApi, swap: str) -> None:
    result = run("--swap", swap)
    if swap == "a=b=c":
        assert api.asked[0][1]["swaps"] == {"a": "b=c"}
    else:
        assert isinstance(result.exception, ConfigError)


def test_a_book_that_is_too_large(
    api: StreamingApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if, "_BOOK_BYTES_MAX", 2)
    (tmp_path / "b.csv").write_text("abc")
    assert "has more than" in str(run("--book", str(tmp_path / "b.csv")).exception)
