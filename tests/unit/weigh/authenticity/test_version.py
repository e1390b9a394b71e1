"""How far a reseller's version lags behind."""

from __future__ import annotations

from steelyard.domain.answering import Sighting
from steelyard.weigh.authenticity.version import lags

DAY = 86_400 * 10**9


def seen(name: str, first: int, last: int = 100) -> Sighting:
    return Sighting(name, first * DAY, last * DAY)


def test_a_version_that_came_later_lags_by_so_many_days() -> None:
    official = [seen("m-2026-01-01", 0, 10), seen("m-2026-02-01", 10)]
    seller = [seen("m-2026-01-01", 1, 30), seen("m-2026-02-01", 30)]
    (lag,) = lags(official, seller)
    assert (lag.name, lag.behind_ns, lag.is_behind) == ("m-2026-02-01", 20 * DAY, False)


def test_a_version_that_has_not_come_lags_until_the_last_call() -> None:
    official = [seen("m-2026-01-01", 0, 10), seen("m-2026-02-01", 10)]
    seller = [seen("Maker/m-2026-01-01", 1, 50)]
    (lag,) = lags(official, seller)
    assert (lag.seller_ns, lag.behind_ns, lag.is_behind) == (None, 40 * DAY, True)


def test_what_was_replaced_before_the_seller_had_it_is_no_lag() -> None:
    official = [seen("a-0101", 0), seen("a-0201", 10), seen("a-0301", 20)]
    seller = [seen("a-0101", 1, 25), seen("a-0301", 25, 30)]
    assert [lag.name for lag in lags(official, seller)] == ["a-0301"]


def test_nothing_is_said_where_nothing_can_be_known() -> None:
    one = [seen("m-0101", 0)]
    assert lags([], one) == lags(one, []) == lags(one, one) == []
    # Whoever names versions otherwise, or not at all, is not late for it.
    two = [seen("m-0101", 0, 10), seen("m-0201", 10)]
    assert lags(two, [seen("m", 1)]) == []
    # Whoever was not called when it came may have had it at once.
    assert lags(two, [seen("m-0201", 40)]) == []
    # Whoever had it first is not late either.
    assert lags(two, [seen("m-0101", 1, 3), seen("m-0201", 4)]) == []
