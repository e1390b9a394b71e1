"""A row of listed prices as the database keeps it; ``store.listings`` makes lines of them."""

from __future__ import annotations

from typing import NamedTuple

from steelyard.store.schema import list_rates


class ListRow(NamedTuple):
    """A row of ``list_rates`` by the names of its columns.

    Whoever prices reads every row of the book, and the driver's own rows are slow to look into.
    """

    rate_number: int
    origin: str
    vendor: str
    channel: str
    model: str
    currency: str
    item: str
    condition: str
    """What decides, as JSON."""
    telling: str
    """What only tells, as JSON."""
    numerator: str | None
    """Of the amount; None where the line is no longer listed."""
    denominator: str | None
    unit: str
    valid_from_ns: int
    valid_to_ns: int | None
    line: int
    phrase: str
    evidence: str
    basis: str
    note: str
    tax: str
    read_at_ns: int | None
    corrects: int | None


COLUMNS = tuple(list_rates.c[name] for name in ListRow._fields)
"""What to select so that ``ListRow._make`` can read it."""
