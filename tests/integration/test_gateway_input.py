"""Bad input: a JSON error in OpenAI's shape, nothing upstream, nothing booked."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from gateway_rig import BODY, PATH, Rig

from steelyard.testing.worker import KEY

MESSAGES = b'"messages":[{"role":"user","content":"hi"}]'
GOOD = b'{"model":"model-a",' + MESSAGES + b"}"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig() as rig:
        yield rig


def _with(field: bytes) -> bytes:
    return GOOD[:-1] + b"," + field + b"}"


BODIES = {
    "empty": b"",
    "no JSON": b"hello",
    "cut": GOOD[:-3],
    "two values": GOOD + GOOD,
    "a list": b"[1]",
    "a string": b'"model-a"',
    "null": b"null",
    "no messages": b'{"model":"model-a"}',
    "messages empty": b'{"model":"model-a","messages":[]}',
    "messages a string": b'{"model":"model-a","messages":"hi"}',
    "message without role": b'{"model":"model-a","messages":[{"content":"hi"}]}',
    "content a number": b'{"model":"model-a","messages":[{"role":"user","content":7}]}',
    "no model": b"{" + MESSAGES + b"}",
    "model a number": b'{"model":1,' + MESSAGES + b"}",
    "model null": b'{"model":null,' + MESSAGES + b"}",
    "model twice": _with(b'"model":"other"'),
    "model twice, escaped": _with(b'"\\u006dodel":"other"'),
    "max_tokens twice": _with(b'"max_tokens":5,"max_tokens":500000'),
    "stream a string": _with(b'"stream":"yes"'),
    "max_tokens negative": _with(b'"max_tokens":-1'),
    "max_tokens zero": _with(b'"max_tokens":0'),
    "max_tokens absurd": _with(b'"max_tokens":1000000000000'),
    "max_tokens past 64 bits": _with(b'"max_tokens":99999999999999999999999'),
    "max_tokens a string": _with(b'"max_tokens":"12"'),
    "max_tokens a fraction": _with(b'"max_tokens":1.5'),
    "max_completion_tokens negative": _with(b'"max_completion_tokens":-5'),
    "n zero": _with(b'"n":0'),
    "n absurd": _with(b'"n":100000'),
    "NaN": _with(b'"temperature":NaN'),
    "Infinity": _with(b'"temperature":-Infinity'),
    "lone surrogate": _with(b'"user":"\\ud800"'),
    "no UTF-8": _with(b'"user":"\xff\xfe"'),
    "UTF-8 surrogate": _with(b'"user":"\xed\xa0\x80"'),
    "nested deeply": _with(b'"metadata":' + b"[" * 100_000 + b"]" * 100_000),
    "messages nested deeply": b'{"model":"model-a","messages":' + b"[" * 9999 + b"]" * 9999 + b"}",
    "tools an object": _with(b'"tools":{}'),
    "control character": _with(b'"user":"a\x00b"'),
    "NUL bytes": b"\x00" * 64,
}
PARAMS = {
    "no messages": "messages",
    "messages empty": "messages",
    "no model": "model",
    "model a number": "model",
    "max_tokens negative": "max_tokens",
    "n zero": "n",
    "stream a string": "stream",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused(rig: Rig, name: str) -> None:
    answer = rig.post(BODIES[name])
    assert answer.status_code == 400, answer.text[:300]
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["type"] == "invalid_request_error"
    assert 0 < len(error["message"]) < 400
    assert error["param"] == PARAMS.get(name, error["param"])


def test_nothing_of_it_went_anywhere(rig: Rig) -> None:
    for body in BODIES.values():
        rig.post(body)
    assert rig.vendor.requests_received == 0
    assert rig.journal() == []
    assert rig.metric("steelyard_calls_refused_total") >= len(BODIES)
    assert rig.metric("steelyard_internal_errors_total") == 0


def _answer(sock: socket.socket) -> tuple[int, dict[str, object]]:
    with sock, sock.makefile("rb") as file:
        status = int(file.readline().split()[1])
        length = 0
        while line := file.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return status, json.loads(file.read(length))["error"]


HEAD = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n".encode()


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (HEAD + b"x-long: " + b"a" * 1_000_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (HEAD + b"content-length: 104857600\r\n\r\n", 413, "body_too_large"),
        (HEAD + b"content-length: -5\r\n\r\n", 400, None),
        (HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello", 400, None),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400, None),
        (b"GARBAGE\r\n\r\n", 400, None),
    ],
    ids=["1 MB header", "100 MB body", "signed length", "two lengths", "bad chunk", "garbage"],
)
def test_bad_http_is_refused_in_the_same_shape(
    rig: Rig, request_bytes: bytes, status: int, code: str | None
) -> None:
    sock = socket.create_connection(rig.worker.socket.getsockname(), timeout=5)
    try:
        sock.sendall(request_bytes)
    except ConnectionError:
        pass  # the refusal came while we were still sending
    found, error = _answer(sock)
    assert found == status
    assert error["code"] == (code or error["code"])
    assert error["message"]
    assert rig.vendor.requests_received == 0


def test_a_bad_call_does_not_harm_the_connection(rig: Rig) -> None:
    before = rig.vendor.requests_received
    for _ in range(3):
        assert rig.post(b"{").status_code == 400
    assert rig.post(BODY | {"model": "unknown"}).status_code == 404
    assert rig.vendor.requests_received == before
