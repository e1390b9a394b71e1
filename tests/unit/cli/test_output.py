from __future__ import annotations

import json
from decimal import Decimal

import pytest

from steelyard.cli.output import counted, money, print_json, print_table, say


@pytest.fixture(autouse=True)
def _wide() -> None:
    """Here the width is what is looked at."""


def test_table_in_a_pipe_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table(("name", "n"), [(long, 5), (None, True)], right=("n",))
    shown = capsys.readouterr().out
    assert long in shown and "yes" in shown


@pytest.mark.parametrize(("said", "width"), [(None, 120), ("100", 100), ("wide", 120), ("0", 120)])
def test_table_in_a_pipe_is_no_wider_than_a_page(
    said: str | None,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if said is not None:
        monkeypatch.setenv("COLUMNS", said)
    digest = "0123456789abcdef" * 3
    print_table(("why", "digest"), [("many words " * 30, digest)] * 2)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width and shown.count(digest) == 2
    assert shown.startswith("why  ")
    print_table(("one", "two", "three"), [(digest, digest, digest)])
    assert capsys.readouterr().out == f"one    {digest}\ntwo    {digest}\nthree  {digest}\n"


def test_markup_in_data_stays_data(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in capsys.readouterr().out


def test_a_name_between_colons_becomes_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [("ACCESS_KEY_ID:SECRET:SESSION_TOKEN",)])
    assert "ACCESS_KEY_ID:SECRET:SESSION_TOKEN" in capsys.readouterr().out


def test_data_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [("x\x1b]0;owned\x07\x9b2J秤",)])
    assert "x\ufffd]0;owned\ufffd\ufffd2J秤" in capsys.readouterr().out


def test_json_and_lines_do_not_steer_it_either(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"name": "x\x1b[2J\x9b2J\u202e\ud800\U000e0041秤\n"}
    print_json(odd)
    shown = capsys.readouterr().out
    assert json.loads(shown) == odd and "秤" in shown
    assert shown.replace("\n", "").isprintable()
    say("x\x1b]0;owned\x07\x9b2J秤\nnext")
    assert capsys.readouterr().out == "x\ufffd]0;owned\ufffd\ufffd2J秤\nnext\n"


def test_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [])
    assert capsys.readouterr().out == "nothing\n"


def test_an_empty_table_may_say_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [], empty="no verdicts yet")
    assert capsys.readouterr().out == "no verdicts yet\n"


@pytest.mark.parametrize("width", [60, 200])
def test_a_narrow_terminal_cuts_no_name_and_no_amount(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    names = [f"column-{number}" for number in range(5)]
    print_table((*names, "why"), [("shop/model-large", *["0.0000191 CNY"] * 4, "")] * 2)
    shown = capsys.readouterr().out
    assert shown.count("shop/model-large") == 2 and shown.count("0.0000191") == 8
    assert "why" not in shown  # no cell stands in it
    assert (len(shown.splitlines()) == 4) is (width == 200)


def test_a_name_is_whole_beside_columns_that_can_be_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "78")
    name, chart = "local/smollm2-135m-instruct", "············█···········"
    why = "stopped to let another go first and then some more words"
    print_table(("offer", "by hour", "why"), [(name, chart, why)] * 2)
    shown = capsys.readouterr().out
    assert shown.count(name) == shown.count(chart) == 2
    assert max(map(len, shown.splitlines())) <= 78


def test_chinese_is_broken_anywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("task", "title"), [("shop/a", "\u79e4" * 60)])
    shown = capsys.readouterr().out
    assert "title\u79e4" not in shown and "shop/a   \u79e4" in shown


def test_one_thing_is_no_several() -> None:
    assert [counted(n, "item") for n in (0, 1, 2)] == ["0 items", "1 item", "2 items"]


def test_amounts_keep_all_digits() -> None:
    assert money({"cost_pico": "1", "currency": "CNY"}, "cost") == "0.000000000001 CNY"
    assert money({"currency": "CNY"}, "cost") == ""
    assert money({"cost_pico": "-800000000", "currency": "CNY"}, "cost") == "-0.0008 CNY"


def test_what_is_below_a_fen_may_be_said_in_smaller_units() -> None:
    row = {"cost_pico": "800000000", "currency": "CNY"}
    assert money(row, "cost", is_small_said=True) == "0.0008 CNY (0.8 厘)"
    assert money({"cost_pico": 0}, "cost", is_small_said=True) == "0.00"


def test_exact_numbers_are_text_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"d": Decimal("0.10"), "t": "秤"})
    assert capsys.readouterr().out == '{\n  "d": "0.10",\n  "t": "秤"\n}\n'
