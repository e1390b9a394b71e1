"""Clients that leave, and clients that read slowly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_rig import BODY, PATH, Rig, raw_request, reset

from steelyard.gateway.snapshot import PolicyEntry
from steelyard.testing.replies import Answer, Fault

PATIENT = (2.0, 20.0, 20.0, 60.0)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig(timeouts=PATIENT) as rig:
        yield rig


@pytest.fixture(scope="module")
def draining() -> Iterator[Rig]:
    with Rig(timeouts=PATIENT, policy=PolicyEntry(drain_on_disconnect=True)) as rig:
        yield rig


def _leave(sock: socket.socket, how: str) -> None:
    if how == "reset":
        reset(sock)
    else:
        sock.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_client_gone_before_the_first_byte(rig: Rig, stream: bool, how: str) -> None:
    before, asked, left = len(rig.journal()), len(rig.vendor.received), len(rig.vendor.abandoned)
    rig.script(Fault("hang"))
    sock = rig.send_raw(raw_request(BODY | {"stream": stream}))
    rig.until(lambda: len(rig.vendor.received) > asked)
    _leave(sock, how)
    settled = rig.until_settled(before + 1)[-1].settled
    assert (settled.outcome, settled.usage_source) == ("client_gone", "estimated")
    assert settled.usage.input_tokens > 0
    assert settled.usage.output_tokens == 0
    assert settled.cost_pico > 0
    # The vendor's work is ended, too.
    rig.until(lambda: len(rig.vendor.abandoned) > left)


def test_a_client_gone_in_mid_stream(rig: Rig) -> None:
    before, left = len(rig.journal()), len(rig.vendor.abandoned)
    rig.script(Answer(events=500, gap_s=0.01))
    sock = rig.open_stream()
    seen = b""
    while seen.count(b"word") < 10:
        seen += sock.recv(65536)
    reset(sock)
    settled = rig.until_settled(before + 1)[-1].settled
    assert (settled.outcome, settled.usage_source) == ("client_gone", "estimated")
    assert 10 <= settled.usage.output_tokens < 400
    rig.until(lambda: len(rig.vendor.abandoned) > left)


def test_a_client_gone_after_the_last_word_but_before_the_usage(rig: Rig) -> None:
    before = len(rig.journal())
    rig.script(Fault("hang-mid-stream", "6", Answer(events=4)))
    sock = rig.open_stream()
    seen = b""
    while b'"stop"' not in seen:
        seen += sock.recv(65536)
    sock.close()
    settled = rig.until_settled(before + 1)[-1].settled
    assert (settled.outcome, settled.usage_source) == ("client_gone", "estimated")
    assert settled.finish == "stop"
    assert settled.usage.output_tokens >= 4


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_policy_that_drains_learns_what_it_cost(draining: Rig, stream: bool) -> None:
    rig = draining
    before, asked = len(rig.journal()), len(rig.vendor.received)
    rig.script(Answer(events=30, gap_s=0.01, delay_s=0.2))
    sock = rig.send_raw(raw_request(BODY | {"stream": stream}))
    rig.until(lambda: len(rig.vendor.received) > asked)
    if stream:
        sock.recv(100)
    reset(sock)
    settled = rig.until_settled(before + 1)[-1].settled
    assert (settled.outcome, settled.usage_source) == ("completed", "reported")
    assert settled.usage.output_tokens == 30
    assert not rig.vendor.abandoned


def test_a_half_sent_call_is_nothing(rig: Rig) -> None:
    before, asked = len(rig.journal()), rig.vendor.requests_received
    for request in (raw_request(BODY)[:-5], f"POST {PATH} HTTP/1.1\r\nhost: x\r\n".encode()):
        rig.send_raw(request).close()
    assert rig.post().status_code == 200
    assert (len(rig.journal()), rig.vendor.requests_received) == (before + 1, asked + 1)


def test_pipelined_calls_are_answered_in_order(rig: Rig) -> None:
    rig.script(Answer(parts=("slow",), delay_s=0.1), Answer(parts=("quick",)))
    request = raw_request(BODY)
    closing = raw_request(BODY, "connection: close")
    with rig.send_raw(request + closing) as sock, sock.makefile("rb") as file:
        told = file.read()
    assert told.count(b"HTTP/1.1 200") == 2
    assert 0 < told.index(b"slow") < told.index(b"quick")


def _memory_mb(rig: Rig) -> float:
    assert rig.worker.process is not None
    status = Path(f"/proc/{rig.worker.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_a_slow_reader_holds_the_vendor_back_not_the_memory(rig: Rig) -> None:
    assert rig.post().status_code == 200
    before, settled = _memory_mb(rig), len(rig.journal())
    piece = "x" * 20_000
    rig.script(Answer(parts=(piece,) * 2000))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(10)
    sock.connect(rig.worker.socket.getsockname())
    sock.sendall(raw_request(BODY | {"stream": True}, "connection: close"))
    seen = len(sock.recv(65536))
    peak = before
    for _ in range(20):
        seen += len(sock.recv(65536))
        peak = max(peak, _memory_mb(rig))
    assert peak - before < 12
    with sock:
        while data := sock.recv(1 << 20):
            seen += len(data)
            peak = max(peak, _memory_mb(rig))
    assert seen > 40_000_000
    assert peak - before < 12
    assert rig.until_settled(settled + 1)[-1].settled.usage.output_tokens == 2000
