"""One attempt on the wire: the request to one offer, its answer on the way to the client.

A stream walks straight through: the upstream's bytes, the meter, the client's socket, with the
reader paused while the client is slow. A plain answer is kept whole, since its cost goes into its
head. Retries, fallbacks and booking are the exchange's; this file knows one attempt only.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from steelyard.dialects.base import Answer, Dialect, Refusal
from steelyard.dialects.error_table import ErrorTable, alarm
from steelyard.dialects.refusals import listed, refusal_in_200
from steelyard.domain.calls import Outcome, call_id
from steelyard.domain.entries import Intent
from steelyard.domain.errors import (
    ConfigError,
    DialectViolated,
    SteelyardError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from steelyard.gateway.bridging import Bridge
from steelyard.gateway.leases import Reservation
from steelyard.gateway.meter import StreamMeter
from steelyard.gateway.snapshot import ChannelEntry
from steelyard.gateway.steps import Signal
from steelyard.gateway.view import Candidate
from steelyard.pricebook.book import Period
from steelyard.wire.call import Failure, Origin, Timeouts
from steelyard.wire.errors import EventTooLong
from steelyard.wire.proxy import read_proxy
from steelyard.wire.reply import Reply
from steelyard.wire.tls import tls_context
from steelyard.wire.upstream import Handle, Pool

ANSWER_BYTES_MAX = 64 << 20
"""A plain answer longer than this is cut off."""


class Attempt:
    """One sending of a call to one offer; a ``wire`` sink."""

    __slots__ = (
        "_body",
        "_clock",
        "_drains",
        "_handle",
        "_head",
        "_reply",
        "bridge",
        "bytes_kept",
        "candidate",
        "dialect",
        "done",
        "extras",
        "failure",
        "first_byte_s",
        "headers",
        "intent",
        "is_client_gone",
        "is_whole",
        "meter",
        "period",
        "reservation",
        "secret",
        "started_s",
        "status",
        "tier",
        "violation",
    )

    candidate: Candidate
    period: Period
    """Prices that hold for it."""
    intent: Intent
    reservation: Reservation
    headers: dict[bytes, bytes]

    def __init__(self, reply: Reply, dialect: Dialect, clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._reply = reply
        self.dialect = dialect
        self._clock = clock
        self._head = b""
        self._handle: Handle | None = None
        self._body: list[bytes] = []
        self._drains = False
        self.meter: StreamMeter | None = None
        self.done: Signal[None] = Signal()
        self.status = 0
        self.bridge: Bridge | None = None
        """What translates, where the vendor speaks otherwise than the client."""
        self.tier = ""
        """Service tier asked for; empty for the ordinary one."""
        self.secret = ""
        """The channel's credential: a vendor may quote it, and then it goes no further."""
        self.extras: tuple[tuple[str, int], ...] = ()
        """Most of what is counted apart from tokens: what was asked for."""
        self.bytes_kept = 0
        self.failure: Failure | None = None
        self.violation = ""
        """How the answer broke the protocol; empty if it did not."""
        self.is_client_gone = False
        self.is_whole = False
        self.started_s = clock()
        self.first_byte_s = 0.0

    def books(
        self, candidate: Candidate, period: Period, intent: Intent, reservation: Reservation
    ) -> None:
        """Takes along what its settlement will need; ``bridge`` and ``extras`` come before it."""
        if self.bridge is not None:
            self.bridge.called(call_id(intent.incarnation, intent.sequence))
        self.candidate = candidate
        self.period = period
        self.intent = intent
        self.reservation = reservation

    def streams(self, meter: StreamMeter, head: bytes) -> None:
        """Expects a stream; ``head`` are the client's header lines should it begin."""
        self.meter = meter
        self._head = head

    def send(self, pool: Pool, request: bytes, timeouts: Timeouts, drains: bool) -> None:
        """Sends the request.

        ``drains``: read on to the end after the client has left, to learn the true usage.
        """
        self._drains = drains
        handle = self._handle = pool.send(request, self, timeouts)
        reply = self._reply
        reply.flow = handle
        reply.on_gone = self.on_gone
        if not reply.is_open:
            self.on_gone()

    @property
    def is_sent(self) -> bool:
        """Whether a byte of the request may have reached the vendor."""
        return self._handle is not None and self._handle.is_sent

    @property
    def is_seen(self) -> bool:
        """Whether the client was shown something of it."""
        return self._reply.is_started

    @property
    def body(self) -> bytes:
        """What was kept of the answer."""
        return b"".join(self._body)

    @property
    def is_streaming(self) -> bool:
        """Whether the answer is a stream that goes through the meter."""
        return self.meter is not None and self.status == 200

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Takes note of the answer's kind."""
        self.first_byte_s = self._clock()
        self.status = status
        self.headers = headers
        if self.meter is not None and status == 200:
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != self.dialect.carriage.stream_type:
                errors = self.candidate.channel.errors
                if errors is not None and errors.in_200:
                    # Not the stream it should be: kept whole, for it may say why not.
                    self.meter = None
                    self.violation = "asked for a stream, it is none"
                    return
                named = kind.decode("latin-1")[:64] or "nothing"
                self._break(f"asked for a stream, the answer's content type is {named}")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            self._break("asked for identity, the answer is encoded")

    def on_body(self, data: bytes) -> None:
        """Hands a stream's events on; keeps anything else."""
        meter = self.meter
        if meter is None or self.status != 200:
            self.bytes_kept += len(data)
            if self.bytes_kept > ANSWER_BYTES_MAX:
                self._break(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
                return
            self._body.append(data)
            return
        try:
            events = meter.feed(data)
        except EventTooLong as error:
            self._break(str(error))
            return
        if not events:
            return
        reply = self._reply
        if not reply.is_started:
            if meter.error:
                # Nothing is visible yet: the client shall get an error status, not a stream.
                self._break("")
                return
            reply.start(200, self._head)
        if meter.error and self.secret:
            # The vendor's own error goes to the client as it came, but for what is ours in it.
            events = events.replace(self.secret.encode("latin-1", "replace"), b"[credential]")
        reply.write(events)

    def on_end(self) -> None:
        """The answer is complete."""
        self.is_whole = True
        if self.is_streaming and self.meter is not None:
            last = self.meter.finish_reading()
            if last and self._reply.is_started:
                self._reply.write(last)
        self.done.fire(None)

    def on_failed(self, failure: Failure) -> None:
        """The answer will not be complete."""
        self.failure = failure
        self.done.fire(None)

    def on_gone(self) -> None:
        """The client left: ends the attempt, or lets it run to learn what it costs."""
        self.is_client_gone = True
        if self._drains and self.is_sent:
            self._reply.flow = None
            if self._handle is not None:
                self._handle.resume_reading()
            return
        if self._handle is not None:
            self._handle.cancel()
        self.done.fire(None)

    def detach(self) -> None:
        """Lets go of the client's reply: this attempt is over."""
        self._reply.flow = None
        self._reply.on_gone = None

    def answer(self) -> Answer:
        """What the answer came to, as far as it was seen."""
        if self.meter is not None and self.status == 200:
            return self.meter.answer()
        if self.status == 200 and self.is_whole:
            bridge = self.bridge
            if bridge is None:
                return self.dialect.read_answer(self.body)
            return bridge.answer(self.body)
        return Answer(None)

    def _break(self, violation: str) -> None:
        self.violation = violation
        if self._handle is not None:
            self._handle.cancel()
        self.done.fire(None)


def refusal_of(attempt: Attempt, answer: Answer) -> Refusal | None:
    """What the vendor refused, by its own table first; None where it refused nothing."""
    status, table = attempt.status, attempt.candidate.channel.errors
    if status == 200 or not status or attempt.is_client_gone:
        if table is None or status != 200 or attempt.is_client_gone:
            return None
        return _hidden_refusal(attempt, answer, table)
    headers, body = attempt.headers, attempt.body
    found = None if table is None else listed(status, headers, body, table)
    return found or attempt.dialect.read_error(status, headers, body)


def _hidden_refusal(attempt: Attempt, answer: Answer, table: ErrorTable) -> Refusal | None:
    """What an answer with status 200 refuses after all."""
    sign = alarm(table)
    if sign is None and not answer.error:
        return None
    body = attempt.body if attempt.meter is None else attempt.meter.refused
    found = None
    if sign is not None and sign.search(body) is not None:
        found = refusal_in_200(attempt.headers, body, table)
    if found is None and answer.error:
        # An error in the dialect's own shape: what it means, the table may know as well.
        found = listed(200, attempt.headers, body, table)
    usage = answer.usage
    is_used = usage is not None and (usage.input_tokens or usage.output_tokens)
    if found is not None and (is_used or attempt.is_seen):
        # Something was done after all, and it is booked.
        return found._replace(is_free=False)
    return found


def outcome_of(attempt: Attempt, answer: Answer) -> Outcome:
    """How the attempt ended, by the outcome table; error statuses are the exchange's question."""
    meter = attempt.meter
    # After the last word everything was said: how the connection then ends changes nothing, and
    # clients close a stream as soon as they have read it.
    is_said = meter is not None and meter.is_done
    if attempt.is_client_gone:
        is_counted = answer.usage is not None and not answer.is_partial
        if not ((attempt.is_whole or is_said) and is_counted):
            return Outcome.CLIENT_GONE if attempt.is_sent else Outcome.NOT_SENT
    if not attempt.is_sent:
        return Outcome.NOT_SENT
    if not attempt.status:
        return Outcome.UNCERTAIN
    if attempt.violation or answer.error or answer.fault or (attempt.failure and not is_said):
        return Outcome.CUT
    if meter is not None and not (meter.is_done or meter.finish):
        return Outcome.CUT
    return Outcome.COMPLETED


def error_of(attempt: Attempt, answer: Answer) -> SteelyardError:
    """The error that a failed attempt means for the client; nothing of the request is in it."""
    failure = attempt.failure
    if answer.error:
        return DialectViolated(f"The vendor reported an error: {answer.error}", code="vendor_error")
    if answer.fault and attempt.is_whole:
        return DialectViolated(f"The vendor's answer is broken: {answer.fault}.")
    if attempt.violation:
        return DialectViolated(f"The vendor's answer is broken: {attempt.violation}.")
    if failure is None:
        return DialectViolated("The vendor's answer ended before it was complete.")
    if failure.kind == "timeout":
        phase = failure.phase.replace("_", " ")
        return UpstreamTimeout(f"The vendor did not answer in time ({phase}).")
    if failure.kind == "protocol":
        return DialectViolated(f"The vendor's answer is broken: {failure.detail}.")
    if not failure.is_sent:
        return UpstreamUnavailable(f"The vendor cannot be reached ({failure.kind}).")
    return UpstreamUnavailable(f"The vendor broke off ({failure.kind}).")


def why_of(attempt: Attempt, error: SteelyardError, *, is_quoted: bool) -> str:
    """What the books say of a failed attempt: what the client is told, and the system's error.

    Where the message is the vendor's own (``is_quoted``) the code and the status must do: vendors
    quote the request in it, and books are read by others than who asked.
    """
    if is_quoted:
        return f"{error.code}: HTTP {attempt.status}"
    failure = attempt.failure
    said = f"{error.code}: {error.message}"
    if failure is None or not failure.detail or failure.detail in said:
        return said
    return f"{said} {failure.detail}"


def origin_of(channel: ChannelEntry, base_url: str, proxy: str = "") -> tuple[Origin, str, str]:
    """Origin, Host header and path prefix of a base URL; ``proxy`` is a URL, or empty for none.

    Raises:
        ConfigError: the URL is none that can be sent to.
    """
    wrong = f"channel {channel.name}: base_url must be http(s)://host[:port]/path"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{wrong}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(wrong)
    is_tls = parts.scheme == "https"
    try:
        context = tls_context(channel.ca_file or None) if is_tls else None
    except OSError as error:
        raise ConfigError(f"channel {channel.name}: ca_file cannot be read: {error}") from error
    try:
        through = read_proxy(proxy) if proxy else None
    except ValueError as error:
        raise ConfigError(f"channel {channel.name}: {error}") from error
    port = port or (443 if is_tls else 80)
    origin = Origin(host=parts.hostname, port=port, tls=context, proxy=through)
    return origin, parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
