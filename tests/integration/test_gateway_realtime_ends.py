"""How realtime sessions end: a budget, a limit, a key, a vendor, a client, a worker, silence."""

from __future__ import annotations

import threading

import pytest
from gateway_rig import BUDGET
from realtime_rig import (
    ASK,
    UNUSED,
    WORST,
    RealtimeRig,
    Vendor,
    answering,
    ask,
    begin,
    cost_of,
    delta,
    done,
    events_until_close,
    listen,
    usage_of,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.server import ServerConnection

from steelyard.domain.accounts import hash_secret
from steelyard.domain.usage import Usage
from steelyard.gateway.snapshot import Meter, PolicyEntry
from steelyard.testing.worker import ACCOUNT, KEY, StandInControl

FIRST = usage_of(10, 20, 7)
SCOPE = f"account:{ACCOUNT}"


def test_a_budget_that_runs_out_ends_the_session_with_a_reason() -> None:
    """Room for the worst case once, and what the first response left is too little for another."""
    control = StandInControl({SCOPE: WORST + cost_of(FIRST) - 1}, step=1)
    with (
        Vendor(answering(FIRST, FIRST)) as vendor,
        RealtimeRig(vendor, control=control, meters=(BUDGET,)) as rig,
    ):
        with rig.session() as client:
            client.recv()
            client.send(ASK)
            events, code, reason = events_until_close(client)
        assert [event["type"] for event in events] == [
            "response.created",
            "response.output_text.delta",
            "response.done",
            "error",
        ]
        error = events[-1]["error"]
        assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
        assert (code, reason) == (1008, "insufficient_quota")
        [turn] = rig.turns(1)
        assert (turn[0], turn[3]) == ("completed", cost_of(FIRST))


def test_a_budget_too_small_for_one_response_refuses_the_session() -> None:
    control = StandInControl({SCOPE: WORST - 1}, step=1)
    with (
        Vendor(answering()) as vendor,
        RealtimeRig(vendor, control=control, meters=(BUDGET,)) as rig,
    ):
        with pytest.raises(InvalidStatus) as caught, rig.session():
            pass
        assert caught.value.response.status_code == 402
        assert (rig.journal(), vendor.requests) == ([], [])


def test_a_budget_is_used_to_its_last_response() -> None:
    control = StandInControl({SCOPE: WORST + 2 * cost_of(FIRST)}, step=1)
    with (
        Vendor(answering(*[FIRST] * 5)) as vendor,
        RealtimeRig(vendor, control=control, meters=(BUDGET,)) as rig,
    ):
        with rig.session() as client:
            for _ in range(2):
                ask(client)
            client.send(ASK)
            assert events_until_close(client)[1] == 1008
        assert sum(turn[3] for turn in rig.turns(3)) == 3 * cost_of(FIRST)


def test_a_request_limit_counts_responses() -> None:
    meter = Meter(SCOPE, "requests", 2, "", "account demo, minute")
    control = StandInControl({SCOPE: 2}, step=1)
    with (
        Vendor(answering(FIRST, FIRST, FIRST)) as vendor,
        RealtimeRig(vendor, control=control, meters=(meter,)) as rig,
    ):
        with rig.session() as client:
            ask(client)
            client.send(ASK)
            events, code, reason = events_until_close(client)
        assert (code, reason) == (1008, "rate_limit_exceeded")
        assert events[-1]["error"]["type"] == "rate_limit_error"
        assert [turn[0] for turn in rig.turns(2)] == ["completed", "completed"]


def test_a_key_that_is_revoked_gets_no_further_response() -> None:
    with Vendor(answering(FIRST, FIRST)) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            client.recv()
            rig.call(lambda: rig.control.tell("revoked", [hash_secret(KEY.encode())]))
            rig.until(lambda: rig.post().status_code == 401)
            client.send(ASK)
            events, code, reason = events_until_close(client)
        assert (code, reason) == (1008, "invalid_api_key")
        assert events[-1]["error"]["code"] == "invalid_api_key"
        assert [turn[0] for turn in rig.turns(1)] == ["completed"]


def test_a_vendor_that_dies_in_a_response_is_said_and_the_response_booked_as_seen() -> None:
    def script(vendor: ServerConnection) -> None:
        done(vendor, 0, FIRST)
        begin(vendor, 1)
        delta(vendor, 1, "x" * 100)
        vendor.socket.shutdown(2)

    with Vendor(script) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            events, code, _ = events_until_close(client)
        assert code == 1011
        assert events[-1]["error"]["code"] == "upstream_unavailable"
        completed, cut = rig.turns(2)
        assert completed[0] == "completed"
        # The context of the response before, and a hundred bytes at 0.3 tokens each.
        assert cut[:3] == ("cut", "estimated", Usage(39, 30))


def test_a_client_that_dies_in_a_response_is_booked_as_seen() -> None:
    told = threading.Event()

    def script(vendor: ServerConnection) -> None:
        begin(vendor, 1)
        delta(vendor, 1, "x" * 10)
        listen(vendor)
        told.set()

    with Vendor(script) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            client.recv()
            client.recv()
            client.socket.shutdown(2)
            assert rig.turns(1)[0][:3] == ("client_gone", "estimated", Usage(1, 3))
        assert told.wait(5)


def test_a_client_that_leaves_a_policy_that_drains_is_booked_as_the_vendor_says() -> None:
    gone = threading.Event()

    def script(vendor: ServerConnection) -> None:
        begin(vendor, 1)
        gone.wait(5)
        done(vendor, 1, FIRST)
        listen(vendor)

    policy = PolicyEntry(drain_on_disconnect=True)
    with Vendor(script) as vendor, RealtimeRig(vendor, policy=policy) as rig:
        with rig.session() as client:
            client.recv()
            client.socket.shutdown(2)
            rig.until(lambda: rig.metric("steelyard_calls_active") == 1)
            gone.set()
        [turn] = rig.turns(1)
        assert (turn[0], turn[1], turn[3]) == ("completed", "reported", cost_of(FIRST))


def test_a_worker_that_ends_lets_the_response_under_way_end_first() -> None:
    stopping, going_on = threading.Event(), threading.Event()

    def script(vendor: ServerConnection) -> None:
        begin(vendor, 1)
        going_on.wait(5)
        done(vendor, 1, FIRST)
        listen(vendor)

    with Vendor(script) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            client.recv()
            assert rig.worker.process is not None
            rig.worker.process.terminate()
            stopping.wait(0.2)
            going_on.set()
            events, code, _ = events_until_close(client)
        assert ([event["type"] for event in events], code) == (["response.done"], 1001)
        assert [turn[3] for turn in rig.turns(1)] == [cost_of(FIRST)]
        # Waited for and not told again: the second signal may come when nobody listens any more.
        assert rig.worker.process.wait(20) == 0


def test_a_worker_that_ends_closes_sessions_that_are_silent() -> None:
    with Vendor(answering()) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            client.recv()
            assert rig.worker.process is not None
            rig.worker.process.terminate()
            assert events_until_close(client)[1] == 1001
        assert rig.turns(1) == [UNUSED]


def test_a_vendor_that_falls_silent_in_a_response_is_given_up_on() -> None:
    def script(vendor: ServerConnection) -> None:
        begin(vendor, 1)
        listen(vendor)

    with (
        Vendor(script) as vendor,
        RealtimeRig(vendor, timeouts=(2.0, 5.0, 0.3, 30.0)) as rig,
    ):
        with rig.session(ping_interval=None) as client:
            events, code, reason = events_until_close(client)
        assert (code, reason) == (1011, "upstream_timeout")
        assert events[-1]["type"] == "error"
        assert [turn[0] for turn in rig.turns(1)] == ["cut"]


def test_a_session_may_be_silent_for_longer_than_a_response() -> None:
    with (
        Vendor(answering(FIRST)) as vendor,
        RealtimeRig(vendor, timeouts=(2.0, 0.3, 0.2, 0.5)) as rig,
    ):
        with rig.session(ping_interval=None) as client:
            client.recv()
            with pytest.raises(TimeoutError):
                client.recv(timeout=0.8)
            client.send(ASK)
            for _ in range(3):
                client.recv(timeout=5)
        assert [turn[0] for turn in rig.turns(2)] == ["completed", "not_sent"]


def test_either_side_may_close_politely() -> None:
    def script(vendor: ServerConnection) -> None:
        vendor.recv()
        vendor.close(4000, "enough")

    with Vendor(script) as vendor, RealtimeRig(vendor) as rig:
        with rig.session() as client:
            client.send(ASK)
            assert events_until_close(client) == ([], 4000, "enough")
        with rig.session() as client:
            client.close(4001, "my turn")
            with pytest.raises(ConnectionClosed) as caught:
                client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4001
        assert rig.turns(2) == [UNUSED, UNUSED]
