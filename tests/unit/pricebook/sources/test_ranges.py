from datetime import UTC, datetime
from fractions import Fraction

from steelyard.domain.conditions import ALWAYS
from steelyard.domain.listings import Listing
from steelyard.pricebook.sources.ranges import Span, Spans

LISTING = Listing("A", "official", "m", "USD")
DAYS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)]


def span(amount: int, begin: int, end: int | None, item: str = "input") -> Span:
    last = None if end is None else DAYS[end]
    price = Fraction(amount)
    return Span(LISTING, item, "mtok", ALWAYS, price, DAYS[begin], last, "observed", "page", "")


def test_a_price_that_stays_is_one_rate() -> None:
    spans = Spans("litellm", DAYS[3])
    for one in (span(1, 0, 1), span(1, 1, 2), span(2, 2, None), span(1, 0, None, "output")):
        spans.add(one)
    found = list(spans.rates())
    assert [(r.rate.item, r.rate.amount, r.rate.valid_from, r.rate.valid_to) for r in found] == [
        ("input", 1, DAYS[0], DAYS[2]),
        ("input", 2, DAYS[2], None),
        ("output", 1, DAYS[0], None),
    ]
    assert [r.rate.rate_id for r in found] == ["litellm:1", "litellm:2", "litellm:3"]
    assert {r.read_at for r in found} == {DAYS[3]}


def test_a_gap_is_kept() -> None:
    spans = Spans("litellm", None)
    spans.add(span(1, 0, 1))
    spans.add(span(1, 2, None))
    assert len(list(spans.rates())) == 2
