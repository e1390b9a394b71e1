"""Times and ends of calls, read from parts of the ledger; apart since its libraries are heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from steelyard.control.supply.told import CALLERS_FAULT
from steelyard.ledger import sql

# A request that the vendor calls wrong is the caller's fault, and a client that left nobody's.
_STATEMENT = """
    SELECT offer, called_at_ns, output_tokens, first_byte_us / 1e6, total_us / 1e6,
           coalesce(is_stream, false), outcome <> 'completed'
    FROM read_parquet([{files}], union_by_name = true)
    WHERE kind = 'attempt' AND why <> 'supply'
      AND outcome IN ('completed', 'refused', 'uncertain', 'cut', 'not_sent')
      AND NOT (outcome = 'refused' AND status IN {faults})
    ORDER BY called_at_ns, incarnation, sequence, attempt
"""


class Line(NamedTuple):
    """One attempt."""

    offer: str
    at_ns: int
    """UTC: when it was called."""
    output_tokens: int
    first_byte_s: float
    total_s: float
    is_stream: bool
    is_failed: bool


def read(files: Sequence[Path]) -> list[Line]:
    """The attempts in these parts, in the order of calls.

    Raises:
        OSError: a file cannot be read.
    """
    return [Line(*row) for row in sql.rows_of(files, _STATEMENT, faults=CALLERS_FAULT)]
