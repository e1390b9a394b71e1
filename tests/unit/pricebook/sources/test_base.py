from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.listings import Parsed
from steelyard.pricebook.sources.base import (
    FINDINGS_MAX,
    NAME_MAX,
    Findings,
    NumberError,
    Source,
    available,
    decode_text,
    read_amount,
    read_json,
    read_json_amount,
)
from unit.pricebook.sources.lists import line, only, read


def test_the_sources_are_the_files_with_one() -> None:
    found = available()
    assert list(found) == ["own", "genai-prices", "litellm", "sheet"]
    assert all(isinstance(source, Source) and source.title for source in found.values())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_needs_no_word(encoding: str) -> None:
    assert decode_text("价格,0.8\n".encode(encoding)) == ("价格,0.8\n", [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_goes_by_its_mark(encoding: str) -> None:
    mark = "\ufeff".encode(encoding)
    text, findings = decode_text(mark + "价格".encode(encoding))
    assert text == "价格"
    assert [(f.kind, f.is_error) for f in findings] == [("encoding", False)]


def test_gbk_is_read_and_told() -> None:
    text, findings = decode_text("a,b\n价格,0.8\n".encode("gbk"))
    assert text == "a,b\n价格,0.8\n"
    assert [(f.kind, f.line, f.is_error) for f in findings] == [("encoding", 2, False)]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"a\nb\n\xff\xff\n", 3), (b"\xef\xbb\xbfa\n\xff", 2), (b"\xff\xfea\x00\n\x00\x00", 2)],
)
def test_what_is_no_text_is_an_error_with_its_line(data: bytes, line: int) -> None:
    text, findings = decode_text(data)
    assert text == ""
    assert [(f.kind, f.is_error) for f in findings] == [("encoding_unknown", True)]
    assert findings[0].line == line


def test_amounts_are_what_the_digits_say() -> None:
    assert read_amount("0.0005") == Fraction(1, 2000)
    assert read_amount("2") == 2
    assert read_amount(".5") == Fraction(1, 2)
    assert read_amount("0.1") != 0.1  # a float would not be a tenth


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "number_missing"),
        ("-1", "number_negative"),
        ("1E-7", "number_float"),
        ("inf", "number_float"),
        ("0,5", "number_comma"),
        ("1000000001", "number_large"),
        ("五", "number_bad"),
        ("٣", "number_bad"),
        ("+1", "number_bad"),
        ("1e9999999", "number_bad"),
    ],
)
def test_what_is_no_amount(text: str, kind: str) -> None:
    with pytest.raises(NumberError) as caught:
        read_amount(text)
    assert caught.value.kind == kind


def test_json_keeps_the_digits_that_stand_there() -> None:
    value = read_json(b'{"a": 1e-07, "b": 0.1, "c": 3}', Findings())
    assert {key: read_json_amount(item) for key, item in value.items()} == {
        "a": Fraction(1, 10**7),
        "b": Fraction(1, 10),
        "c": 3,
    }


@pytest.mark.parametrize(
    "text", ["-1", "-0.5", "true", '"0.5"', "null", "NaN", "1e99", "9999999999", "1e999999999"]
)
def test_json_that_is_no_amount(text: str) -> None:
    value = read_json(text.encode(), Findings())
    with pytest.raises(NumberError):
        read_json_amount(value)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"{\n1", 2),
        (b"", 0),
        (b"[" * 100_000, 0),
        (b"1" * 5000, 0),
        (b"\xff\xff", 1),
        (b'"\\ud800"', 0),
    ],
)
def test_what_is_no_json_is_a_finding(data: bytes, line: int) -> None:
    findings = Findings()
    assert read_json(data, findings) is None
    assert findings.has_errors
    assert findings.all()[-1].line == line


def test_findings_are_kept_by_line_and_counted_beyond() -> None:
    findings = Findings()
    findings.add("b", "second", 9)
    findings.add("a", "first", 2, is_error=False)
    assert [finding.line for finding in findings.all()] == [2, 9]
    for _ in range(FINDINGS_MAX):
        findings.add("c", "more", 10)
    assert len(findings.all()) == FINDINGS_MAX + 1
    assert findings.all()[-1].message.startswith("2 more findings")


def test_nothing_is_handed_on_beside_an_error_and_nothing_at_all_is_one() -> None:
    listed = only(read(line()))
    findings = Findings()
    assert findings.parsed([listed]) == Parsed((listed,), ())
    findings.add("a", "wrong", 1)
    assert findings.parsed([listed]).rates == ()
    assert [finding.kind for finding in Findings().parsed([]).findings] == ["empty"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gpt\x1b[2J", "name_bad"),
        ("gpt\u202e", "name_bad"),
        ("gpt\ud800", "name_bad"),
        ("g" * (NAME_MAX + 1), "name_long"),
        ("豆包 pro\u3000é", ""),
    ],
)
def test_a_name_can_be_kept_and_shown(name: str, kind: str) -> None:
    listed = only(read(line()))
    found = Findings().parsed([replace(listed, listing=listed.listing._replace(model=name))])
    assert [finding.kind for finding in found.findings] == ([kind] if kind else [])
    assert all(finding.message.isprintable() for finding in found.findings)


@pytest.mark.parametrize(
    ("since", "until", "is_kept"),
    [(2024, None, True), (1971, 2260, True), (1969, None, False), (2024, 9999, False)],
)
def test_a_price_is_of_a_time_that_can_be_kept(
    since: int, until: int | None, is_kept: bool
) -> None:
    listed = only(read(line()))
    end = None if until is None else datetime(until, 1, 1, tzinfo=UTC)
    rate = replace(listed.rate, valid_from=datetime(since, 1, 1, tzinfo=UTC), valid_to=end)
    found = Findings().parsed([replace(listed, rate=rate)])
    assert [finding.kind for finding in found.findings] == ([] if is_kept else ["date_far"])
