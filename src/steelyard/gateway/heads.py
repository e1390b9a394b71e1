"""Heads as bytes: of the request to a vendor, and of the answer to the client."""

from __future__ import annotations

from steelyard.domain.entries import Intent

JSON_TYPE = b"content-type: application/json\r\n"
STREAM_TYPE = b"content-type: text/event-stream\r\ncache-control: no-cache\r\n"


def request_bytes(head: bytes, intent: Intent, body: bytes, sends_attempt_id: bool) -> bytes:
    """The whole request of an attempt; ``head`` is the channel's fixed part of it."""
    if not sends_attempt_id:
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
    return b"%bx-steelyard-attempt: c-%x-%x-%d\r\ncontent-length: %d\r\n\r\n%b" % (
        head,
        intent.incarnation,
        intent.sequence,
        intent.attempt,
        len(body),
        body,
    )


def answer_head(kind: bytes, offer_line: bytes, intent: Intent, cost: str = "") -> bytes:
    """Header lines of the answer that an attempt gave.

    Args:
        kind: the content type's line.
        offer_line: ``Candidate.answer_head``, up to the number of attempts.
        intent: of the attempt.
        cost: of the whole call, once it is known.
    """
    head = b"%b%b%d\r\nx-steelyard-call: c-%x-%x\r\n" % (
        kind,
        offer_line,
        intent.attempt,
        intent.incarnation,
        intent.sequence,
    )
    return b"%bx-steelyard-cost: %b\r\n" % (head, cost.encode()) if cost else head
