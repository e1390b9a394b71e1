from __future__ import annotations

import time

from steelyard.weigh.cases.diffs import CHARS_MAX, Mark, Piece, diff, nearest


def test_words_and_han_characters_are_marked() -> None:
    assert diff("pay within 7 days", "pay within 14 days") == (
        Piece(Mark.SAME, "pay within "),
        Piece(Mark.GONE, "7 "),
        Piece(Mark.NEW, "14 "),
        Piece(Mark.SAME, "days"),
    )
    assert diff("今天天气很好", "今天天气不好") == (
        Piece(Mark.SAME, "今天天气"),
        Piece(Mark.GONE, "很"),
        Piece(Mark.NEW, "不"),
        Piece(Mark.SAME, "好"),
    )


def test_texts_with_nothing_in_common_get_no_diff() -> None:
    assert diff("one two three", "four five six") == () == diff("", "x") == diff("x", "")


def test_hostile_texts_take_no_time() -> None:
    began = time.perf_counter()
    assert diff("a b " * 2_000, "b a " * 2_000) == ()
    assert diff("a " * 700, "a " * 700) == ()  # 490,000 pairs of equal words
    assert diff("x" * (CHARS_MAX + 1), "x") == ()
    assert time.perf_counter() - began < 1


def test_the_nearest_of_several_references_is_compared() -> None:
    assert nearest("two days", ("a week", "two whole days", "now")) == "two whole days"
    assert nearest("x", ()) == ""
