"""Our own SQL items: the gold query means something on the rows that the item brings."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

from steelyard.weigh.datasets import SETS_FOLDER

ORDER_OF_ALL = re.compile(
    r"ORDER BY (?P<keys>[^()]*?|(?:AVG|SUM)\([^()]*\) DESC)(?P<few>(?: LIMIT \d+)?)$"
)
"""What a whole query is ordered by, not a window in it."""


def _rows() -> list[dict[str, Any]]:
    text = (SETS_FOLDER / "data-analysis-sql-zh.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _result(row: dict[str, Any], script: str, *, is_reversed: bool) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as base:
        base.executescript(row["schema"])
        base.executescript(script)
        base.execute(f"PRAGMA reverse_unordered_selects = {int(is_reversed)}")
        found = base.execute(row["reference"]).fetchall()
    return found if row["ordered"] else sorted(found, key=repr)


def test_two_sets_of_rows_give_two_results_so_that_no_constant_is_right() -> None:
    for row in _rows():
        first, second = (_result(row, script, is_reversed=False) for script in row["rows"])
        assert first, row["id"]
        assert second, row["id"]
        assert first != second, row["id"]


def test_the_way_in_which_rows_are_visited_changes_nothing() -> None:
    for row in _rows():
        for script in row["rows"]:
            one = _result(row, script, is_reversed=False)
            assert one == _result(row, script, is_reversed=True), row["id"]


def test_rows_are_told_to_be_ordered_where_the_query_orders_them() -> None:
    for row in _rows():
        # A sort inside a window or for the sake of LIMIT 1 is not an order of the result.
        is_sorted = "ORDER BY" in row["reference"].rpartition(")")[2]
        assert not row["ordered"] or "ORDER BY" in row["reference"], row["id"]
        assert row["ordered"] or not is_sorted or row["reference"].endswith("LIMIT 1"), row["id"]


def test_an_order_that_is_asked_for_leaves_no_two_rows_open() -> None:
    """Who breaks a tie in another way than the gold query is not wrong, so there is no tie."""
    ordered = [row for row in _rows() if ORDER_OF_ALL.search(row["reference"])]
    assert len(ordered) >= 10
    for row in ordered:
        first, last = (
            {**row, "reference": ORDER_OF_ALL.sub(rf"ORDER BY \g<keys>, 1 {way}\g<few>", gold)}
            for gold in [row["reference"]]
            for way in ("ASC", "DESC")
        )
        for script in row["rows"]:
            one = _result(first, script, is_reversed=False)
            assert one == _result(last, script, is_reversed=False), row["id"]
