"""What vendors' error answers mean: who is to blame, what is free, how long to wait."""

from __future__ import annotations

import json

import pytest

from steelyard.dialects.openai_chat import DIALECT
from steelyard.dialects.refusals import error_message, refusal
from steelyard.domain.errors import (
    CredentialRejected,
    InvalidRequest,
    SteelyardError,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)


@pytest.mark.parametrize(
    ("status", "kind", "is_free", "tries_others", "cools"),
    [
        (400, InvalidRequest, True, False, False),
        (422, InvalidRequest, True, False, False),
        (401, CredentialRejected, True, True, True),
        (402, CredentialRejected, True, True, True),
        (403, CredentialRejected, True, True, True),
        (404, UpstreamRejected, True, True, False),
        (405, UpstreamRejected, True, True, False),
        (409, UpstreamRejected, True, True, False),
        (429, UpstreamRateLimited, True, True, True),
        (500, UpstreamError, False, True, True),
        (502, UpstreamError, False, False, True),
        (503, UpstreamUnavailable, True, True, True),
        (302, UpstreamError, False, False, True),
    ],
)
def test_a_status_says_what_may_be_done(
    status: int, kind: type[SteelyardError], is_free: bool, tries_others: bool, cools: bool
) -> None:
    found = refusal(status, {b"retry-after": b"7"}, b'{"error":{"message":"No."}}')
    assert type(found.error) is kind
    assert found[1:] == (is_free, tries_others, cools)
    assert found.error.retry_after_s == (7.0 if status in {429, 503} else None)


def test_an_empty_account_is_no_rate_limit() -> None:
    told = b'{"error":{"code": "insufficient_quota","message":"Pay."}}'
    assert type(refusal(429, {}, told).error) is CredentialRejected


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_a_vendor_says_about_our_credential_stays_here(status: int) -> None:
    told = b'{"error":{"message":"Wrong key: sk-secret"}}'
    assert "sk-secret" not in refusal(status, {}, told).error.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"", None),
        (b"soon", None),
        (b"-1", None),
        (b"1234567", None),
        (b"9999", 3600.0),
        (b"0", 0.0),
    ],
)
def test_retry_after_is_read_when_it_is_a_sound_number(value: bytes, seconds: float | None) -> None:
    assert refusal(429, {b"retry-after": value}, b"").error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (b'{"error":{"message":"a"}}', "a"),
        (b'{"error":"b"}', "b"),
        (b'{"message":"c"}', "c"),
        (b'{"detail":"d"}', "d"),
        (b'{"error":{"message":7}}', ""),
        (b"[1]", ""),
        (b"<html>", ""),
        (b"[" * 50_000, ""),
        (json.dumps({"message": "x" * 900}).encode(), "x" * 500),
    ],
)
def test_messages_are_found_where_vendors_put_them(told: bytes, message: str) -> None:
    assert error_message(told) == message


def test_half_a_surrogate_pair_does_not_keep_the_client_waiting() -> None:
    refused = refusal(400, {}, b'{"error":{"message":"bad \\ud83d"}}').error
    assert refused.message == "bad ?"
    assert b"bad ?" in DIALECT.write_error(SteelyardError("bad \ud83d"), "")
