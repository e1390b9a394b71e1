"""From an offered WebSocket to a session: who is refused how, and which vendor is asked next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.plain_core import FEATURES, channel, core, offer, save
from gateway.plain_session import Desk
from steelyard.gateway.realtime import Realtime
from steelyard.gateway.realtime_opening import Opening
from steelyard.gateway.steps import start
from steelyard.gateway.view import View
from steelyard.wire.call import Failure

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {
    b"authorization": b"Bearer sk-one",
    b"sec-websocket-key": KEY,
    b"sec-websocket-version": b"13",
    b"sec-websocket-protocol": b"realtime",
}
SPEAKS = {"features": FEATURES | {"realtime"}}
LOST = Failure("connect", "connect", is_sent=False, has_head=False, detail="")
Answering = Callable[[Opening], None]


class Line:
    """A client that was answered 101."""

    def __init__(self) -> None:
        self.is_write_paused = False

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class Reply:
    def __init__(self) -> None:
        self.is_open, self.is_started = True, False
        self.on_gone: Any = None
        self.flow: Any = None
        self.status, self.head, self.body = 0, b"", b""
        self.line: Any = Line()

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        self.is_started = True
        self.status, self.head, self.body = status, head, body

    def upgrade(self, head: bytes) -> Any:
        self.is_started = True
        self.status, self.head = 101, head
        return self.line

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


class Channels:
    """Ways to vendors that answer by script, in order."""

    def __init__(self, answers: list[Answering]) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.signing: object = None

    def way(self, candidate: Any, *_: object) -> Any:
        head = b"POST /v1/realtime HTTP/1.1\r\nhost: %b\r\n" % candidate.channel.name.encode()
        return SimpleNamespace(
            pool=self, head=head, names=frozenset(), stream_timeouts=None, signing=self.signing
        )

    def send(self, request: bytes, sink: Opening, timeouts: object, *, is_upgrade: bool) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0)
        # As the wire has it: nothing is said before this returned.
        asyncio.get_running_loop().call_soon(answer, sink)
        return SimpleNamespace(cancel=lambda: None, sink=sink, flow=None)


class Play:
    def __init__(self, tmp_path: Any, *answers: Answering, **changes: Any) -> None:
        self.desk = Desk()
        offers = [offer(f"c{n}/m", **SPEAKS, rank_input=float(n)) for n in (1, 2)]
        if "features" in changes:
            offers = [offer(features=changes.pop("features"))]
        paths = {f"c{n}": channel(f"c{n}", sends_attempt_id=n == 1) for n in (1, 2, 3)}
        save(tmp_path, core(*offers, channels=paths))
        state: Any = self.desk.state
        state.view = View.load(tmp_path)
        state.channels = self.channels = Channels(list(answers))
        for name, value in changes.items():
            setattr(state, name, value)
        self.reply = Reply()

    def run(
        self, query: bytes = b"model=m", *, is_websocket: bool = True, **headers: bytes
    ) -> Realtime:
        named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        request = SimpleNamespace(
            headers=HEADERS | named, query=query, is_websocket=is_websocket, path=b"/v1/realtime"
        )
        realtime = Realtime(self.desk.state, cast(Any, request), cast(Any, self.reply))

        async def scene() -> None:
            start(realtime.run())
            for _ in range(20):
                await asyncio.sleep(0)

        asyncio.run(scene())
        return realtime

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(s.outcome, s.detail) for s in self.desk.journal.settlements]


def agree(sink: Opening) -> None:
    sink.on_head(101, {b"sec-websocket-accept": sink._accept, b"upgrade": b"websocket"})


def refuse(status: int) -> Answering:
    def answer(sink: Opening) -> None:
        sink.on_head(status, {})
        sink.on_body(b'{"error":{"message":"no"}}')
        sink.on_end()

    return answer


def fail(sink: Opening) -> None:
    sink.on_failed(LOST)


def test_a_session_begins_when_the_vendor_agreed(tmp_path) -> None:
    play = Play(tmp_path, agree)
    play.run(openai_beta=b"realtime=v1")
    [request] = play.channels.requests
    assert request.startswith(b"GET /v1/realtime?model=served HTTP/1.1\r\nhost: c1\r\n")
    assert b"\r\nopenai-beta: realtime=v1\r\nx-steelyard-attempt: c-1-7-1\r\n" in request
    assert KEY not in request
    assert play.reply.status == 101
    assert play.reply.head == (
        b"upgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"sec-websocket-protocol: realtime\r\nx-steelyard-offer: c1/m\r\n"
        b"x-steelyard-attempts: 1\r\nx-steelyard-call: c-1-7\r\n"
    )
    assert play.desk.state.counters.active == 1
    assert play.outcomes == []


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"is_websocket": False}, 426, "upgrade_required"),
        ({"sec_websocket_version": b"8"}, 426, "websocket_version"),
        ({"sec_websocket_key": b"x"}, 400, "websocket_key"),
        ({"query": b"&".join([b"a=b"] * 99)}, 400, "invalid_request"),
        ({"query": b""}, 400, "invalid_request"),
        ({"query": b"model=nobody"}, 404, "model_not_found"),
        ({"authorization": b"Bearer sk-nobody"}, 401, "invalid_api_key"),
    ],
)
def test_who_is_refused_hears_why(tmp_path, options: Any, status: int, code: str) -> None:
    play = Play(tmp_path)
    play.run(**options)
    assert (play.reply.status, play.reply.code) == (status, code)
    assert (b"sec-websocket-version: 13\r\n" in play.reply.head) is (status == 426)
    assert play.desk.state.counters.refused[code] == 1
    assert play.desk.journal.intents == []


def test_a_worker_that_stops_begins_no_session(tmp_path) -> None:
    play = Play(tmp_path, is_draining=True)
    play.run()
    assert (play.reply.status, play.reply.code) == (503, "overloaded")


def test_only_offers_of_sessions_take_any(tmp_path) -> None:
    play = Play(tmp_path, features=FEATURES)
    play.run()
    assert play.reply.code == "unsupported"


@pytest.mark.parametrize(
    ("first", "outcome"),
    [(refuse(401), "refused"), (refuse(502), "refused"), (fail, "not_sent")],
)
def test_the_next_offer_is_asked(tmp_path, first: Answering, outcome: str) -> None:
    play = Play(tmp_path, first, agree)
    play.run()
    assert [request.split(b"\r\n")[1] for request in play.channels.requests] == [
        b"host: c1",
        b"host: c2",
    ]
    assert b"x-steelyard-attempt" not in play.channels.requests[1]
    assert [told for told, _ in play.outcomes] == [outcome]
    assert [i.why for i in play.desk.journal.intents] == ["first", "fallback"]
    assert b"x-steelyard-attempts: 2\r\n" in play.reply.head


def test_a_mistake_of_the_callers_is_not_tried_elsewhere(tmp_path) -> None:
    play = Play(tmp_path, refuse(400))
    play.run()
    assert (play.reply.status, play.reply.code) == (400, "rejected_by_vendor")
    assert b"x-steelyard-call: c-1-7\r\n" in play.reply.head
    assert play.outcomes == [("refused", "rejected_by_vendor: HTTP 400")]


def test_when_all_failed_all_are_told_of(tmp_path) -> None:
    play = Play(tmp_path, fail, refuse(503))
    play.run()
    assert (play.reply.status, play.reply.code) == (502, "all_offers_failed")


def test_a_channel_whose_requests_are_signed_has_no_sessions(tmp_path) -> None:
    play = Play(tmp_path)
    play.channels.signing = "some"
    play.run()
    assert (play.reply.status, play.channels.requests) == (502, [])


def test_a_client_that_left_is_booked_as_nothing(tmp_path) -> None:
    def leaves(sink: Opening) -> None:
        play.reply.is_open = False
        play.reply.on_gone()

    play = Play(tmp_path, leaves)
    play.run()
    assert (play.reply.status, play.outcomes) == (0, [("not_sent", "client gone")])

    play = Play(tmp_path, agree)
    play.reply.line = None
    play.run()
    assert play.outcomes == [("not_sent", "client gone")]
    assert play.desk.state.counters.active == 0


def test_a_fault_of_ours_hangs_nobody(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    play = Play(tmp_path)
    play.channels.way = None  # type: ignore[assignment, method-assign]
    play.run()
    assert (play.reply.status, play.reply.code) == (500, "internal_error")
    assert play.desk.state.counters.internal_errors == 1
    assert "a realtime session failed" in caplog.text


def test_a_session_stands_on_what_holds_now(tmp_path) -> None:
    play = Play(tmp_path, agree)
    realtime = play.run()
    assert realtime._stand().candidate.name == "c1/m"
    save(tmp_path, core(offer("c2/m", **SPEAKS)))
    state: Any = play.desk.state
    state.view = View.load(tmp_path)
    with pytest.raises(Exception, match="no longer offered"):
        realtime._stand()
