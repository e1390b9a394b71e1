"""What a vendor's errors mean, as its preset lists them; ``refusals`` applies it.

Data from the snapshot: which rows a vendor has is no business of any code. Apart from ``refusals``
because msgspec reads the annotations as they stand here, which a compiled module would not keep.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

MEANINGS = (
    *("rate_limited", "out_of_money", "overloaded", "bad_request", "too_long", "filtered"),
    *("credential", "not_found", "vendor_fault"),
)
"""What a row may mean."""


class ErrorRow(msgspec.Struct, array_like=True, frozen=True):
    """What all errors mean that have everything this row names; empty fields fit any."""

    means: str
    """One of ``MEANINGS``."""
    status: int = 0
    """HTTP status."""
    code: str = ""
    """The vendor's code, numbers as text; with ``*`` at its end, what codes begin with."""
    type: str = ""
    """The vendor's type of error."""
    message_has: str = ""
    """Words of the message, in any case of letters."""
    retry_after_from: str = ""
    """Where the time to wait stands: a header's name, or ``message``; empty for the usual one."""


class ErrorTable(msgspec.Struct, array_like=True, frozen=True):
    """A vendor's rows; the first that fits holds."""

    rows: tuple[ErrorRow, ...] = ()
    in_200: tuple[str, ...] = ()
    """Where codes of errors stand in answers with status 200, such as ``base_resp.status_code``;
    0 and nothing are no error."""


NO_ERRORS = ErrorTable()


@lru_cache(maxsize=256)
def alarm(table: ErrorTable) -> re.Pattern[bytes] | None:
    """What bytes of an answer with status 200 look like that may hold an error; None: none do.

    Only finds names with a value that is not nothing, so that good answers, whose code says 0,
    are not decoded for it. Inside a JSON string the quotes would be escaped.
    """
    if not table.in_200:
        return None
    names = {path.rpartition(".")[2] for path in table.in_200}
    either = b"|".join(re.escape(name.encode()) for name in sorted(names))
    nothing = rb'(?:0+\b(?!\.)|"0*"|null|false)'
    return re.compile(rb'"(?:%b)"\s*:\s*(?!\s|%b)' % (either, nothing))
