from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from steelyard.pricebook.sources.dating import basis_of, read_instant, seen_at

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_days_begin_at_the_vendors_midnight() -> None:
    assert read_instant("2026-08-17", SHANGHAI) == datetime(2026, 8, 16, 16, tzinfo=UTC)
    assert read_instant("2026-08-17", ZoneInfo("UTC")) == datetime(2026, 8, 17, tzinfo=UTC)
    assert read_instant("2026-08-17T00:00:00+08:00", ZoneInfo("UTC")) == datetime(
        2026, 8, 16, 16, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-13-01",
        "20260817T",
        "2026-08-17T00:00",
        "0001-01-01",
        "2026-W33-1",
        "9999-12-31",
        "1970-01-01",
        "2261-01-02",
    ],
)
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        read_instant(text, SHANGHAI)


@pytest.mark.parametrize(
    ("note", "basis"),
    [
        ("date=announced", "announced"),
        ("date=announced in August 2024; the day is unverified", "unverified"),
        ("date=announced; end day unverified", "announced"),
        ("50% of standard; date=batch table verified 2026-10-14", "observed"),
        ("date=launch of the model", "release"),
        ("date=version suffix 0919; alias seen 2025-02-06", "version suffix"),
        ("derived: 15 after an 87.5% cut", "derived"),
        ("date=approximate", "unverified"),
        ("", ""),
        ("no list price exists", ""),
    ],
)
def test_basis(note: str, basis: str) -> None:
    assert basis_of(note) == basis


@pytest.mark.parametrize(
    ("source", "note", "day"),
    [
        ("genai-prices 0.2.3 (rates verified by it up to 2026-10-26)", "", "2026-10-26"),
        ("page", "date=release of the model; price as of 2026-09-27", "2026-09-27"),
        ("package model-bank 1.0.20260927202305: qwen.mjs", "", "2026-09-27"),
        ("package litellm 1.109.1: prices.json (2026-11)", "", "2026-11-01"),
        ("github a/b @1234567 (2024-05-23); github c/d (2024-12-05 commit)", "", "2024-12-05"),
        ("types/image_model.py (retired 2026-05-12)", "date=observed", None),
        ("a page (2026-13-45)", "", None),
        ("", "date=observed (first seen 2024-05-22)", None),
    ],
)
def test_when_the_evidence_was_seen(source: str, note: str, day: str | None) -> None:
    found = seen_at(source, note)
    assert (found and found.date().isoformat()) == day
