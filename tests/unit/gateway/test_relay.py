from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.plain_core import channel
from steelyard.dialects.base import Answer
from steelyard.dialects.error_table import ErrorRow, ErrorTable
from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.calls import Outcome
from steelyard.domain.errors import ConfigError, InvalidRequest
from steelyard.domain.usage import Usage
from steelyard.gateway.relay import (
    Attempt,
    error_of,
    origin_of,
    outcome_of,
    refusal_of,
    why_of,
)
from steelyard.wire.call import Failure

CUT = Failure("closed", "idle", is_sent=True, has_head=True, detail="")


def attempt(**changes: Any) -> Attempt:
    fields = {
        "is_client_gone": False,
        "is_whole": True,
        "is_sent": True,
        "status": 200,
        "violation": "",
        "failure": None,
        "meter": None,
    }
    return cast(Attempt, SimpleNamespace(**{**fields, **changes}))


def meter(**changes: Any) -> Any:
    return SimpleNamespace(**{"is_done": False, "finish": "", **changes})


GONE = {"is_client_gone": True, "is_whole": False}


@pytest.mark.parametrize(
    ("changes", "answer", "outcome"),
    [
        ({}, Answer(None), Outcome.COMPLETED),
        ({"is_sent": False, "status": 0, "failure": CUT}, Answer(None), Outcome.NOT_SENT),
        ({"status": 0, "failure": CUT}, Answer(None), Outcome.UNCERTAIN),
        ({"failure": CUT}, Answer(None), Outcome.CUT),
        ({"violation": "odd"}, Answer(None), Outcome.CUT),
        ({}, Answer(None, error="crashed"), Outcome.CUT),
        ({}, Answer(None, fault="no JSON"), Outcome.CUT),
        ({"meter": meter()}, Answer(None), Outcome.CUT),
        ({"meter": meter(finish="stop")}, Answer(None), Outcome.COMPLETED),
        ({"meter": meter(is_done=True)}, Answer(None), Outcome.COMPLETED),
        ({"meter": meter(is_done=True), "failure": CUT}, Answer(None), Outcome.COMPLETED),
        ({"meter": meter(finish="stop"), "failure": CUT}, Answer(None), Outcome.CUT),
        (GONE, Answer(None), Outcome.CLIENT_GONE),
        (GONE | {"is_sent": False}, Answer(None), Outcome.NOT_SENT),
        (GONE | {"is_whole": True}, Answer(Usage(1, 1)), Outcome.COMPLETED),
    ],
)
def test_how_an_attempt_ended(changes: dict[str, Any], answer: Answer, outcome: Outcome) -> None:
    assert outcome_of(attempt(**changes), answer) is outcome


def failure(kind: Any, *, is_sent: bool = True, phase: Any = "idle") -> Failure:
    return Failure(kind, phase, is_sent=is_sent, has_head=False, detail="bad chunk")


@pytest.mark.parametrize(
    ("changes", "answer", "code", "says"),
    [
        ({}, Answer(None, error="crashed"), "vendor_error", "crashed"),
        ({}, Answer(None, fault="no JSON"), "upstream_protocol_error", "no JSON"),
        ({"violation": "odd"}, Answer(None), "upstream_protocol_error", "odd"),
        ({}, Answer(None), "upstream_protocol_error", "before it was complete"),
        (
            {"failure": failure("timeout", phase="first_byte")},
            Answer(None),
            "upstream_timeout",
            "first byte",
        ),
        ({"failure": failure("protocol")}, Answer(None), "upstream_protocol_error", "bad chunk"),
        (
            {"failure": failure("tls", is_sent=False)},
            Answer(None),
            "upstream_unavailable",
            "cannot be reached",
        ),
        ({"failure": failure("reset")}, Answer(None), "upstream_unavailable", "broke off"),
    ],
)
def test_what_the_client_is_told(
    changes: dict[str, Any], answer: Answer, code: str, says: str
) -> None:
    error = error_of(attempt(**changes), answer)
    assert error.code == code
    assert says in error.message


def test_the_books_say_why_and_the_client_does_not_hear_of_our_network() -> None:
    failed = attempt(failure=failure("connect", is_sent=False))
    error = error_of(failed, Answer(None))
    assert "bad chunk" not in error.message
    said = why_of(failed, error, is_quoted=False)
    assert said == f"upstream_unavailable: {error.message} bad chunk"
    broken = attempt(failure=failure("protocol"))
    assert why_of(broken, error_of(broken, Answer(None)), is_quoted=False).count("bad chunk") == 1
    said = why_of(attempt(), error, is_quoted=False)
    assert said == f"upstream_unavailable: {error.message}"


def test_the_books_have_no_words_of_a_vendors() -> None:
    error = InvalidRequest("I do not take 'my pin is 1234'", code="rejected_by_vendor")
    refused = attempt(status=400)
    assert why_of(refused, error, is_quoted=True) == "rejected_by_vendor: HTTP 400"


@pytest.mark.parametrize(
    ("url", "host", "port", "named", "prefix", "is_tls"),
    [
        ("http://a.example/v1/", "a.example", 80, "a.example", "/v1", False),
        ("https://a.example/v1", "a.example", 443, "a.example", "/v1", True),
        ("http://u:p@a.example:81", "a.example", 81, "a.example:81", "", False),
        ("http://[::1]:82/x", "::1", 82, "[::1]:82", "/x", False),
    ],
)
def test_a_base_url_is_taken_apart(
    url: str, host: str, port: int, named: str, prefix: str, *, is_tls: bool
) -> None:
    origin, host_header, path = origin_of(channel(), url)
    assert (origin.host, origin.port, host_header, path) == (host, port, named, prefix)
    assert (origin.tls is not None) is is_tls


@pytest.mark.parametrize(
    ("url", "ca_file"),
    [
        ("ftp://x/v1", ""),
        ("x.example/v1", ""),
        ("http:///v1", ""),
        ("https://x", "/nowhere.pem"),
        ("http://x:99999/v1", ""),
        ("http://[bad/v1", ""),
    ],
)
def test_a_useless_base_url_is_a_mistake_of_the_configuration(url: str, ca_file: str) -> None:
    with pytest.raises(ConfigError, match="channel c1"):
        origin_of(channel(ca_file=ca_file), url)


TABLE = ErrorTable(
    (ErrorRow("out_of_money", code="1113"), ErrorRow("out_of_money", 200, "1008")),
    ("base_resp.status_code",),
)
EMPTY = b'{"base_resp":{"status_code":1008}}'


def refused(**changes: Any) -> Attempt:
    fields = {
        "candidate": SimpleNamespace(channel=channel(errors=TABLE)),
        "dialect": DIALECT,
        "headers": {},
        "body": b"",
        "is_seen": False,
    }
    return attempt(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": 429, "body": b'{"error":{"code":"1113"}}'}, "upstream_out_of_money"),
        ({"status": 429, "body": b'{"error":{"code":"1302"}}'}, "upstream_rate_limited"),
        ({"status": 200, "body": EMPTY}, "upstream_out_of_money"),
        ({"meter": meter(refused=EMPTY)}, "upstream_out_of_money"),
        ({"meter": meter(refused=b"")}, ""),
        ({"status": 200, "body": b'{"base_resp":{"status_code":0}}'}, ""),
        ({"status": 0}, ""),
        ({"status": 429, "is_client_gone": True}, ""),
        ({"status": 200, "body": EMPTY, "is_client_gone": True}, ""),
    ],
)
def test_what_a_vendor_refused_goes_by_its_own_table(changes: dict[str, Any], code: str) -> None:
    found = refusal_of(refused(**changes), Answer(None))
    assert (found.error.code if found else "") == code


ERROR = b'{"error":{"code":"1113","message":"m"}}'


@pytest.mark.parametrize("body", [ERROR, b'{"error":{"code":"other","message":"m"}}'])
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_in_the_dialects_own_shape_goes_by_the_table_too(
    body: bytes, stream: bool
) -> None:
    changes = {"meter": meter(refused=body)} if stream else {"body": body}
    found = refusal_of(refused(**changes), Answer(None, error="m"))
    assert (found.error.code if found else "") == ("upstream_out_of_money" if body is ERROR else "")


def test_without_a_table_statuses_speak() -> None:
    without = SimpleNamespace(channel=channel())
    assert refusal_of(refused(candidate=without, body=EMPTY), Answer(None)) is None
    found = refusal_of(refused(candidate=without, status=503), Answer(None))
    assert found is not None and found.error.code == "upstream_unavailable"


@pytest.mark.parametrize(
    ("changes", "usage", "is_free"),
    [
        ({}, None, True),
        ({}, Usage(), True),
        ({}, Usage(10, 1), False),
        ({"is_seen": True, "meter": meter(refused=EMPTY)}, None, False),
    ],
)
def test_what_was_done_before_a_refusal_is_not_free(
    changes: dict[str, Any], usage: Usage | None, is_free: bool
) -> None:
    found = refusal_of(refused(body=EMPTY, **changes), Answer(usage))
    assert found is not None and found.is_free is is_free
