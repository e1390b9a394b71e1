from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from steelyard.cli.weighing_board import Board, bounds_text, money_line

ROW: dict[str, Any] = {
    **{"weighing_number": 7, "offer": "a/b", "items_done": 3, "items_total": 9},
    **{"lower": None, "upper": None, "ended_at_ns": None, "detail": "", "state": "waiting"},
    **{"currency": "CNY", "money_max_pico": None, "paid_pico": "0"},
}


def test_on_a_terminal_bars_show_bounds_and_money() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    board = Board(console)
    try:
        board.show([ROW])
        bounds = {"lower": "0.4123", "upper": "0.9"}
        money = {"all_paid_pico": str(10**12), "money_max_pico": str(2 * 10**12)}
        board.show([{**ROW, **bounds, **money, "offer": "a/\x1b[31m"}])
        board.show([{**ROW, **bounds, **money, "ended_at_ns": 5}])
    finally:
        board.close()
    shown = out.getvalue()
    assert "0.412 to 0.900" in shown
    assert "paid 1.00 of 2.00 CNY" in shown


def test_without_a_terminal_each_offer_says_once_that_it_is_done() -> None:
    out = io.StringIO()
    board = Board(Console(file=out, width=100))
    done = {**ROW, "ended_at_ns": 5, "detail": "no money left"}
    for rows in ([ROW], [done], [done]):
        board.show(rows)
    board.close()
    assert out.getvalue() == "a/b: 3 items, stopped\n"  # why is told at the end


def test_what_was_paid_is_the_sum_of_all_or_of_each() -> None:
    paid = {**ROW, "paid_pico": str(10**12)}
    assert money_line([paid, paid]) == "paid 2.00 CNY"
    assert money_line([{**paid, "all_paid_pico": str(3 * 10**12)}, paid]) == "paid 3.00 CNY"
    assert money_line([ROW]) == ""
    assert money_line([{**paid, "paid_pico": "7971598874"}]) == "paid 0.00797 CNY"
    small = {**ROW, "paid_pico": "7971598874"}
    assert money_line([small], is_exact=True) == "paid 0.007971598874 CNY"


def test_who_waits_says_so() -> None:
    assert bounds_text(ROW) == "waiting"
