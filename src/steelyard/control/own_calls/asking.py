"""Weighing's questions as real calls through the gateway, so that limits, budgets and ledger hold.

``model`` is ``offer:NAME``: one candidate, no fallback. Background questions give way: the moment a
worker says that somebody else calls, the question is cancelled, the gateway settles what it cost,
and it is asked again when things are quiet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.errors import BudgetExceeded, Forbidden, Unauthenticated
from steelyard.domain.money import to_pico
from steelyard.domain.tallies import Tally
from steelyard.weigh.asking import Answer, AskError, Booked, Preempted
from steelyard.wire.call import Failure, Origin, PoolLimits, Timeouts
from steelyard.wire.handle import Handle
from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Pool

QUIET_S = 2.0
"""How long nobody must have called before a background question is asked."""
_TIMEOUT_S = 300.0
_NAME_MAX = 128
"""Characters kept of what a vendor calls its model, and of why an answer ended."""
_ANSWER_BYTES_MAX = 16 << 20
"""Of a longer answer nothing is read any more: it is unscored."""
_PATH = "/v1/chat/completions"
_KNOWN_EVERY_S = 0.2
_ENDING = {401: Unauthenticated, 402: BudgetExceeded, 403: Forbidden}
"""Refusals that every further call would meet."""

_LOOKS_MAX = 500
"""Answers of one asker of which the ledger is asked what they used: a look takes longer than many
a call."""

BookedOf = Callable[[str], Awaitable[Booked]]
"""What a call was booked at, by its id."""


def own_client(url: str, key: str, why: str, timeout_s: float) -> httpx.AsyncClient:
    """A client of the gateway on this machine, whose calls say why they are made."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {key}", "x-steelyard-why": why},
        timeout=timeout_s,
        trust_env=False,
    )


async def is_known(client: httpx.AsyncClient, timeout_s: float) -> bool:
    """Whether workers know the client's key by now; asks them for at most ``timeout_s``."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            if (await client.get("/v1/models")).status_code == 200:
                return True
        except httpx.HTTPError:
            pass  # the gateway is still coming up: ask again
        await asyncio.sleep(_KNOWN_EVERY_S)
    return False


class Books:
    """What the ledger knows of calls whose answers do not say it."""

    def __init__(self, booked_of: BookedOf | None) -> None:
        """Without ``booked_of`` nothing is known."""
        self._booked_of = booked_of
        self._looks_left = _LOOKS_MAX

    async def settle(self, error: AskError) -> None:
        """Fills in what a call without an answer cost: somebody may have been paid all the same."""
        if error.call_id and self._booked_of is not None:
            error.cost_pico, error.used = await self._booked_of(error.call_id)

    async def complete(self, answer: Answer) -> Answer:
        """The answer with what its call used: several attempts, or a vendor that does not tell."""
        if answer.used is not None or not answer.call_id or self._booked_of is None:
            return answer
        self._looks_left -= 1
        if self._looks_left < 0:
            return answer
        return replace(answer, used=(await self._booked_of(answer.call_id)).used)


class GatewayAsk:
    """Asks offers through the gateway on this machine.

    Questions go out through the same client as the gateway's own calls, since one of a general kind
    takes longer than the gateway does.
    """

    def __init__(
        self,
        url: str,
        key: str,
        busy: asyncio.Event | None = None,
        booked_of: BookedOf | None = None,
    ) -> None:
        """A client of the gateway at ``url``; nothing is connected before the first question.

        Args:
            url: of the gateway.
            key: to call under.
            busy: set when a foreground call comes; without it questions give way to nobody.
            booked_of: what a call was booked at; without it one without an answer counts nothing.
        """
        self._client = own_client(url, key, "weigh", _TIMEOUT_S)
        self._busy = busy
        self._busy_at_s = -QUIET_S
        self._books = Books(booked_of)
        split = urlsplit(url)
        self._origin = Origin(host=split.hostname or "127.0.0.1", port=split.port or 80)
        self._head = (
            f"POST {_PATH} HTTP/1.1\r\nhost: {split.netloc}\r\n"
            f"authorization: Bearer {key}\r\nx-steelyard-why: weigh\r\n"
            "content-type: application/json\r\n"
        )
        self._pool: Pool | None = None
        self._wheel: TimerWheel | None = None

    async def close(self) -> None:
        """Closes all connections."""
        if self._pool is not None and self._wheel is not None:
            self._pool.close()
            self._wheel.close()
        await self._client.aclose()

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether workers know the key by now; asks them for at most ``timeout_s``."""
        return await is_known(self._client, timeout_s)

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        """The answer of one offer; see ``weigh.asking.Ask``.

        Raises:
            Preempted: somebody else called.
            AskError: no answer.
            SteelyardError: no access or no money; every further call would be refused alike.
        """
        if self._busy is None:
            return await self._post(offer, request, task)
        await self._quiet(self._busy)
        loop = asyncio.get_running_loop()
        asking = loop.create_task(self._post(offer, request, task))
        waiting = loop.create_task(self._busy.wait())
        try:
            await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise Preempted("somebody else called")
            return await asking
        finally:
            for task_of_ours in (asking, waiting):
                task_of_ours.cancel()
            await asyncio.gather(asking, waiting, return_exceptions=True)

    async def _quiet(self, busy: asyncio.Event) -> None:
        """Waits until nobody has called for a while."""
        while True:
            if busy.is_set():
                busy.clear()
                self._busy_at_s = time.monotonic()
            left_s = self._busy_at_s + QUIET_S - time.monotonic()
            if left_s <= 0:
                return
            await asyncio.sleep(left_s)

    async def _post(self, offer: str, request: dict[str, object], task: str) -> Answer:
        body = msgspec.json.encode({**request, "model": f"offer:{offer}"})
        head = f"{self._head}x-steelyard-task: {task}\r\ncontent-length: {len(body)}\r\n\r\n"
        began_s = time.monotonic()
        reply = await _Reply.of(self._connections(), head.encode("latin-1") + body)
        if reply.status != 200:
            await self._refuse(reply)
        return await self._books.complete(_answer(reply, time.monotonic() - began_s))

    def _connections(self) -> Pool:
        if self._pool is None:
            loop = asyncio.get_running_loop()
            self._wheel = TimerWheel(loop)
            self._pool = Pool(self._origin, PoolLimits(), self._wheel, loop)
        return self._pool

    async def _refuse(self, reply: _Reply) -> None:
        message = _error(reply)
        ending = _ENDING.get(reply.status)
        if ending is not None:
            raise ending(message)
        call_id = reply.header(b"x-steelyard-call")
        is_retryable = reply.status in (429, 502, 503, 504)
        error = AskError(message, is_retryable=is_retryable, call_id=call_id)
        await self._books.settle(error)
        raise error


class _Reply:
    """One answer as it comes in, kept whole; a ``wire`` sink."""

    def __init__(self) -> None:
        self.status = 0
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._size = 0
        self._handle: Handle | None = None
        self._done: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def of(cls, pool: Pool, request: bytes) -> _Reply:
        """The whole answer to a request.

        Raises:
            AskError: there is none, or it is too long.
        """
        reply = cls()
        timeouts = Timeouts(first_byte_s=_TIMEOUT_S, idle_s=_TIMEOUT_S, total_s=_TIMEOUT_S)
        handle = reply._handle = pool.send(request, reply, timeouts)
        try:
            failure = await reply._done
        except asyncio.CancelledError:
            handle.cancel()
            raise
        if failure is not None:
            raise AskError(
                f"the gateway did not answer: {failure.kind} in {failure.phase}",
                is_lost=failure.is_sent,
            )
        if reply._size > _ANSWER_BYTES_MAX:
            cost_pico, currency = _cost(reply.header(b"x-steelyard-cost"))
            raise AskError(
                f"the answer is longer than {_ANSWER_BYTES_MAX >> 20} MiB",
                is_retryable=False,
                cost_pico=cost_pico,
                currency=currency,
            )
        return reply

    def header(self, name: bytes) -> str:
        """A header of the answer; empty when it has none of this name."""
        return self._headers.get(name, b"").decode("latin-1")

    def body(self) -> bytes:
        """All of the answer's body."""
        return b"".join(self._pieces)

    def json(self) -> Any:
        """What the body says.

        Raises:
            ValueError: it is no JSON.
        """
        try:
            return msgspec.json.decode(self.body())
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Takes the status and the headers."""
        self.status, self._headers = status, headers

    def on_body(self, data: bytes) -> None:
        """Takes a piece of the body."""
        self._size += len(data)
        if self._size > _ANSWER_BYTES_MAX:
            self._pieces.clear()
            if self._handle is not None:
                self._handle.cancel()
            self.on_end()
        else:
            self._pieces.append(data)

    def on_end(self) -> None:
        """The answer is complete."""
        if not self._done.done():
            self._done.set_result(None)

    def on_failed(self, failure: Failure) -> None:
        """The answer will not be complete."""
        if not self._done.done():
            self._done.set_result(failure)


def _error(reply: _Reply) -> str:
    try:
        error = reply.json()["error"]
        return f"{error['code']}: {error['message']}"[:300]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {reply.status}"


def _answer(reply: _Reply, time_s: float) -> Answer:
    cost_pico, currency = _cost(reply.header(b"x-steelyard-cost"))
    try:
        shape: dict[str, Any] = reply.json()
        choice = shape["choices"][0]
        usage = shape.get("usage")
        text = choice["message"].get("content") or ""
        finish_reason, model = choice.get("finish_reason"), shape.get("model")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        reason = "the answer is no chat completion"
        unread = AskError(reason, cost_pico=cost_pico, currency=currency)
        unread.used = _used(reply)
        raise unread from error
    return Answer(
        text=str(text),
        finish_reason=_name(finish_reason),
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cost_pico=cost_pico,
        currency=currency,
        time_s=time_s,
        call_id=reply.header(b"x-steelyard-call"),
        model_answered=_name(model),
        used=_used(reply),
    )


def _used(reply: _Reply) -> Tally | None:
    """What the call used, as the gateway read it too; None where the answer does not say it all."""
    if reply.header(b"x-steelyard-attempts") != "1":
        return None  # of attempts before this one, which may be booked, it says nothing
    told = DIALECT.read_answer(reply.body())
    return None if told.usage is None else Tally.of(told.usage, told.tier or "")


def _name(value: object) -> str:
    return value[:_NAME_MAX] if isinstance(value, str) else ""


def _count(usage: object, name: str) -> int:
    """A count of tokens; 0 where a vendor tells none that makes sense."""
    value = usage.get(name) if isinstance(usage, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    return 0


def _cost(header: str) -> tuple[int, str]:
    """Pico-units and currency of ``x-steelyard-cost``; the ledger has the rest."""
    amount, _, currency = header.partition(",")[0].strip().partition(" ")
    try:
        return to_pico(Decimal(amount)), currency
    except (InvalidOperation, ValueError):
        return 0, ""
