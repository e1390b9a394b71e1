"""Amounts of several currencies told in one, at the exchange rates of one named day.

For questions of what would have been, in which what was paid and what would be paid may stand in
two currencies. Nothing is booked by it: a rate may be older than a report of the ledger allows, and
its id and day are told with the amounts. One that is missing is never assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from steelyard.domain.money import round_half_even
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import Exchange

if TYPE_CHECKING:  # its libraries are heavy, and are loaded by whoever asks the ledger
    from steelyard.ledger.what_if import Row

BACK_DAYS_MAX = 400
"""How many days before the named one a rate may have been published."""


class Told(NamedTuple):
    """What a row cost then and would cost now in one currency, exactly, in its pico-units."""

    then_exact: Fraction
    now_exact: Fraction

    @property
    def then_pico(self) -> int:
        """What it cost, rounded half-even."""
        return _rounded(self.then_exact)

    @property
    def now_pico(self) -> int:
        """What it would cost, rounded half-even."""
        return _rounded(self.now_exact)

    @property
    def difference_pico(self) -> int:
        """Now less then, rounded once."""
        return _rounded(self.now_exact - self.then_exact)


class OneDay:
    """Converts into ``currency`` at the rates of ``day`` (UTC), and keeps which it used."""

    def __init__(self, exchange: Exchange, currency: str, day: date) -> None:
        self.currency = currency
        self.day = day
        self._exchange = exchange
        self._rates: dict[str, ExchangeRate | None] = {}

    @property
    def used(self) -> list[ExchangeRate]:
        """The rates that something was converted at, by base currency."""
        return [rate for _, rate in sorted(self._rates.items()) if rate is not None]

    def tell(self, row: Row) -> Told | None:
        """Both amounts in the one currency; None where either has no rate."""
        then = self._exact(row.then_pico, row.currency_then)
        now = self._exact(row.now_pico, row.currency_now)
        return None if then is None or now is None else Told(then, now)

    def total(self, rows: Iterable[Row]) -> Told:
        """The sum of all that has rates, rounded nowhere on the way."""
        found = [told for row in rows if (told := self.tell(row)) is not None]
        return Told(
            sum((told.then_exact for told in found), Fraction(0)),
            sum((told.now_exact for told in found), Fraction(0)),
        )

    def missing(self, row: Row) -> list[str]:
        """The currencies of the two amounts that have no rate."""
        pairs = {row.currency_then: row.then_pico, row.currency_now: row.now_pico}
        return [currency for currency, pico in pairs.items() if self._exact(pico, currency) is None]

    def _exact(self, pico: int, currency: str) -> Fraction | None:
        if not pico or currency == self.currency:
            return Fraction(pico)  # nothing is nothing in every currency
        if currency not in self._rates:
            self._rates[currency] = self._exchange.rate(
                currency, self.currency, self.day, BACK_DAYS_MAX
            )
        rate = self._rates[currency]
        return None if rate is None else pico * rate.value


def _rounded(amount: Fraction) -> int:
    return round_half_even(amount.numerator, amount.denominator)
