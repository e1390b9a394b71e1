import pytest

from steelyard.pricebook.sources.base import Findings
from steelyard.pricebook.sources.rows import read_rows


def rows_of(text: str, delimiter: str = ",") -> tuple[list[tuple[int, list[str]]], list[str]]:
    findings = Findings()
    rows = list(read_rows(text, delimiter, findings))
    return rows, [f"{finding.kind}:{finding.line}" for finding in findings.all()]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(ending: str) -> None:
    rows, found = rows_of(ending.join(["a,b", "", ' "c" , d', "e,f"]).replace(' "c" ', '"c"'))
    assert rows == [(1, ["a", "b"]), (3, ["c", "d"]), (4, ["e", "f"])]
    assert not found


def test_a_row_is_where_it_begins() -> None:
    rows, found = rows_of('a,"b\nc"\nd,e')
    assert rows == [(1, ["a", "b\nc"]), (3, ["d", "e"])]
    assert not found


def test_other_line_ends_of_unicode_are_content() -> None:
    rows, _ = rows_of("a\u2028b\x0bc,d\n")
    assert rows == [(1, ["a\u2028b\x0bc", "d"])]


def test_zero_bytes_are_no_text() -> None:
    assert rows_of("a,b\nc,\x00d\n") == ([], ["nul_byte:2"])


@pytest.mark.parametrize("after", ["", "\nx,y" * 100, "\n" + "x" * 140_000])
def test_nothing_is_read_after_an_unclosed_quote(after: str) -> None:
    assert rows_of('a,b\nc,"d' + after) == ([(1, ["a", "b"])], ["quote_open:2"])


def test_a_quote_that_meets_another_far_below_was_never_closed() -> None:
    assert rows_of('a,"b' + "\nx,y" * 100 + '\nc,"d"\n') == ([], ["quote_open:1"])


def test_a_quote_within_a_row_is_of_that_row() -> None:
    rows, found = rows_of('a,"b"c\nd,e\n')
    assert rows == [(2, ["d", "e"])]
    assert found == ["row_bad:1"]
