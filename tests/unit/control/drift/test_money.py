"""The day's money: worst cases first, nothing forgotten, clocks that jump."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import copy_migrated

from steelyard.config.amounts import read_money
from steelyard.control.drift.money import DayPurse, paid
from steelyard.domain.errors import BudgetExceeded
from steelyard.domain.instants import DAY_NS, NS
from steelyard.store.database import Database

NOON_NS = 1_793_534_400 * NS
"""2026-11-01 12:00 UTC."""
FEN = 10**10


class Clock:
    def __init__(self) -> None:
        self.now_ns = NOON_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(copy_migrated(tmp_path))
    yield made
    made.close()


def purse(database: Database, clock: Clock, budget: str = "1 CNY") -> DayPurse:
    return DayPurse(database, read_money(budget), clock)


def sum_of(database: Database, at_ns: int = NOON_NS) -> dict[str, int]:
    with database.read() as connection:
        return paid(connection, at_ns)


def test_the_worst_case_counts_until_it_is_known_what_was_paid(database: Database) -> None:
    mine = purse(database, Clock())
    held = mine.hold("CNY", 60 * FEN)
    with pytest.raises(BudgetExceeded, match="1.00 CNY"):
        mine.hold("CNY", 41 * FEN)
    mine.settle(held, 10 * FEN)
    mine.hold("CNY", 90 * FEN)
    assert sum_of(database) == {"CNY": 100 * FEN}
    with pytest.raises(BudgetExceeded):
        mine.hold("CNY", 1)
    assert sum_of(database) == {"CNY": 100 * FEN}  # a refusal books nothing


def test_a_restart_forgets_neither_what_was_paid_nor_what_was_under_way(database: Database) -> None:
    first = purse(database, Clock())
    first.settle(first.hold("CNY", 50 * FEN), 20 * FEN)
    first.hold("CNY", 50 * FEN)  # and the process dies
    second = purse(database, Clock())
    with pytest.raises(BudgetExceeded):
        second.hold("CNY", 31 * FEN)
    second.hold("CNY", 30 * FEN)


def test_a_day_ends_at_midnight_utc_and_a_question_belongs_to_the_day_it_began(
    database: Database,
) -> None:
    clock = Clock()
    clock.now_ns = NOON_NS + DAY_NS // 2 - 1
    mine = purse(database, clock)
    held = mine.hold("CNY", 100 * FEN)
    clock.now_ns += 1
    mine.hold("CNY", 100 * FEN)
    mine.settle(held, 1 * FEN)
    assert sum_of(database) == {"CNY": FEN}
    assert sum_of(database, clock.now_ns) == {"CNY": 100 * FEN}


def test_a_clock_set_back_finds_the_sum_of_that_day_again(database: Database) -> None:
    clock = Clock()
    mine = purse(database, clock)
    mine.hold("CNY", 100 * FEN)
    clock.now_ns += DAY_NS
    mine.hold("CNY", 1)
    clock.now_ns -= DAY_NS
    with pytest.raises(BudgetExceeded):
        mine.hold("CNY", 1)


def test_old_days_are_forgotten(database: Database) -> None:
    clock = Clock()
    mine = purse(database, clock)
    for _ in range(70):
        mine.hold("CNY", 1)
        clock.now_ns += DAY_NS
    assert sum_of(database) == {}
    assert sum_of(database, clock.now_ns - DAY_NS) == {"CNY": 1}


def test_another_currency_counts_at_the_days_rate_and_one_without_a_rate_is_refused(
    database: Database,
) -> None:
    mine = purse(database, Clock(), "2 CNY")
    mine.hold("USD", 20 * FEN)  # between 1.2 and 1.6 CNY for as long as there are records
    with pytest.raises(BudgetExceeded):
        mine.hold("USD", 20 * FEN)
    with pytest.raises(BudgetExceeded, match="no rate of XTS"):
        mine.hold("XTS", 1)
    assert sum_of(database) == {"USD": 20 * FEN}
