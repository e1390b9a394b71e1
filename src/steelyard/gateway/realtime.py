"""``GET /v1/realtime``: from the client's offer of a WebSocket to a session with a vendor.

Mirrors the exchange: who asks, what may answer, a reservation and an intent before anything is
sent, the next offer where one refuses. The vendor is asked first; the client is answered 101 only
when it has agreed. What follows is ``realtime_session``.
"""

from __future__ import annotations

import base64
import logging
import os
import time
from collections.abc import Sequence
from urllib.parse import parse_qs

from steelyard.dialects.base import Answer
from steelyard.dialects.openai_realtime import REALTIME, told_model
from steelyard.domain.calls import Outcome, Why, attempt_id
from steelyard.domain.errors import (
    ConfigError,
    InvalidRequest,
    LimitError,
    NoOffer,
    Overloaded,
    RateMissing,
    SteelyardError,
    UpstreamError,
    UpstreamUnavailable,
)
from steelyard.gateway import choose
from steelyard.gateway.channels import spoken_of
from steelyard.gateway.gate import authenticate
from steelyard.gateway.heads import answer_head, forwarded, refusal_head
from steelyard.gateway.realtime_booking import Books, Standing, Turn
from steelyard.gateway.realtime_opening import Opening, client_headers, upgrade_request
from steelyard.gateway.realtime_session import Session, Times
from steelyard.gateway.realtime_turns import Turns
from steelyard.gateway.relay import why_of
from steelyard.gateway.replay import Failed, Replay, learn
from steelyard.gateway.snapshot import PolicyEntry
from steelyard.gateway.state import WorkerState
from steelyard.gateway.steps import pause
from steelyard.gateway.view import Candidate
from steelyard.wire.errors import BadRequest
from steelyard.wire.server import Reply, Request
from steelyard.wire.upstream import Handle
from steelyard.wire.websocket import accept_of, protocols_of, read_key

log = logging.getLogger(__name__)

PROTOCOL = b"realtime"
"""The subprotocol that clients are answered, if they offer it."""
NOTHING = Answer(None)


class Realtime:
    """One session's way through the gateway."""

    __slots__ = (
        "_books",
        "_headers",
        "_key",
        "_offer",
        "_policy",
        "_reply",
        "_request",
        "_state",
        "_times",
        "_why",
    )

    _key: bytes
    _policy: PolicyEntry

    def __init__(
        self, state: WorkerState, request: Request, reply: Reply, times: Times | None = None
    ) -> None:
        self._state = state
        self._request = request
        self._reply = reply
        self._headers = client_headers(request.headers)
        self._books = Books(state, reply)
        self._times = times or Times()
        self._why = Why.FIRST.value
        self._offer = ""

    async def run(self) -> None:
        """Serves the session to its end, whatever happens, and raises nothing."""
        counters = self._state.counters
        counters.calls += 1
        counters.active += 1
        try:
            session = await self._open()
            if session is not None:
                await session.ended
        except SteelyardError as error:
            self._refuse(error)
        except Exception:  # noqa: BLE001 - the outermost frame: a fault of ours must not hang a client
            counters.internal_errors += 1
            log.exception("a realtime session failed")
            self._refuse(SteelyardError("The gateway failed; the fault is ours and was logged."))
        finally:
            counters.active -= 1

    def _enter(self) -> Sequence[Candidate]:
        """Learns who asks for what, and who may answer, best first.

        Raises:
            SteelyardError: the session is refused.
        """
        state, headers = self._state, self._headers
        if not self._request.is_websocket:
            told = "A realtime session is a WebSocket: ask for the upgrade."
            raise _with_status(426, InvalidRequest(told, code="upgrade_required"))
        try:
            self._key = read_key(headers)
            query = parse_qs(self._request.query.decode(), max_num_fields=16)
        except BadRequest as bad:
            raise _with_status(bad.status, InvalidRequest(bad.message, code=bad.code)) from bad
        except ValueError as error:
            raise InvalidRequest("The query is malformed.") from error
        if state.is_draining:
            raise Overloaded("The gateway restarts; try again.", retry_after_s=1.0)
        view, at_ns = state.view, time.time_ns()
        principal = authenticate(headers, view, state.revoked, at_ns)
        call = REALTIME.session(told_model(query))
        if state.is_background:
            state.link.send("busy")
        task = headers.get(b"x-steelyard-task", b"").decode("latin-1")
        wanted = choose.resolve(call.model, task, principal.task, view)
        self._books.serves(call.model, wanted.task_name)
        policy = self._policy = choose.policy_of(wanted, principal, view)
        return choose.pick(call, wanted, policy, state.health, (at_ns, state.clock()))

    async def _open(self) -> Session | None:
        """A session with the first vendor that agrees; None if the client left meanwhile."""
        kept = self._enter()
        replay = Replay(self._policy)
        position = 0
        while True:
            candidate = kept[position]
            begun = await self._try(candidate)
            if not isinstance(begun, Failed):
                return begun
            has_others = position + 1 < len(kept)
            step = replay.after(candidate.name, begun, self._books.attempts, has_others=has_others)
            if step is None or not self._reply.is_open:
                raise replay.error()
            self._why = step.why
            if step.delay_s:
                await pause(self._state.wheel, step.delay_s)
            else:
                position += 1

    async def _try(self, candidate: Candidate) -> Session | Failed | None:
        """Asks one vendor for a session."""
        state = self._state
        self._offer = candidate.name
        try:
            view = state.view
            way = state.channels.way(candidate, REALTIME, view)
            names_model = "{model}" in spoken_of(candidate.channel, REALTIME).path
            if way.signing is not None:
                raise ConfigError(f"{candidate.name}: realtime sessions cannot be signed")
            standing = self._stand()
            turn = await self._books.open(standing, self._why)
        except (LimitError, UpstreamError, NoOffer, RateMissing) as error:
            return Failed(error, goes_on=True)
        except ConfigError as error:
            log.error("%s", error)
            return Failed(UpstreamUnavailable(f"{candidate.name} is misconfigured."), goes_on=True)
        key = base64.b64encode(os.urandom(16))
        model = "" if names_model else candidate.entry.upstream_model
        head = way.head + forwarded(self._headers, REALTIME.carriage.forwards, way.names)
        if candidate.channel.sends_attempt_id:
            intent = turn.attempt.intent
            told = attempt_id(intent.incarnation, intent.sequence, intent.attempt)
            head += b"x-steelyard-attempt: %b\r\n" % told.encode()
        opening = Opening(accept_of(key))
        await opening.asks(self._reply, way, upgrade_request(head, model, key))
        return self._conclude(opening, turn)

    def _conclude(self, opening: Opening, turn: Turn) -> Session | Failed | None:
        """Begins the session that a vendor agreed to; or books that it did not."""
        if opening.is_agreed:
            return self._begin(opening.handle, turn)
        candidate = turn.standing.candidate
        turn.attempt.status = opening.status
        refusal = opening.refusal(candidate)
        error = refusal.error if refusal is not None else opening.error()
        detail = why_of(turn.attempt, error, is_quoted=refusal is not None)
        # Nothing can be asked of a vendor before it agrees, so nothing can have been done.
        outcome = Outcome.REFUSED if opening.status else Outcome.NOT_SENT
        if opening.is_client_gone:
            detail, outcome = "client gone", Outcome.NOT_SENT
        self._books.settle(turn, NOTHING, outcome, detail)
        if opening.is_client_gone:
            return None
        when = error.code, self._state.clock(), Why.FIRST.value
        learn(self._state.health, candidate.channel, outcome, refusal, when)
        goes_on = refusal is None or refusal.tries_others or not refusal.is_free
        return Failed(error, goes_on=goes_on)

    def _begin(self, handle: Handle, turn: Turn) -> Session | None:
        """Answers the client 101 and joins both ends."""
        candidate = turn.standing.candidate
        self._state.health.succeeded(candidate.channel.name)
        lines = b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: %b\r\n"
        kind = lines % accept_of(self._key)
        if PROTOCOL in protocols_of(self._request.headers):
            kind += b"sec-websocket-protocol: %b\r\n" % PROTOCOL
        self._reply.flow = self._reply.on_gone = None
        head = answer_head(kind, candidate.answer_head, turn.attempt.intent)
        line = self._reply.upgrade(head)
        if line is None:
            handle.cancel()
            self._books.settle(turn, NOTHING, Outcome.NOT_SENT, "client gone")
            return None
        turns = Turns(self._books, self._stand, turn, self._state.clock)
        drains = self._policy.drain_on_disconnect
        session = Session(self._state, turns, self._times, drains=drains)
        session.connect(line, handle)
        return session

    def _stand(self) -> Standing:
        """Who pays and for which offer, as of now: keys, limits and prices change in an hour.

        Raises:
            SteelyardError: the key is no longer valid, or the offer is gone.
        """
        state = self._state
        view = state.view
        principal = authenticate(self._headers, view, state.revoked, time.time_ns())
        candidate = view.candidate(self._offer)
        if candidate is None:
            raise NoOffer(f"{self._offer} is no longer offered.")
        return Standing(view, principal, candidate)

    def _refuse(self, error: SteelyardError) -> None:
        reply = self._reply
        call, attempts = self._books.call_id, self._books.attempts
        if not attempts:
            self._state.counters.refused[error.code] += 1
        if not reply.is_open or reply.is_started:
            return
        head = refusal_head(call, attempts, error.retry_after_s)
        if error.status == 426:
            head += b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
        reply.respond(error.status, head, REALTIME.write_error(error, call))


def _with_status(status: int, error: InvalidRequest) -> InvalidRequest:
    error.status = status
    return error
