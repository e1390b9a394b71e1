"""What vendors' error answers have in common, whatever the dialect: a message, a time to wait."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from steelyard.dialects.base import Refusal
from steelyard.domain.errors import (
    CredentialRejected,
    InvalidRequest,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)

_RETRY_AFTER_S_MAX = 3600.0


def refusal(status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refusal:
    """What an answer with an error status means, from status and body.

    A vendor that refuses our credential may quote it, so of 401 to 403 only the fact is told.
    """
    message = error_message(body) or f"HTTP {status}"
    wait_s = retry_after_s(headers)
    if status == 429 and not is_out_of_money(body):
        limited = UpstreamRateLimited(message, retry_after_s=wait_s)
        return Refusal(limited, is_free=True, tries_others=True, cools=True)
    if status == 503:
        busy = UpstreamUnavailable(message, retry_after_s=wait_s)
        return Refusal(busy, is_free=True, tries_others=True, cools=True)
    if status in (401, 402, 403, 429):
        # Vendors quote the credential in what they say about it, so none of it is passed on.
        refused = CredentialRejected(f"The vendor refused our account (HTTP {status}).")
        return Refusal(refused, is_free=True, tries_others=True, cools=True)
    if status in (404, 405, 409):
        return Refusal(UpstreamRejected(message), is_free=True, tries_others=True, cools=False)
    if 400 <= status < 500:
        wrong = InvalidRequest(message, code="rejected_by_vendor")
        wrong.status = status
        return Refusal(wrong, is_free=True, tries_others=False, cools=False)
    failed = UpstreamError(f"The vendor failed with HTTP {status}: {message}")
    return Refusal(failed, is_free=False, tries_others=status == 500, cools=True)


def error_message(body: bytes) -> str:
    """The message in a vendor's error body, at most 500 characters; empty if there is none."""
    try:
        shape = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return ""
    for value in _messages(shape):
        if isinstance(value, str) and value:
            # JSON can spell half of a surrogate pair, as in a text cut in its middle; UTF-8 cannot.
            return value[:500].encode("utf-8", "replace").decode()
    return ""


def is_out_of_money(body: bytes) -> bool:
    """Whether a 429 says that the account with the vendor is empty, which no waiting heals."""
    return b'"insufficient_quota"' in body[:65536]


def _messages(shape: object) -> Iterator[object]:
    if isinstance(shape, dict):
        error = shape.get("error")
        if isinstance(error, dict):
            yield error.get("message")
        yield error
        yield shape.get("message")
        yield shape.get("detail")


def retry_after_s(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds to wait, when given as a number; a date is left to our own cool-down."""
    text = headers.get(b"retry-after", b"")
    if not text.isdigit() or len(text) > 6:
        return None
    return min(float(text), _RETRY_AFTER_S_MAX)
