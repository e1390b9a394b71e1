"""Asking after what was ordered: the vendor's own answer, under our id, and the books told the end.

Nothing here is billed. How far an order is goes to the client as it comes; that it is over goes to
control too, which corrects the line that was booked when it was ordered. A client that asks again,
or another worker, says the same again: control books it once.
"""

from __future__ import annotations

import logging
import time

from steelyard import dialects
from steelyard.dialects.openai_chat import DIALECT as OPENAI_CHAT
from steelyard.dialects.orders import Asking, OrderDialect, Ordered, ordering, unseal
from steelyard.domain.errors import (
    ConfigError,
    RequestError,
    SteelyardError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from steelyard.gateway.channels import secret_of
from steelyard.gateway.gate import authenticate
from steelyard.gateway.heads import JSON_TYPE, answer_type, refusal_head
from steelyard.gateway.ordering import order_key
from steelyard.gateway.reading import masked
from steelyard.gateway.state import WorkerState
from steelyard.gateway.view import Candidate
from steelyard.wire.call import Failure, Timeouts
from steelyard.wire.server import Reply, Request

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 8 << 20
"""Nobody needs more to say how far an order is; what it made may be of any length."""
_ID_END = b"/"


class Poll:
    """A path at which clients ask, taken apart."""

    __slots__ = ("dialect", "end", "is_first", "poll", "start")

    def __init__(self, dialect: OrderDialect, poll: str, *, is_first: bool) -> None:
        self.dialect = dialect
        self.poll = poll
        self.is_first = is_first
        start, _, end = poll.partition("{id}")
        self.start, self.end = start.encode(), end.encode()

    def id_in(self, path: bytes) -> str:
        """The id in a path, or empty text where the path is another one."""
        if not (path.startswith(self.start) and path.endswith(self.end)):
            return ""
        found = path[len(self.start) : len(path) - len(self.end)]
        return "" if _ID_END in found else found.decode("latin-1")


def polls() -> tuple[Poll, ...]:
    """All paths at which clients ask after orders."""
    known = filter(None, map(ordering, dialects.available().values()))
    return tuple(
        Poll(dialect, poll, is_first=not place)
        for dialect in known
        for place, poll in enumerate(dialect.carriage.polls)
    )


class Polling:
    """One such request; a ``wire`` sink."""

    def __init__(self, state: WorkerState, poll: Poll, request: Request, reply: Reply) -> None:
        self._state = state
        self._poll = poll
        self._request = request
        self._reply = reply
        self._kept: list[bytes] = []
        self._bytes = 0
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._is_kept = True
        self._ordered: Ordered | None = None
        self._ours = ""
        self._secret = ""

    def run(self) -> None:
        """Sends the question on, or answers why not; never waits."""
        try:
            self._send()
        except ConfigError as error:
            log.error("%s", error)
            self._refuse(UpstreamUnavailable("The order's channel is misconfigured."))
        except SteelyardError as error:
            self._refuse(error)

    def _send(self) -> None:
        state, request = self._state, self._request
        view, at_ns = state.view, time.time_ns()
        principal = authenticate(request.headers, view, state.revoked, at_ns)
        self._ours = self._poll.id_in(request.path)
        ordered = self._ordered = unseal(self._ours, order_key(view))
        candidate = view.candidate(ordered.offer)
        dialect = ordering(dialects.available().get(ordered.dialect))
        is_own = ordered.account_id == principal.account_id
        if dialect is None or candidate is None or not is_own:
            raise _unknown("There is no order of that id here.")
        # Vendors may share a path: the order itself says whose it is.
        asked = dialect.asking(self._poll.poll, request.method.decode("latin-1"), ordered.vendor_id)
        if asked is None:
            wrong = RequestError("The order does not take that method.", code="method_not_allowed")
            wrong.status = 405
            raise wrong
        self._is_kept = self._poll.is_first
        self._ask(candidate, dialect, asked, at_ns)

    def _ask(self, candidate: Candidate, dialect: OrderDialect, asked: Asking, at_ns: int) -> None:
        state, channel = self._state, candidate.channel
        pool, sent = state.channels.asking(candidate, dialect, state.view, asked, at_ns)
        self._secret = secret_of(channel, state.view)
        timeouts = Timeouts(
            connect_s=channel.timeout_connect_s,
            first_byte_s=channel.timeout_first_byte_s,
            idle_s=channel.timeout_idle_s,
            total_s=channel.timeout_total_s,
        )
        handle = pool.send(sent, self, timeouts)
        self._reply.flow = handle
        self._reply.on_gone = handle.cancel

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Begins the client's answer, where it is not to be read first."""
        self._status, self._headers = status, headers
        if status != 200:
            self._is_kept = True
        if not self._is_kept:
            self._reply.start(200, answer_type(headers))

    def on_body(self, data: bytes) -> None:
        """Hands on what was made; keeps what tells how far it is."""
        if not self._is_kept:
            self._reply.write(data)
            return
        self._bytes += len(data)
        if self._bytes <= ANSWER_BYTES_MAX:
            self._kept.append(data)

    def on_end(self) -> None:
        """Ends the client's answer, and tells control when the order is over."""
        reply, ordered = self._reply, self._ordered
        if not self._is_kept:
            reply.end()
            return
        dialect = ordering(dialects.available().get(ordered.dialect)) if ordered else None
        body = b"".join(self._kept)
        if ordered is None or dialect is None or self._bytes > ANSWER_BYTES_MAX:
            self._refuse(UpstreamUnavailable("The vendor's answer is too long."))
            return
        if self._status != 200:
            error = dialect.read_error(self._status, self._headers, body).error
            error.message = masked(error.message, self._secret)
            self._refuse(error)
            return
        progress = dialect.read_progress(body)
        if progress.is_over:
            usage = None if progress.usage is None else list(progress.usage)
            key = [ordered.incarnation, ordered.sequence, ordered.attempt, ordered.called_at_ns]
            self._state.link.send("order", key, progress.is_done, usage)
        reply.respond(200, JSON_TYPE, dialect.renamed(body, ordered.vendor_id, self._ours))

    def on_failed(self, failure: Failure) -> None:
        """Says so to the client."""
        if self._reply.is_started:
            self._reply.abort()
        elif failure.kind == "timeout":
            self._refuse(UpstreamTimeout("The vendor did not answer in time."))
        else:
            self._refuse(UpstreamUnavailable(f"The vendor cannot be asked ({failure.kind})."))

    def _refuse(self, error: SteelyardError) -> None:
        if self._reply.is_open and not self._reply.is_started:
            head = refusal_head("", 0, error.retry_after_s)
            self._reply.respond(error.status, head, OPENAI_CHAT.write_error(error, ""))


def _unknown(message: str) -> RequestError:
    error = RequestError(message, code="order_not_found")
    error.status = 404
    return error
