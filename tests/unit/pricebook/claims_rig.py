"""A small market of May 2024, enough for every word of the claims' vocabulary."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

from steelyard.domain.conditions import ALWAYS, Condition
from steelyard.domain.listings import Fact, ListedRate, Listing
from steelyard.domain.rates import ExchangeRate, Rate
from steelyard.pricebook.market import Market

TUESDAY = datetime(2024, 5, 20, 16, tzinfo=UTC)
"""Begin of 2024-05-21 in China."""


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def line(
    model: str,
    item: str,
    price: str,
    begin: datetime,
    end: datetime | None = None,
    *,
    condition: Condition = ALWAYS,
    currency: str = "CNY",
) -> ListedRate:
    rate_id = f"{model}-{item}-{price}-{begin:%m%d}"
    rate = Rate(
        rate_id, item, Fraction(price), currency, "ktok", begin, end, "a page", condition=condition
    )
    return ListedRate(Listing("Maker", "official", model, currency), rate, "steelyard")


LINES = (
    line("cut", "input", "0.02", day("2024-05-01"), TUESDAY),
    line("cut", "input", "0.0005", TUESDAY),
    line("cut", "output", "0.002", TUESDAY),
    line("free", "input", "0.004", day("2024-04-05"), TUESDAY),
    line("free", "input", "0", TUESDAY, day("2024-05-25")),
    line("free", "input", "0", day("2024-05-25")),
    line("free", "output", "0", TUESDAY),
    line("abroad", "input", "0.03", day("2023-03-14"), currency="USD"),
    line("abroad", "output", "0.06", day("2023-03-14"), currency="USD"),
    line("tiers", "input", "1", day("2024-05-01"), condition=Condition(input_to=32_000)),
    line("tiers", "input", "2", day("2024-05-01"), condition=Condition(input_from=32_000)),
    line("tiers", "input", "9", day("2024-05-01"), condition=Condition(tier="batch")),
    line("tiers", "output", "3", day("2024-05-01")),
    line("tied", "input", "1", day("2024-05-01"), condition=Condition(input_to=32_000)),
    line("tied", "input", "2", day("2024-05-01"), condition=Condition(output_to=32_000)),
)
FACTS = (
    Fact("limit", "Maker", "free", TUESDAY, None, {"rpm": 500}, "a page"),
    Fact("limit", "Maker", "free", TUESDAY, None, {"tpm": 200_000}, "a page"),
)


def market() -> Market:
    return Market(LINES, FACTS)


def exchange(base: str, quote: str, on: date) -> ExchangeRate | None:
    if (base, quote) != ("USD", "CNY") or on < date(2023, 1, 1):
        return None
    return ExchangeRate(f"x-{on}", base, quote, Fraction(7), day(on.isoformat()), "a bank")
