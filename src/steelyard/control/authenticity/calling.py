"""One question of a test as a call through the gateway, and what is heard back.

Streamed where the offer can, so that the time to the first token is known, and asked for
log-probabilities until a vendor refuses them. Nothing in the request tells that it is a test: the
body is that of any chat, and no header of ours goes further than the gateway.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import httpx

from steelyard.control.authenticity.heard import Heard
from steelyard.control.own_calls.asking import is_known, own_client
from steelyard.domain.errors import BudgetExceeded, Forbidden, Unauthenticated
from steelyard.domain.money import to_pico
from steelyard.weigh.authenticity.probes import Kind, Probe

WHY = "weigh"
_TIMEOUT_S = 180.0
_TEXT_MAX = 65_536
"""Characters kept of an answer; one that does not stop is no longer than that here."""
_LINES_MAX = 20_000
_LOGPROBS = 5
_REASON_MAX = 160
_RETRIES = 2
TRIES_MAX = _RETRIES + 2
"""Calls that one question may take, each of which may be booked: a vendor may refuse to tell
log-probabilities, too."""
_RETRY_STATUS = (429, 502, 503, 504)
_RETRY_PAUSE_S = 2.0
_RETRY_PAUSE_MAX_S = 30.0
_REFUSED = (400, 422)
"""How a vendor says that it does not know a field."""
_COST = re.compile(r": steelyard call=(\S+) cost=(\S*)")
"""The comment that ends a stream."""
_ENDING = {401: Unauthenticated, 402: BudgetExceeded, 403: Forbidden}
"""Refusals that every further call would meet."""

SAMPLING: Mapping[str, float] = {"temperature": 1, "top_p": 1}
"""What both sides are asked with where both are asked now."""
CostOf = Callable[[str], Awaitable[int]]
"""What a call was booked at, by its id, in pico-units."""
Sleep = Callable[[float], Awaitable[None]]


class Manner(NamedTuple):
    """How an offer may be asked."""

    offer: str
    is_streamed: bool = True
    sampling: Mapping[str, float] = SAMPLING
    """Parameters beside ``max_tokens``: those that the reference was asked with. What a question
    asks for itself goes before them."""


class Caller:
    """Asks one offer through the gateway on this machine."""

    def __init__(
        self, client: httpx.AsyncClient, manner: Manner, cost_of: CostOf, sleep: Sleep
    ) -> None:
        self._client = client
        self._manner = manner
        self._cost_of = cost_of
        self._sleep = sleep
        self._has_logprobs = True

    def body(self, probe: Probe, sample: int = 0) -> dict[str, Any]:
        """The request for a probe, without its model.

        Log-probabilities are asked for once an open question: they do not depend on chance, many
        engines are slow at them, and hardly any traffic asks for them.
        """
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": probe.prompt}],
            "max_tokens": probe.max_tokens,
            **self._manner.sampling,
            **probe.sampling,
        }
        if self._has_logprobs and probe.kind is Kind.OPEN and not sample:
            body |= {"logprobs": True, "top_logprobs": _LOGPROBS}
        if self._manner.is_streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    async def ask(self, probe: Probe, sample: int = 0) -> Heard:
        """What the offer answers; tries again what a vendor says was not done.

        Raises:
            AccessError, LimitError: no access or no money; every further call would be refused.
        """
        paid_pico = lost = 0
        for attempt in range(_RETRIES + 1):
            body = self.body(probe, sample)
            heard = await self._once(body)
            paid_pico, lost = paid_pico + heard.cost_pico, lost + heard.lost
            if heard.status in _REFUSED and "logprobs" in body:
                self._has_logprobs = False
                heard = await self._once(self.body(probe, sample))
                paid_pico, lost = paid_pico + heard.cost_pico, lost + heard.lost
            if heard.status not in _RETRY_STATUS or attempt == _RETRIES:
                break
            await self._sleep(min(_RETRY_PAUSE_S * 4**attempt, _RETRY_PAUSE_MAX_S))
        heard.cost_pico, heard.lost = paid_pico, lost
        return heard

    async def _once(self, body: Mapping[str, Any]) -> Heard:
        heard = Heard()
        began_s = time.monotonic()
        wanted = {**body, "model": f"offer:{self._manner.offer}"}
        try:
            async with self._client.stream("POST", "/v1/chat/completions", json=wanted) as reply:
                heard.status = reply.status_code
                heard.call_id = reply.headers.get("x-steelyard-call", "")
                if reply.status_code != 200:
                    heard.error = _error_of(reply.status_code, await reply.aread())
                    cost = reply.headers.get("x-steelyard-cost", "")
                elif body.get("stream"):
                    cost = await _read_stream(reply, heard, began_s)
                else:
                    _read_plain(await reply.aread(), heard)
                    cost = reply.headers.get("x-steelyard-cost", "")
        except httpx.HTTPError as error:
            heard.error, cost = f"the gateway did not answer: {type(error).__name__}", ""
            is_sent = not isinstance(error, httpx.ConnectError)
            heard.lost = int(is_sent and not heard.call_id)
        heard.total_s = time.monotonic() - began_s
        if (ending := _ENDING.get(heard.status)) is not None and not heard.call_id:
            # Ours alone: a vendor's refusal of its own key has a call's id.
            raise ending(heard.error)
        heard.cost_pico = await self._cost(cost, heard)
        return heard

    async def _cost(self, told: str, heard: Heard) -> int:
        try:
            return to_pico(Decimal(told.partition(" ")[0]))
        except (InvalidOperation, ValueError):
            return await self._cost_of(heard.call_id) if heard.call_id else 0


async def open_client(url: str, key: str, known_within_s: float) -> httpx.AsyncClient | None:
    """A client of the gateway, once workers know the key; None if they do not in time."""
    client = own_client(url, key, WHY, _TIMEOUT_S)
    try:
        if await is_known(client, known_within_s):
            return client
    except asyncio.CancelledError:
        await client.aclose()
        raise
    await client.aclose()
    return None


async def _read_stream(reply: httpx.Response, heard: Heard, began_s: float) -> str:
    """Reads a stream to its end; returns what it cost, as told at its end."""
    cost, count = "", 0
    async for line in reply.aiter_lines():
        count += 1
        if line.startswith(":"):
            found = _COST.match(line)
            cost = found[2] if found else cost
        elif line.startswith("data:") and count < _LINES_MAX:
            _take(line[5:].strip(), heard, began_s)
    if not heard.error and heard.finish_reason is None:
        heard.error = "the stream broke off"
    return cost


def _take(data: str, heard: Heard, began_s: float) -> None:
    shape = _shape(data)
    if "error" in shape:
        heard.error = _said(shape["error"], 200)
    choice = _first(shape.get("choices"))
    text = _dict(choice.get("delta")).get("content")
    if isinstance(text, str) and text:
        if heard.first_s is None:
            heard.first_s = time.monotonic() - began_s
        heard.text = (heard.text + text)[:_TEXT_MAX]
    _take_facts(shape, choice, heard)


def _read_plain(body: bytes, heard: Heard) -> None:
    shape = _shape(body.decode("utf-8", "replace"))
    choice = _first(shape.get("choices"))
    if "error" in shape or not choice:
        heard.error = _said(shape.get("error"), 200)
        return
    text = _dict(choice.get("message")).get("content")
    heard.text = text[:_TEXT_MAX] if isinstance(text, str) else ""
    _take_facts(shape, choice, heard)


def _take_facts(shape: Mapping[str, Any], choice: Mapping[str, Any], heard: Heard) -> None:
    """What stands in an answer and in the events of a stream alike; the last word counts."""
    if isinstance(choice.get("finish_reason"), str):
        heard.finish_reason = choice["finish_reason"][:_REASON_MAX]
    usage = _dict(shape.get("usage"))
    heard.prompt_tokens = _count(usage.get("prompt_tokens"), heard.prompt_tokens)
    heard.completion_tokens = _count(usage.get("completion_tokens"), heard.completion_tokens)
    heard.model = _name(shape.get("model")) or heard.model
    heard.fingerprint = _name(shape.get("system_fingerprint")) or heard.fingerprint
    if heard.logprobs is None:
        heard.logprobs = _first_token(_dict(choice.get("logprobs")).get("content"))


def _first_token(content: Any) -> list[tuple[str, float]] | None:
    """The likeliest first tokens; None where nothing of the kind is told."""
    found = [
        (str(each["token"]), float(each["logprob"]))
        for each in _list(_first(content).get("top_logprobs"))
        if isinstance(each, dict)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("logprob"), int | float)
        and -1e4 < each["logprob"] <= 0
    ]
    return sorted(found, key=lambda each: -each[1])[:_LOGPROBS] or None


def _error_of(status: int, body: bytes) -> str:
    return _said(_shape(body.decode("utf-8", "replace")).get("error"), status)


def _said(error: Any, status: int) -> str:
    if isinstance(error, dict):
        parts = [str(error[name]) for name in ("code", "message") if error.get(name)]
        if parts:
            return ": ".join(parts)[:_REASON_MAX]
    return f"HTTP {status}" if status != 200 else "the answer is no chat completion"


def _shape(text: str) -> dict[str, Any]:
    try:
        return _dict(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _count(value: Any, otherwise: int | None) -> int | None:
    """A count of tokens; the last one told holds, since vendors add up as they go."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    return otherwise


def _name(value: Any) -> str:
    return value[:128] if isinstance(value, str) else ""


def _first(value: Any) -> dict[str, Any]:
    return _dict(value[0]) if isinstance(value, list) and value else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
