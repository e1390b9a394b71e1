"""Instants go to nanoseconds and back, exactly."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.instants import DAY_NS, day_ns, instant_ns, instant_of, read_instant


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is beside it
def test_there_and_back(instant: datetime) -> None:
    assert instant_of(instant_ns(instant)) == instant


def test_zones_are_one_instant() -> None:
    beijing = timezone(timedelta(hours=8))
    midnight = datetime(2026, 8, 17, tzinfo=beijing)
    assert instant_ns(midnight) == instant_ns(datetime(2026, 8, 16, 16, tzinfo=UTC))
    assert instant_ns(datetime(1970, 1, 2, tzinfo=UTC)) == DAY_NS


def test_a_float_would_have_rounded() -> None:
    late = datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert instant_of(instant_ns(late) + 999) == late


def test_a_day_begins_at_midnight() -> None:
    assert day_ns(date(1970, 1, 3)) == 2 * DAY_NS


def test_an_instant_that_we_wrote_has_a_zone() -> None:
    written = datetime(2026, 8, 17, 9, 30, 0, 7, tzinfo=UTC)
    assert read_instant(written.isoformat()) == written
    for wrong in ("2026-08-17T09:30:00", "soon", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            read_instant(wrong)
