"""Hands the requests of consenting accounts to control, which redacts them and keeps some.

A call pays for this only where its account's policy captures: then one frame is written to the
link, or dropped when control is behind. Nothing is kept or written here.
"""

from __future__ import annotations

from steelyard.dialects.base import Call
from steelyard.gateway.link import Link
from steelyard.gateway.view import Principal
from steelyard.wire.server import Request

BODY_BYTES_MAX = 256 << 10
"""A longer request is not captured: no test item should be that long."""
DOORS = frozenset(("openai_chat", "anthropic_messages", "openai_responses"))
"""Doors for chats; control turns what they take into the one kind of chat that test items are."""
_OBJECTIONS = frozenset((b"no", b"false", b"off", b"0", b"never"))
"""Whoever objects shall not have to guess how it is spelt."""
_SPREAD = 0x9E3779B1
"""Odd, near 2^32 over the golden ratio: its multiples spread evenly over 32 bits."""


def is_drawn(sequence: int, share: float) -> bool:
    """Whether a call is among the share; even over any run of sequence numbers."""
    return (sequence * _SPREAD & 0xFFFFFFFF) < share * 4294967296.0


def captures(principal: Principal, request: Request, door: str, sequence: int) -> bool:
    """Whether a call's request may be kept: its account consents and its caller did not object."""
    share = principal.policy.captures
    return (
        share > 0
        and door in DOORS
        and not principal.is_ours
        and len(request.body) <= BODY_BYTES_MAX
        and request.headers.get(b"x-steelyard-capture", b"").strip().lower() not in _OBJECTIONS
        and is_drawn(sequence, share)
    )


def capture(
    link: Link, principal: Principal, call: Call, request: Request, came: tuple[str, str, int]
) -> None:
    """Sends a request that may be kept to control as it came, unless the link is down or behind.

    ``came`` is the door that it came by, its task and its sequence number.
    """
    door, task, sequence = came
    if captures(principal, request, door, sequence):
        who = principal.account_id, principal.policy.name
        link.offer("captured", *who, task, call.model, request.body, door)
