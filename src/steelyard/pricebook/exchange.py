"""What one currency was worth in another on a day: dated, sourced, exact, and never looking ahead.

The European Central Bank publishes units of a currency for one euro on working days; crosses go
through the euro as fractions. The rate of a day is the last one published on or before it, at most
``BACK_DAYS_MAX`` days back; rates of one's own (the finance department's) come before the bank's on
the days that they name. Asked by reports and by whoever compares prices; it reads no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from steelyard.domain.money import to_fraction
from steelyard.domain.rates import ExchangeRate

BACK_DAYS_MAX = 31
"""How old a day's rate may be: the package that brings the bank's rates is renewed about monthly,
and until then they must answer for today. Every answer names its rate's day, and no more than that
is allowed, so that a list nobody renews is noticed."""
FINAL_DAYS_MAX = 10
"""How old a rate may be to become a day's for good: weekends and the longest run of holidays (the
bank's longest pause since 1999 is 5 days). For a day further from its rate a nearer one will come,
with the next package."""
OWN = "csv-"
"""Begins the id of every rate that the user brought."""
INVERSE = "-inverse"
"""Ends the id of a rate that was found by turning round one of the user's own."""
_EURO = "EUR"
_BANK = "European Central Bank"

DayPair = tuple[date, str, str]
"""A day, a base and a quote currency."""


class History:
    """The bank's daily reference rates.

    Only the currencies that are asked for are read from the text, each once: the whole history
    (since 1999, 41 currencies) as numbers would take 20 MB and a second.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """``texts`` are files as the bank publishes them, a day's first mention counts."""
        self._files = [
            ([name.strip() for name in header.split(",")], lines)
            for header, *lines in (text.splitlines() for text in texts if text)
        ]
        self._columns: dict[str, dict[date, str]] = {}
        self._days: list[date] | None = None

    def cross(self, base: str, quote: str, day: date) -> ExchangeRate | None:
        """What one ``base`` was worth in ``quote`` on this very day; None where it says nothing."""
        per_base, per_quote = self._per_euro(base, day), self._per_euro(quote, day)
        if per_base is None or per_quote is None:
            return None
        rate_id = f"ecb-{day.isoformat()}-{base}-{quote}"
        return ExchangeRate(rate_id, base, quote, per_quote / per_base, begin_of(day), _BANK)

    def newest_day(self, not_after: date) -> date | None:
        """The last published day up to ``not_after``; None where there is none."""
        if self._days is None:
            self._days = [day_of(line) for _, lines in self._files for line in lines if line]
        return max((day for day in self._days if day <= not_after), default=None)

    def _per_euro(self, currency: str, day: date) -> Fraction | None:
        if currency == _EURO:
            return Fraction(1)
        if currency not in self._columns:
            self._columns[currency] = self._column(currency)
        text = self._columns[currency].get(day)
        return None if text is None else to_fraction(text)

    def _column(self, currency: str) -> dict[date, str]:
        found: dict[date, str] = {}
        for header, lines in self._files:
            if currency not in header[1:]:
                continue
            place = header.index(currency)
            for line in lines:
                values = line.split(",", place + 1)
                value = values[place].strip() if len(values) > place else ""
                if value not in {"", "N/A"}:
                    found.setdefault(day_of(line), value)
        return found


class Exchange:
    """Every exchange rate there is to know, answered by day."""

    def __init__(
        self,
        history: History | None = None,
        recorded: Iterable[ExchangeRate] = (),
        fixed: Mapping[DayPair, ExchangeRate] | None = None,
    ) -> None:
        """Joins the sources.

        Args:
            history: What the bank published; None to go without.
            recorded: Rates that are kept, in the order in which they were recorded: of one pair
                and day the user's own come first, among them the latest. The bank's ones hold even
                where ``history`` now says otherwise: a figure that was shown must not move.
            fixed: The rate with which a day was reported before.
        """
        self._history = history or History(())
        self._fixed = dict(fixed or {})
        self._recorded: dict[DayPair, ExchangeRate] = {}
        for rate in sorted(recorded, key=is_own):  # stable: the order of recording stays
            if not rate.rate_id.endswith(INVERSE):  # what it was turned round from may be corrected
                self._recorded[(rate.as_of.date(), rate.base, rate.quote)] = rate
        self._found: dict[tuple[str, str, date, int], ExchangeRate | None] = {}

    def rate(
        self, base: str, quote: str, day: date, back_days_max: int = BACK_DAYS_MAX
    ) -> ExchangeRate | None:
        """What one ``base`` was worth in ``quote`` on ``day`` (UTC): the last one until then.

        Its ``as_of`` says of which day it is. None where none is at most ``back_days_max`` days
        old; a rate is never assumed.
        """
        if base == quote:
            return ExchangeRate(f"same-{base}", base, quote, Fraction(1), begin_of(day))
        key = (base, quote, day, back_days_max)
        if key not in self._found:
            self._found[key] = self._find(*key)
        return self._found[key]

    def convert(
        self, amount: Fraction, base: str, quote: str, at: datetime | date
    ) -> tuple[Fraction, ExchangeRate] | None:
        """``amount`` of ``base`` in ``quote`` at the rate of the day (UTC) of ``at``, exactly.

        None where that day has no rate.
        """
        day = at.astimezone(UTC).date() if isinstance(at, datetime) else at
        rate = self.rate(base, quote, day)
        return None if rate is None else (amount * rate.value, rate)

    def on(self, base: str, quote: str, day: date) -> ExchangeRate | None:
        """The rate published for this very day, the user's own first; none on weekends."""
        kept = self._recorded.get((day, base, quote))
        if kept is not None and is_own(kept):
            return kept
        opposite = self._recorded.get((day, quote, base))
        if opposite is not None and is_own(opposite):
            # The bank's other direction beside it would make a way there and back cost money.
            return inverse(opposite)
        return kept or self._history.cross(base, quote, day)

    def _find(self, base: str, quote: str, day: date, back_days_max: int) -> ExchangeRate | None:
        fixed = self._fixed.get((day, base, quote))
        if fixed is not None and (day - fixed.as_of.date()).days <= back_days_max:
            return fixed
        for back in range(back_days_max + 1):
            found = self.on(base, quote, day - timedelta(days=back))
            if found is not None:
                return found
        return None


def is_own(rate: ExchangeRate) -> bool:
    """Whether the user brought it, as it is."""
    return rate.rate_id.startswith(OWN) and not rate.rate_id.endswith(INVERSE)


def inverse(rate: ExchangeRate) -> ExchangeRate:
    """The rate of the other direction."""
    name = rate.rate_id + INVERSE
    return ExchangeRate(name, rate.quote, rate.base, 1 / rate.value, rate.as_of, rate.source)


def day_of(line: str) -> date:
    """The day with which a line of the bank's files begins: ``2026-03-09`` or ``09 March 2026``.

    Raises:
        ValueError: it begins with no day.
    """
    text = line.partition(",")[0].strip()
    if text[:1].isdigit() and text[2:3] == " ":
        return datetime.strptime(text, "%d %B %Y").replace(tzinfo=UTC).date()
    return date.fromisoformat(text)


def begin_of(day: date) -> datetime:
    """The first instant of a day, UTC."""
    return datetime.combine(day, time(), UTC)
