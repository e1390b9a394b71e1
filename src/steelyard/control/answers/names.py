"""Names that answered, counted over parts of the ledger; apart since its libraries are heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.answering import Sighting
from steelyard.ledger import sql

_STATEMENT = """
    SELECT offer, revision, model_answered, min(called_at_ns), max(called_at_ns), count(*)
    FROM read_parquet([{files}], union_by_name = true)
    WHERE kind = 'attempt' AND model_answered <> ''
    GROUP BY ALL ORDER BY 4, 1, 2, 3
"""


class Counted(NamedTuple):
    """Calls of an offer that one name answered, all chosen with one snapshot."""

    offer: str
    revision: int
    seen: Sighting


def count(files: Sequence[Path]) -> list[Counted]:
    """What the lines of these parts say, the earliest call first.

    Raises:
        OSError: a file cannot be read.
    """
    rows = sql.rows_of(files, _STATEMENT)
    return [Counted(offer, revision, Sighting(*seen)) for offer, revision, *seen in rows]
