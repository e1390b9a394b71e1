"""One call from request to settlement: the only place with a call's control flow.

An exchange is owned by the worker, not by the connection: a client that leaves, a time-out or a
SIGTERM can end an attempt but can never take its settlement with it, since no wait stands between
the end of an attempt and the journal.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from steelyard.dialects.base import Answer, Call, Dialect
from steelyard.domain.calls import Outcome, Why, call_id
from steelyard.domain.entries import Intent
from steelyard.domain.errors import (
    ConfigError,
    LimitError,
    Overloaded,
    RateMissing,
    SteelyardError,
    Unsupported,
    UpstreamError,
    UpstreamUnavailable,
)
from steelyard.domain.offers import ChannelKind
from steelyard.gateway import choose
from steelyard.gateway.bounds import output_bound, worst_case
from steelyard.gateway.bridging import bridge_of, meter_of, spoken_by, told
from steelyard.gateway.capturing import capture
from steelyard.gateway.gate import authenticate
from steelyard.gateway.heads import (
    JSON_TYPE,
    STREAM_TYPE,
    answer_head,
    answer_type,
    cost_text,
    forwarded,
    refusal_head,
    request_bytes,
)
from steelyard.gateway.leases import Lease, Reservation
from steelyard.gateway.reading import read_attempt
from steelyard.gateway.relay import Attempt, error_of, outcome_of, why_of
from steelyard.gateway.replay import Failed, Replay, goes_on, learn
from steelyard.gateway.settle import settlement_of
from steelyard.gateway.snapshot import PolicyEntry
from steelyard.gateway.state import WorkerState
from steelyard.gateway.steps import pause
from steelyard.gateway.view import Candidate, Principal, View
from steelyard.wire.server import Reply, Request

log = logging.getLogger(__name__)

_make = tuple.__new__
# An enum's value is looked up by Python code; these are needed on every call.
_FIRST, _PROBE, _COMPLETED = Why.FIRST.value, Why.PROBE.value, Outcome.COMPLETED.value
_WHYS: dict[bytes | None, str] = {b"weigh": Why.WEIGH.value, b"supply": Why.SUPPLY.value}

TOP_UP_WAIT_S = 0.25
"""How long a call waits for a lease that ran dry; control answers in a few ms when not busy."""
FIRST_LEASE_WAIT_S = 1.0
"""How long it waits for the first lease of a limit, which control may have to look up."""


class Exchange:
    """One call's way through the gateway."""

    __slots__ = (
        "_at_ns",
        "_attempts",
        "_call",
        "_costs",
        "_dialect",
        "_policy",
        "_principal",
        "_reply",
        "_request",
        "_sequence",
        "_state",
        "_view",
        "_wait_until_s",
        "_wanted",
        "_why",
    )

    _view: View
    _principal: Principal
    _call: Call
    _wanted: choose.Wanted
    _policy: PolicyEntry

    def __init__(
        self, state: WorkerState, dialect: Dialect, request: Request, reply: Reply
    ) -> None:
        self._state = state
        self._dialect = dialect
        self._request = request
        self._reply = reply
        self._sequence = 0
        self._attempts = 0
        self._why = _FIRST
        self._wait_until_s = 0.0
        self._costs: dict[str, int] = {}

    async def run(self) -> None:
        """Answers the call, whatever happens, and raises nothing; all its waits stand here."""
        counters = self._state.counters
        counters.calls += 1
        counters.active += 1
        try:
            kept = self._enter()
            replay: Replay | None = None
            position = 0
            while True:
                begun = self._begin(kept[position])
                if isinstance(begun, Attempt):
                    await begun.done
                    failed = self._conclude(begun)
                    if failed is None:
                        return
                elif isinstance(begun, list):
                    await self._top_up(begun)
                    continue
                else:
                    failed = begun
                replay = replay or Replay(self._policy)
                offer, has_others = kept[position].name, position + 1 < len(kept)
                step = replay.after(offer, failed, self._attempts, has_others=has_others)
                if step is None or not self._reply.is_open:
                    raise replay.error()
                self._why = step.why
                if step.delay_s:
                    await pause(self._state.wheel, step.delay_s)
                else:
                    position += 1
        except SteelyardError as error:
            self._refuse(error)
        except Exception:  # noqa: BLE001 - the outermost frame: a fault of ours must not hang a client
            counters.internal_errors += 1
            log.exception("call %s failed", self.call_id)
            self._refuse(SteelyardError("The gateway failed; the fault is ours and was logged."))
        finally:
            counters.active -= 1

    @property
    def call_id(self) -> str:
        """The call's id, or empty text before its first attempt."""
        return call_id(self._state.incarnation, self._sequence) if self._sequence else ""

    def _enter(self) -> Sequence[Candidate]:
        """Learns who asks for what, and who may answer, best first.

        Raises:
            SteelyardError: the call is refused.
        """
        state, headers = self._state, self._request.headers
        view = self._view = state.view
        at_ns = self._at_ns = time.time_ns()
        principal = self._principal = authenticate(headers, view, state.revoked, at_ns)
        kind, task = headers.get(b"content-type", b""), headers.get(b"x-steelyard-task")
        call = self._call = self._dialect.read(self._request.body, kind)
        why = headers.get(b"x-steelyard-why") if principal.is_ours else None
        if why in _WHYS:
            self._why = _WHYS[why]
        elif why == b"probe" and call.model.startswith(choose.OFFER):
            # What the offer claims is what is in question, so it is not held to that.
            self._why, call.needs = _PROBE, frozenset()
        elif state.is_background:
            state.link.send("busy")
        wanted = self._wanted = choose.resolve(
            call.model, task.decode("latin-1") if task else "", principal.task, view
        )
        policy = self._policy = choose.policy_of(wanted, principal, view)
        return choose.pick(call, wanted, policy, state.health, (at_ns, state.clock()))

    def _begin(self, candidate: Candidate) -> Attempt | Failed | list[Lease]:
        """Begins one attempt: reserves, writes down, sends. Or says what is short, or why not."""
        state, call, view, entry = self._state, self._call, self._view, candidate.entry
        if self._attempts:
            self._at_ns = time.time_ns()
        period = candidate.period_at(self._at_ns)
        if period is None:
            return Failed(UpstreamError(f"{candidate.name} has no price now"), goes_on=True)
        task, is_capped = self._wanted.task, self._principal.holder.has_hard_budget
        cap, output_max = output_bound(call, entry, task, self._policy, is_capped=is_capped)
        reserved = worst_case(call, candidate, period, output_max, self._at_ns)
        try:
            spoken = spoken_by(candidate, self._dialect)
            way = state.channels.way(candidate, spoken, view, call.is_stream)
            now_s = self._at_ns // 10**9
            bridge = bridge_of(self._dialect, spoken, call, candidate, now_s)
            if bridge is not None:
                body = bridge.write(call, candidate, cap, view.defaults(task))
                if self._policy.dropped == "refuse" and bridge.loses():
                    raise bridge.refusal(candidate)
            else:
                body = spoken.write(call, entry.upstream_model, cap, view.defaults(task))
            head = way.head_of(call, body, self._at_ns)
            if bridge is None and spoken.carriage.forwards:
                head += forwarded(self._request.headers, spoken.carriage.forwards, way.names)
            reservation = self._reserve(reserved, candidate)
        except (LimitError, UpstreamError, RateMissing, Unsupported) as error:
            return Failed(error, goes_on=True)
        except ConfigError as error:
            # Our operator's mistake: not the caller's, and no reason to keep from other offers.
            log.error("%s", error)
            return Failed(UpstreamUnavailable(f"{candidate.name} is misconfigured."), goes_on=True)
        if isinstance(reservation, list):
            return reservation
        intent = self._intend(candidate, reserved, output_max, reservation)
        attempt = Attempt(self._reply, spoken, state.clock)
        attempt.tier, attempt.bridge, attempt.extras = call.tier, bridge, call.extras
        attempt.secret = way.secret
        attempt.books(candidate, period, intent, reservation)
        request = request_bytes(head, intent, body, candidate.channel.sends_attempt_id)
        drains = self._policy.drain_on_disconnect
        if call.is_stream:
            attempt.streams(
                meter_of(call, candidate, spoken, bridge),
                told(bridge, answer_head(STREAM_TYPE, candidate.answer_head, attempt.intent)),
            )
            attempt.send(way.pool, request, way.stream_timeouts, drains)
        else:
            attempt.send(way.pool, request, way.plain_timeouts, drains)
        return attempt

    def _reserve(self, reserved: int, candidate: Candidate) -> Reservation | list[Lease]:
        """A reservation, or the leases to wait for.

        Raises:
            LimitError: a limit is used up, or cannot be checked in time.
        """
        now_s = self._state.clock()
        got = self._state.leases.take(
            self._principal.holder,
            (reserved, candidate.entry.currency),
            self._view.core.exchange,
            (self._at_ns, now_s),
            counts_request=not self._attempts,
        )
        if isinstance(got, Reservation):
            self._wait_until_s = 0.0
            return got
        leases = [lease for lease, _ in got]
        if not self._wait_until_s:
            is_first = any(not lease.lease_id for lease in leases)
            self._wait_until_s = now_s + (FIRST_LEASE_WAIT_S if is_first else TOP_UP_WAIT_S)
        elif now_s >= self._wait_until_s:
            self._wait_until_s = 0.0
            unknown = "Limits could not be checked in time; try again."
            raise Overloaded(unknown, code="limits_unavailable", retry_after_s=1.0)
        return leases

    async def _top_up(self, leases: list[Lease]) -> None:
        """Waits until one of the leases has an answer, or too long."""
        waiters = [lease.waiters for lease in leases if lease.is_asking]
        if waiters:
            left_s = max(0.0, self._wait_until_s - self._state.clock())
            await pause(self._state.wheel, left_s, waiters)

    def _intend(
        self, candidate: Candidate, reserved: int, output_max: int, reservation: Reservation
    ) -> Intent:
        """Writes the intent; ``reserved`` is in pico-units, ``output_max`` in tokens.

        Raises:
            JournalFull: there is no room; the reservation is given back.
        """
        state, call, principal = self._state, self._call, self._principal
        entry, channel = candidate.entry, candidate.channel
        if not self._sequence:
            self._sequence = next(state.sequence)
        # Made as the bare tuple it is: a named tuple's own constructor costs three times as much.
        intent = _make(
            Intent,
            (
                state.incarnation,
                self._sequence,
                self._attempts + 1,
                self._why,
                self._at_ns,
                principal.key_id,
                principal.account_id,
                principal.account_path,
                self._wanted.task_name[:128],
                self._dialect.name,
                call.model[:128],
                entry.name,
                entry.model,
                channel.name,
                channel.vendor,
                self._view.revision,
                reservation.uses,
                reserved,
                entry.currency,
                int(call.body_bytes * entry.tokens_per_byte) + 1,
                output_max,
                call.is_stream,
            ),
        )
        try:
            state.journal.append_intent(intent)
        except SteelyardError:
            reservation.release()
            raise
        self._attempts += 1
        return intent

    def _conclude(self, attempt: Attempt) -> Failed | None:
        """Settles an attempt that has ended and answers the client, or says why not."""
        attempt.detach()
        answer, refusal = read_attempt(attempt)
        outcome = outcome_of(attempt, answer)
        if refusal is not None:
            outcome = Outcome.REFUSED if refusal.is_free else Outcome.CUT
        if outcome is Outcome.COMPLETED:
            self._settle(attempt, answer, _COMPLETED, "")
            self._state.health.succeeded(attempt.candidate.channel.name)
            self._answer(attempt)
            if self._principal.policy.captures:
                self._capture()
            return None
        error = refusal.error if refusal is not None else error_of(attempt, answer)
        detail = "client gone"
        if outcome is not Outcome.CLIENT_GONE:
            is_quoted = refusal is not None or bool(answer.error)
            detail = why_of(attempt, error, is_quoted=is_quoted)
        self._settle(attempt, answer, outcome.value, detail)
        # Its code alone: the vendor's words were for this client, and a rest is told to everybody.
        failed = error.code, self._state.clock(), self._why
        learn(self._state.health, attempt.candidate.channel, outcome, refusal, failed)
        if not self._reply.is_open:
            return None
        if self._reply.is_started:
            self._break_off(error)
            return None
        is_own = attempt.candidate.channel.kind == ChannelKind.EMBEDDED.value
        return Failed(error, goes_on=goes_on(outcome, refusal, self._policy, is_own=is_own))

    def _settle(self, attempt: Attempt, answer: Answer, outcome: str, detail: str) -> None:
        """Writes the settlement; from here on the attempt is booked."""
        state = self._state
        settlement = settlement_of(
            attempt, answer, (outcome, detail), self._view.core.exchange, state.clock()
        )
        state.journal.append_settlement(settlement)
        counters = state.counters
        counters.attempts[outcome] += 1
        usage = settlement.usage
        counters.input_tokens += usage.input_tokens
        counters.output_tokens += usage.output_tokens
        currency, costs = settlement.currency, self._costs
        costs[currency] = costs.get(currency, 0) + settlement.cost_pico

    def _answer(self, attempt: Attempt) -> None:
        """Gives the client the rest of a stream, or the whole of a plain answer."""
        reply, candidate = self._reply, attempt.candidate
        if attempt.meter is None:
            is_json = attempt.dialect.carriage.is_json
            kind = JSON_TYPE if is_json else answer_type(attempt.headers)
            head = answer_head(kind, candidate.answer_head, attempt.intent, cost_text(self._costs))
            reply.respond(200, told(attempt.bridge, head), self._shown(attempt))
            return
        if not reply.is_started:
            head = answer_head(STREAM_TYPE, candidate.answer_head, attempt.intent)
            reply.start(200, told(attempt.bridge, head))
        if closing := attempt.meter.closing():
            reply.write(closing)
        reply.end(self._cost_comment())

    def _capture(self) -> None:
        came = self._dialect.name, self._wanted.task_name, self._sequence
        capture(self._state.link, self._principal, self._call, self._request, came)

    def _shown(self, attempt: Attempt) -> bytes:
        return attempt.bridge.shown if attempt.bridge is not None else attempt.body

    def _break_off(self, error: SteelyardError) -> None:
        """Ends a stream that has begun: an error event, the cost, a clean end."""
        self._reply.write(self._dialect.write_error_event(error, self.call_id))
        self._reply.end(self._cost_comment())

    def _refuse(self, error: SteelyardError) -> None:
        """Answers with an error, in the dialect's shape."""
        if not self._attempts:
            self._state.counters.refused[error.code] += 1
        reply = self._reply
        if not reply.is_open:
            return
        if reply.is_started:
            self._break_off(error)
            return
        head = refusal_head(self.call_id, self._attempts, error.retry_after_s)
        reply.respond(error.status, head, self._dialect.write_error(error, self.call_id))

    def _cost_comment(self) -> bytes:
        return f": steelyard call={self.call_id} cost={cost_text(self._costs)}\n\n".encode()
