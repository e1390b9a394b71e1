"""What looks at paid offers may cost on a day: the worst case is booked before each question.

The book is a setting, amounts by day (UTC) and currency. A question that is never heard of again,
since the process died, stays booked at its worst case; so a day's sum is never below what was
really paid, and no restart forgets it. A clock that is set back finds that day's sum again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.prices.exchange import Worth
from steelyard.domain.errors import BudgetExceeded
from steelyard.domain.instants import instant_of
from steelyard.domain.money import Money
from steelyard.store import settings
from steelyard.store.database import Database

PAID = "drift.paid"
"""Setting: what was paid, or may have been, by day and currency, in pico-units as text."""
_DAYS_KEPT = 62


class Held(NamedTuple):
    """One question's worst case, booked."""

    day: str
    currency: str
    amount_pico: int


class DayPurse:
    """The money of a day; blocks, so it is used from a thread."""

    def __init__(self, database: Database, budget: Money, clock: Callable[[], int]) -> None:
        """``clock`` gives UTC nanoseconds."""
        self._database = database
        self._budget = budget
        self._clock = clock

    def hold(self, currency: str, worst_pico: int) -> Held:
        """Books the most that a question may cost, before it is asked.

        Raises:
            BudgetExceeded: it might take the day's sum past the budget, or nobody knows.
        """
        held = Held(instant_of(self._clock()).date().isoformat(), currency, worst_pico)
        with self._database.write() as connection:
            book = _book(connection)
            of_day = dict(book.get(held.day, {}))
            of_day[currency] = of_day.get(currency, 0) + worst_pico
            if self._in_budget(connection, of_day) > self._budget.amount_pico:
                raise BudgetExceeded(
                    f"weighing.drift.money_per_day of {self._budget} has no room for another"
                    " question today."
                )
            _write(connection, {**book, held.day: of_day})
        return held

    def settle(self, held: Held, cost_pico: int) -> None:
        """Puts what a question cost in place of its worst case."""
        with self._database.write() as connection:
            book = _book(connection)
            of_day = dict(book.get(held.day, {}))
            left = of_day.get(held.currency, 0) - held.amount_pico + cost_pico
            _write(connection, {**book, held.day: {**of_day, held.currency: left}})

    def _in_budget(self, connection: Connection, amounts: Mapping[str, int]) -> Fraction:
        """The sum of amounts in the budget's currency, pico-units."""
        total = Fraction(0)
        worth = Worth(connection, self._budget.currency, self._clock())
        for currency, amount_pico in amounts.items():
            each = worth.find(currency) if amount_pico else Fraction(0)
            if each is None:
                raise BudgetExceeded(
                    f"weighing.drift.money_per_day: no rate of {currency} in"
                    f" {self._budget.currency}."
                )
            total += amount_pico * each
        return total


def paid(connection: Connection, at_ns: int) -> dict[str, int]:
    """What the day of an instant has cost, worst cases under way included, by currency."""
    return _book(connection).get(instant_of(at_ns).date().isoformat(), {})


def _book(connection: Connection) -> dict[str, dict[str, int]]:
    stored: dict[str, Any] = settings.get(connection, PAID, {})
    return {day: {cur: int(text) for cur, text in by.items()} for day, by in stored.items()}


def _write(connection: Connection, book: Mapping[str, Mapping[str, int]]) -> None:
    kept = sorted(book)[-_DAYS_KEPT:]
    settings.put(
        connection, PAID, {day: {cur: str(pico) for cur, pico in book[day].items()} for day in kept}
    )
