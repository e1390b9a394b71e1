"""What of a weighing is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from steelyard.control.weighing.ends import _share_rest, says_nothing_new, takes_back
from steelyard.control.weighing.orders import Standing
from steelyard.domain.tasks import Verdict

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROVEN = Verdict(
    task="mood",
    offer="a/b",
    form_digest="f",
    floor=Decimal("0.6"),
    total=Fraction(90),
    n=100,
    n_unscored=0,
    lower=Decimal("0.8"),
    upper=Decimal("0.95"),
    confidence=Decimal("0.95"),
    cost_pico=1,
    currency="CNY",
    time_s=1.0,
    decided_at=NOON,
    model_answered="m",
)
SHORT = replace(PROVEN, total=Fraction(9), n=10, lower=Decimal("0.4"), upper=Decimal(1))


def test_stored_answers_do_not_take_away_what_they_once_proved() -> None:
    assert says_nothing_new(SHORT, PROVEN)
    assert not says_nothing_new(replace(SHORT, decided_at=NOON + timedelta(hours=1)), PROVEN)
    assert not says_nothing_new(replace(SHORT, floor=Decimal("0.5")), PROVEN)
    assert says_nothing_new(replace(SHORT, lower=Decimal("0.7")), PROVEN)  # the same, from less
    failed = replace(SHORT, total=Fraction(0), lower=Decimal(0), upper=Decimal("0.5"))
    assert not says_nothing_new(failed, PROVEN)
    assert not says_nothing_new(PROVEN, SHORT)


def test_what_was_paid_for_all_is_booked_with_the_first() -> None:
    one = Standing(1, "mood", "a", paid_pico=20, all_paid_pico=30)
    other = Standing(2, "mood", "b", paid_pico=20, all_paid_pico=55)
    _share_rest([one, other])
    assert (one.paid_pico, other.paid_pico) == (35, 20)
    _share_rest([])


def test_one_that_was_stopped_puts_nothing_less_in_the_place_of_more() -> None:
    fresh = replace(SHORT, decided_at=NOON + timedelta(hours=1))
    assert takes_back(fresh, PROVEN)
    assert takes_back(replace(fresh, n=9), SHORT)
    assert not takes_back(replace(fresh, n=11), SHORT)
    assert not takes_back(replace(fresh, floor=Decimal("0.5")), PROVEN)
    assert not takes_back(PROVEN, SHORT)
