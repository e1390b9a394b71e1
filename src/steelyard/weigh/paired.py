"""How much better one offer is than another on the same items.

Two offers fail on the same hard items, so the difference item by item varies far less than either
grade: 5 points between two offers are plain after 300 pairs that agree nine times in ten, and would
take thousands of items by two intervals of their own. The differences, -1 to 1, are moved to [0, 1]
and bet on like grades (``betting``); what holds there holds here.

Called by ``comparison``; a race with a margin reads its pairs one by one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from steelyard.weigh.sequences import MeanSequence

Grades = Sequence[Fraction | None]
"""In the run's order; None where an item has no grade."""


class PairedDifference(NamedTuple):
    """How much better one offer is than another on the same items, -1 to 1."""

    mean: Fraction | None
    """None without a common item."""
    lower: Decimal
    upper: Decimal
    n: int
    """Items that both have graded."""


def paired_sequence(
    confidence: Decimal, *, boundary: Decimal | None = None, size_max: int = 1
) -> MeanSequence:
    """A sequence that takes differences of grades, -1 to 1.

    Args:
        confidence: of both sides together, such as 0.95.
        boundary: a difference to decide about, such as -0.03.
        size_max: items of the largest cluster; 1 if there are none.

    Raises:
        ValueError: a confidence not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not {confidence}")
    return MeanSequence(float(1 - confidence) / 2, -1, boundary, size_max)


def paired_difference(
    left: Grades,
    right: Grades,
    confidence: Decimal = Decimal("0.95"),
    *,
    clusters: Sequence[Hashable] | None = None,
) -> PairedDifference:
    """Mean of left minus right over the items both have graded, with bounds valid at any time.

    Args:
        left: grades of one offer in the run's order; None where it has none.
        right: grades of the other on the same items, position by position.
        confidence: such as 0.95.
        clusters: which items belong together, position by position; a cluster's items stand side by
            side. Without it every item is a draw of its own.

    Raises:
        ValueError: the lists differ in length, or a cluster's items are scattered.
    """
    names = range(len(left)) if clusters is None else clusters
    rows = list(zip(names, left, right, strict=True))
    grouped = [list(rows) for _, rows in groupby(rows, key=lambda row: row[0])]
    if len({row[0] for row in rows}) < len(grouped):
        raise ValueError("the items of a cluster stand side by side")
    size_max = max((len(group) for group in grouped), default=1)
    sequence = paired_sequence(confidence, size_max=size_max)
    for group in grouped:
        sequence.take_cluster(a - b for _, a, b in group if a is not None and b is not None)
    sequence.look()
    return PairedDifference(sequence.mean, *sequence.bounds, sequence.n)
