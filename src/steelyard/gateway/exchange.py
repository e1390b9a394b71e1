"""One call from request to settlement: the only place with a call's control flow.

An exchange is owned by the worker, not by the connection: a client that leaves, a time-out or a
SIGTERM can end an attempt but can never take its settlement with it, since no wait stands between
the end of an attempt and the journal.
"""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from steelyard.dialects.base import Call, Dialect, Refusal
from steelyard.domain.calls import Outcome, Why, call_id
from steelyard.domain.entries import Intent
from steelyard.domain.errors import (
    AllOffersFailed,
    CredentialRejected,
    LimitError,
    Overloaded,
    SteelyardError,
    UpstreamError,
    UpstreamRejected,
)
from steelyard.domain.money import format_pico
from steelyard.gateway import choose
from steelyard.gateway.gate import Lease, Reservation, authenticate
from steelyard.gateway.meter import StreamMeter
from steelyard.gateway.relay import Attempt, error_of, outcome_of
from steelyard.gateway.settle import Ended, settlement_of
from steelyard.gateway.snapshot import PolicyEntry, RatePeriod
from steelyard.gateway.state import WorkerState
from steelyard.gateway.steps import Signal
from steelyard.gateway.view import Candidate, Principal, View
from steelyard.pricebook.book import quote
from steelyard.wire.server import Reply, Request

log = logging.getLogger(__name__)

JSON_TYPE = b"content-type: application/json\r\n"
STREAM_TYPE = b"content-type: text/event-stream\r\ncache-control: no-cache\r\n"
TOP_UP_WAIT_S = 0.05
"""How long a call waits for a lease that has run dry."""
FIRST_LEASE_WAIT_S = 1.0
"""How long it waits for the first lease of a limit, which control may have to look up."""
RETRY_DELAY_S = 0.2
RETRY_DELAY_MAX_S = 2.0
MESSAGE_TOKENS_MAX = 16
"""Upper bound of what a chat template adds per message."""
IMAGE_TOKENS_MAX = 4096
"""Upper bound per image, over all vendors whose rules are known."""


_NOT_HEALED = (CredentialRejected, UpstreamRejected, LimitError)
"""What waiting a moment does not change, so that the same offer is not tried again."""


class Asked(NamedTuple):
    """A call that was let in: who, what, and from where it is served."""

    view: View
    principal: Principal
    call: Call
    wanted: choose.Wanted
    policy: PolicyEntry
    why: Why
    at_ns: int


class Failed(NamedTuple):
    """An attempt that gave the client nothing."""

    error: SteelyardError
    goes_on: bool
    """Whether another attempt is allowed."""


class Exchange:
    """One call's way through the gateway."""

    __slots__ = ("_attempts", "_costs", "_dialect", "_reply", "_request", "_sequence", "_state")

    def __init__(
        self, state: WorkerState, dialect: Dialect, request: Request, reply: Reply
    ) -> None:
        self._state = state
        self._dialect = dialect
        self._request = request
        self._reply = reply
        self._sequence = 0
        self._attempts = 0
        self._costs: dict[str, int] = {}

    async def run(self) -> None:
        """Answers the call, whatever happens; raises nothing."""
        state = self._state
        state.counters.calls += 1
        state.counters.active += 1
        try:
            asked = self._ask()
            await self._serve(asked)
        except SteelyardError as error:
            self._refuse(error)
        except Exception:  # noqa: BLE001 - the outermost frame: a fault of ours must not hang a client
            state.counters.internal_errors += 1
            log.exception("call %s failed", self.call_id)
            self._refuse(SteelyardError("The gateway failed; the fault is ours and was logged."))
        finally:
            state.counters.active -= 1

    @property
    def call_id(self) -> str:
        """The call's id, or empty text before its first attempt."""
        return call_id(self._state.incarnation, self._sequence) if self._sequence else ""

    def _ask(self) -> Asked:
        state, headers = self._state, self._request.headers
        view, at_ns = state.view, time.time_ns()
        principal = authenticate(headers, view, state.revoked, at_ns)
        call = self._dialect.read(self._request.body)
        task = headers.get(b"x-steelyard-task", b"").decode("latin-1")
        why = Why.WEIGH if headers.get(b"x-steelyard-why") == b"weigh" else Why.FIRST
        if state.is_background and why is Why.FIRST:
            state.link.send("busy")
        wanted = choose.resolve(call.model, task, principal.task, view)
        policy = principal.policy
        if wanted.task is not None and wanted.task.policy:
            policy = view.policy(wanted.task.policy)
        return Asked(view, principal, call, wanted, policy, why, at_ns)

    async def _serve(self, asked: Asked) -> None:
        """Tries offers, best first, until one answers or trying on is not allowed."""
        state = self._state
        now = (asked.at_ns, state.clock())
        ranking = choose.rank(asked.call, asked.wanted, asked.policy, state.health, now)
        if not ranking.kept:
            raise choose.explain(asked.call, asked.wanted, ranking)
        retries_left = asked.policy.retries_max
        attempts_max = asked.policy.attempts_max
        failures: list[tuple[str, SteelyardError]] = []
        position, why = 0, asked.why
        while True:
            candidate = ranking.kept[position]
            failed = await self._try(asked, candidate, why)
            if failed is None:
                return
            failures.append((candidate.name, failed.error))
            if not failed.goes_on or self._attempts >= attempts_max or not self._reply.is_open:
                break
            if position + 1 < len(ranking.kept):
                position, why = position + 1, Why.FALLBACK
                continue
            if isinstance(failed.error, _NOT_HEALED):
                break
            delay_s = failed.error.retry_after_s or RETRY_DELAY_S
            if not retries_left or delay_s > RETRY_DELAY_MAX_S or not self._attempts:
                break
            retries_left, why = retries_left - 1, Why.RETRY
            await self._pause(delay_s)
        raise _all_failed(failures)

    async def _try(self, asked: Asked, candidate: Candidate, why: Why) -> Failed | None:
        """One attempt: reserve, write down, send, wait, settle, answer."""
        state, call = self._state, asked.call
        at_ns = asked.at_ns if not self._attempts else time.time_ns()
        period = candidate.period_at(at_ns)
        if period is None:
            return Failed(UpstreamError(f"{candidate.name} has no price now"), goes_on=True)
        cap, output_bound = _output(asked, candidate)
        input_bound = (
            call.body_bytes + MESSAGE_TOKENS_MAX * call.messages + IMAGE_TOKENS_MAX * call.images
        )
        quoted = quote(period.prices, period.denominator, input_bound, output_bound)
        try:
            way = state.channels.way(candidate.channel, self._dialect.path, asked.view)
            reservation = await self._reserve(asked, (quoted, candidate.entry.currency), at_ns)
        except (LimitError, UpstreamError) as error:
            return Failed(error, goes_on=True)
        defaults = asked.view.defaults(asked.wanted.task)
        body = self._dialect.write(call, candidate.entry.upstream_model, cap, defaults)
        intent = self._intend(asked, candidate, why, (at_ns, quoted, output_bound), reservation)
        meter = StreamMeter(self._dialect, not call.wants_usage) if call.is_stream else None
        attempt = Attempt(self._reply, self._dialect, meter, state.clock)
        attempt.send(
            way.pool,
            self._render(way.head, intent, candidate, body),
            way.stream_timeouts if call.is_stream else way.plain_timeouts,
            self._answer_head(candidate, STREAM_TYPE) if call.is_stream else b"",
            asked.policy.drain_on_disconnect,
        )
        await attempt.done
        attempt.detach()
        return self._conclude(asked, (candidate, period, intent), attempt, reservation)

    async def _reserve(self, asked: Asked, quoted: tuple[int, str], at_ns: int) -> Reservation:
        """A reservation of the quote; waits a moment for leases that are short.

        Raises:
            LimitError: a limit is used up, or cannot be checked.
        """
        state = self._state
        meters = asked.principal.meters
        deadline_s = 0.0
        while True:
            now_s = state.clock()
            got = state.leases.admit(
                meters, quoted, asked.view, (at_ns, now_s), counts_request=not self._attempts
            )
            if isinstance(got, Reservation):
                return got
            if not deadline_s:
                is_first = any(not lease.lease_id for lease, _ in got)
                deadline_s = now_s + (FIRST_LEASE_WAIT_S if is_first else TOP_UP_WAIT_S)
            elif now_s >= deadline_s:
                raise Overloaded(
                    "Limits could not be checked in time; try again.",
                    code="limits_unavailable",
                    retry_after_s=1.0,
                )
            await self._top_up([lease for lease, _ in got], deadline_s - now_s)

    async def _top_up(self, leases: list[Lease], wait_s: float) -> None:
        asking = [lease for lease in leases if lease.is_asking]
        if not asking:
            return
        answered: Signal[None] = Signal()
        for lease in asking:
            lease.waiters.append(answered)
        timer = self._state.wheel.after(wait_s, lambda: answered.fire(None))
        await answered
        timer.cancel()

    async def _pause(self, delay_s: float) -> None:
        passed: Signal[None] = Signal()
        self._state.wheel.after(delay_s, lambda: passed.fire(None))
        await passed

    def _intend(
        self,
        asked: Asked,
        candidate: Candidate,
        why: Why,
        quoted: tuple[int, int, int],
        reservation: Reservation,
    ) -> Intent:
        """Writes the intent; ``quoted`` is (instant, pico-units, output tokens).

        Raises:
            JournalFull: there is no room; the reservation is given back.
        """
        state, call, principal = self._state, asked.call, asked.principal
        entry, channel = candidate.entry, candidate.channel
        if not self._sequence:
            self._sequence = next(state.sequence)
        at_ns, reserved, output_bound = quoted
        intent = Intent(
            state.incarnation,
            self._sequence,
            self._attempts + 1,
            why.value,
            at_ns,
            principal.key_id,
            principal.account_id,
            principal.account_path,
            asked.wanted.task_name[:128],
            self._dialect.name,
            call.model[:128],
            entry.name,
            entry.model,
            channel.name,
            channel.vendor,
            asked.view.revision,
            reservation.uses,
            reserved,
            entry.currency,
            int(call.body_bytes * entry.tokens_per_byte) + 1,
            output_bound,
            call.is_stream,
        )
        try:
            state.journal.append_intent(intent)
        except SteelyardError:
            reservation.release()
            raise
        self._attempts += 1
        return intent

    def _conclude(
        self,
        asked: Asked,
        tried: tuple[Candidate, RatePeriod, Intent],
        attempt: Attempt,
        reservation: Reservation,
    ) -> Failed | None:
        """Settles an attempt that has ended and answers the client, or says why not."""
        candidate, period, intent = tried
        answer = attempt.answer()
        refusal: Refusal | None = None
        if attempt.status and attempt.status != 200 and not attempt.is_client_gone:
            refusal = self._dialect.read_error(attempt.status, attempt.headers, attempt.body)
            outcome = Outcome.REFUSED if refusal.is_free else Outcome.CUT
        else:
            outcome = outcome_of(attempt, answer)
        error = refusal.error if refusal is not None else None
        if error is None and outcome is not Outcome.COMPLETED:
            error = error_of(attempt, answer)
        detail = f"{error.code}: {error.message}" if error is not None else ""
        if outcome is Outcome.CLIENT_GONE:
            detail = "client gone"
        ended = Ended(intent, attempt, answer, outcome, candidate, period, detail)
        self._settle(ended, reservation, asked.view)
        self._judge(candidate, outcome, refusal, detail)
        if error is None:
            self._answer(candidate, attempt)
            return None
        if not self._reply.is_open:
            return None
        if self._reply.is_started:
            self._break_off(error)
            return None
        return Failed(error, goes_on=_goes_on(outcome, refusal, asked.policy))

    def _settle(self, ended: Ended, reservation: Reservation, view: View) -> None:
        state = self._state
        settlement = settlement_of(ended, reservation, view, state.clock())
        state.journal.append_settlement(settlement)
        counters = state.counters
        counters.attempts[settlement.outcome] += 1
        counters.input_tokens += settlement.usage.input_tokens
        counters.output_tokens += settlement.usage.output_tokens
        currency = settlement.currency
        self._costs[currency] = self._costs.get(currency, 0) + settlement.cost_pico

    def _judge(
        self, candidate: Candidate, outcome: Outcome, refusal: Refusal | None, detail: str
    ) -> None:
        """Tells health what the attempt says about its channel."""
        health, name, now_s = self._state.health, candidate.channel.name, self._state.clock()
        if refusal is not None:
            if refusal.cools:
                rest_s = refusal.error.retry_after_s or (1.0 if refusal.is_free else None)
                health.failed(name, detail, now_s, rest_s)
        elif outcome is Outcome.COMPLETED:
            health.succeeded(name)
        elif outcome is not Outcome.CLIENT_GONE:
            health.failed(name, detail, now_s)

    def _answer(self, candidate: Candidate, attempt: Attempt) -> None:
        """Gives the client the rest of a stream, or the whole of a plain answer."""
        reply = self._reply
        if attempt.meter is None:
            head = self._answer_head(candidate, JSON_TYPE, with_cost=True)
            reply.respond(200, head, attempt.body)
            return
        if not reply.is_started:
            reply.start(200, self._answer_head(candidate, STREAM_TYPE))
        reply.end(self._cost_comment())

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
        head = JSON_TYPE
        if self._sequence:
            head += b"x-steelyard-call: %b\r\nx-steelyard-attempts: %d\r\n" % (
                self.call_id.encode(),
                self._attempts,
            )
        if error.retry_after_s is not None:
            head += b"retry-after: %d\r\n" % max(1, round(error.retry_after_s + 0.499))
        reply.respond(error.status, head, self._dialect.write_error(error, self.call_id))

    def _render(self, head: bytes, intent: Intent, candidate: Candidate, body: bytes) -> bytes:
        """The whole request for one attempt."""
        if not candidate.channel.sends_attempt_id:
            return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        return b"%bx-steelyard-attempt: c-%x-%x-%d\r\ncontent-length: %d\r\n\r\n%b" % (
            head,
            intent.incarnation,
            intent.sequence,
            intent.attempt,
            len(body),
            body,
        )

    def _answer_head(self, candidate: Candidate, kind: bytes, *, with_cost: bool = False) -> bytes:
        head = b"%b%b%d\r\nx-steelyard-call: c-%x-%x\r\n" % (
            kind,
            candidate.answer_head,
            self._attempts,
            self._state.incarnation,
            self._sequence,
        )
        return b"%bx-steelyard-cost: %b\r\n" % (head, self._cost().encode()) if with_cost else head

    def _cost(self) -> str:
        """What all attempts of this call cost, exactly, by currency."""
        return ", ".join(f"{format_pico(pico)} {code}" for code, pico in self._costs.items())

    def _cost_comment(self) -> bytes:
        return f": steelyard call={self.call_id} cost={self._cost()}\n\n".encode()


def _output(asked: Asked, candidate: Candidate) -> tuple[int, int]:
    """Output cap to put into the request (0 for none) and the most tokens that may come back."""
    call, entry = asked.call, candidate.entry
    output_max = call.output_max
    if output_max is None and asked.wanted.task is not None and "max_tokens" not in call.fields:
        output_max = asked.wanted.task.settings.get("max_tokens")
    if output_max is not None:
        return 0, output_max * call.choices
    if not asked.principal.has_hard_budget:
        return 0, entry.output_tokens_max * call.choices
    cap = min(
        asked.policy.output_tokens_default or entry.output_tokens_max, entry.output_tokens_max
    )
    return cap, cap * call.choices


def _goes_on(outcome: Outcome, refusal: Refusal | None, policy: PolicyEntry) -> bool:
    """Whether another attempt is allowed after this one, by the replay rules."""
    if refusal is not None:
        return refusal.tries_others or (policy.replay_uncertain and not refusal.is_free)
    if outcome is Outcome.NOT_SENT:
        return True
    return policy.replay_uncertain and outcome is Outcome.UNCERTAIN


def _all_failed(failures: list[tuple[str, SteelyardError]]) -> SteelyardError:
    """The error for the client: that of the only offer, or all of them in one line."""
    last = failures[-1][1]
    if len({offer for offer, _ in failures}) == 1 or all(
        isinstance(error, LimitError) for _, error in failures
    ):
        return last
    told = "; ".join(f"{offer}: {error.message[:160]}" for offer, error in failures)
    return AllOffersFailed(f"Every offer failed ({told}).", retry_after_s=last.retry_after_s)
