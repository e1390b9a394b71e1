"""What the journal and the ledger speak: Intent, Settlement, Entry.

Intents and settlements are plain tuples, because the worker writes two of them per attempt on its
request path. Fields are only ever appended, with defaults, so that an old journal stays readable.
Text fields are bounded by their makers: a settlement must fit the room its intent reserved.
"""

from __future__ import annotations

from typing import NamedTuple

from steelyard.domain.usage import NO_USAGE, NOTHING, Usage


class LeaseUse(NamedTuple):
    """How much of one lease an attempt holds or used."""

    lease_id: int
    amount: int
    """Pico-units of the lease's currency for money; a count for other units."""


class Intent(NamedTuple):
    """Written before the first byte of an attempt goes upstream."""

    incarnation: int
    sequence: int
    attempt: int
    """Number of the attempt within its call, from 1."""
    why: str
    """A ``calls.Why``."""
    called_at_ns: int
    """UTC, nanoseconds since 1970: decides prices and budget periods."""
    key_id: str
    account_id: str
    account_path: str
    """Ids from the root to ``account_id``, joined by ``/``, as they were at the call."""
    task: str
    """Task name, or empty."""
    door: str
    """Dialect the client spoke, such as ``openai_chat``."""
    model_asked: str
    offer: str
    model: str
    channel: str
    vendor: str
    revision: int
    """Snapshot revision the choice was made with."""
    leases: tuple[LeaseUse, ...]
    reserved_pico: int
    """Worst case quoted for this attempt, in ``currency``."""
    currency: str
    input_tokens_expected: int
    output_tokens_reserved: int
    is_stream: bool = False


class Settlement(NamedTuple):
    """Written when an attempt has ended, exactly once per intent."""

    incarnation: int
    sequence: int
    attempt: int
    outcome: str
    """A ``calls.Outcome``."""
    usage: Usage = NOTHING
    usage_source: str = NO_USAGE
    """``reported``, ``estimated`` or ``none``."""
    rate_ids: tuple[str, ...] = ()
    cost_pico: int = 0
    """What the channel will bill us, in ``currency``."""
    charge_pico: int = 0
    """What we bill the account, in ``currency``."""
    currency: str = ""
    leases: tuple[LeaseUse, ...] = ()
    """Final use of the intent's leases, in each lease's own currency."""
    exchange_ids: tuple[str, ...] = ()
    """Exchange rates used for ``leases``."""
    settled_at_ns: int = 0
    first_byte_us: int = 0
    """Microseconds from sending to the first byte of the answer; 0 if none came."""
    total_us: int = 0
    """Microseconds from sending to the end."""
    status: int = 0
    """HTTP status of the vendor's answer; 0 if none came."""
    model_answered: str = ""
    """The model that the vendor says answered, at most 128 bytes."""
    vendor_call_id: str = ""
    """The vendor's own id of the answer, at most 128 bytes."""
    detail: str = ""
    """Short reason for anything but ``completed``, at most 128 bytes, never secret."""
    finish: str = ""
    """Finish reason of the answer, at most 32 bytes."""
    tier: str = ""
    """Service tier that it was priced in, at most 16 bytes; empty for the ordinary one."""


class Entry(NamedTuple):
    """One line of the ledger: an attempt, whole."""

    intent: Intent
    settlement: Settlement
    booked_at_ns: int
    """UTC, nanoseconds: decides the ledger's day."""
    kind: str = "attempt"
    """``attempt``, or ``adjustment`` for what corrects an earlier line."""
