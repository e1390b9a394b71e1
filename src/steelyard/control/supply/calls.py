"""The calls of a measurement of supply: small, through the gateway, their answers only counted.

Apart from ``supply`` since its HTTP client costs a sixth of control's start.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import httpx

from steelyard.control.own_calls.asking import is_known
from steelyard.domain.money import to_pico
from steelyard.weigh.supply.finder import Reply
from steelyard.weigh.supply.record import End

WHY = "supply"
_TIMEOUT_S = 120.0
_COST = re.compile(rb"^: steelyard call=\S+ cost=(\S+)", re.MULTILINE)
_ENDING = (401, 402, 403)
"""Refusals of ours that every further call would meet."""


class Timed(NamedTuple):
    """How one streamed answer came."""

    input_tokens: int
    output_tokens: int
    first_byte_s: float
    """From sending to the first event with something of the answer."""
    total_s: float


class Caller:
    """Calls one offer; remembers how fast it answered, and why it stopped."""

    def __init__(self, url: str, key: str, offer: str, call_pico_max: int) -> None:
        """``call_pico_max``: what a call is counted at whose price nobody told."""
        # Not ``own_client``: a queue is found by having more under way than that would open.
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}", "x-steelyard-why": WHY},
            timeout=_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_connections=None),
        )
        self._offer = offer
        self._call_pico_max = call_pico_max
        self._count = 0
        self.timed: list[Timed] = []
        self.tokens = 0
        """Tokens of accepted calls, both sides."""
        self.accepted = 0
        self.problem = ""
        """Why no further call makes sense; empty while they do."""
        self.last_error = ""

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether workers know the key by now; asks them for at most ``timeout_s``."""
        return await is_known(self._client, timeout_s)

    async def close(self) -> None:
        """Closes the client."""
        await self._client.aclose()

    async def call(self, max_tokens: int) -> Reply:
        """One call, streamed and timed if its answer is long enough to say anything."""
        self._count += 1
        body = body_of(self._offer, max_tokens, self._count)
        try:
            if body["stream"]:
                return await self._streamed(body)
            return self._plain(await self._client.post("/v1/chat/completions", json=body))
        except httpx.HTTPError as error:
            # What came of it nobody told, and it may be booked: at its bound, to be safe.
            self.last_error = f"the gateway did not answer: {type(error).__name__}"
            return Reply(End.FAILED, cost_pico=self._call_pico_max)

    def _plain(self, reply: httpx.Response) -> Reply:
        if reply.status_code != 200:
            return self._refused(reply.status_code, reply.headers, reply.content)
        cost_pico = self._cost(reply.headers.get("x-steelyard-cost", "").encode())
        self.accepted += 1
        try:
            usage = reply.json().get("usage")
        except (ValueError, AttributeError, RecursionError):
            usage = None
        # Who tells no usage leaves tokens per minute unknown.
        self.tokens += sum(_count_of(usage, f"{side}_tokens") for side in ("prompt", "completion"))
        return Reply(End.ACCEPTED, cost_pico=cost_pico)

    async def _streamed(self, body: Mapping[str, Any]) -> Reply:
        began_s = time.monotonic()
        first_s, events, cost_pico = 0.0, 0, self._call_pico_max
        usage: object = None
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as reply:
            if reply.status_code != 200:
                content = await reply.aread()
                return self._refused(reply.status_code, reply.headers, content)
            async for line in reply.aiter_lines():
                if found := _COST.match(line.encode()):
                    cost_pico = self._cost(found[1])
                shape = _event(line)
                if shape.get("error"):
                    self.last_error = "the stream broke off"
                    return Reply(End.FAILED, cost_pico=cost_pico)
                usage = shape.get("usage") or usage
                if _says(shape):
                    first_s = first_s or time.monotonic() - began_s
                    events += 1
        total_s = time.monotonic() - began_s
        self.accepted += 1
        output = _count_of(usage, "completion_tokens") or events
        sent = _count_of(usage, "prompt_tokens")
        self.tokens += sent + output
        self.timed.append(Timed(sent, output, first_s or total_s, total_s))
        return Reply(End.ACCEPTED, cost_pico=cost_pico)

    def _cost(self, text: bytes) -> int:
        try:
            return to_pico(Decimal(text.decode("ascii", "replace").partition(" ")[0]))
        except (InvalidOperation, ValueError):
            return self._call_pico_max

    def _refused(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        code = _code(content)
        is_asked = int(headers.get("x-steelyard-attempts", "0") or 0) > 0
        wait = headers.get("retry-after", "")
        wait_s = float(wait) if wait.isdigit() else None
        self.last_error = f"{status} {code}"
        is_resting = not is_asked and status == 503 and wait_s is not None
        if (is_asked and status in (429, 503)) or is_resting:
            # A rest comes from others' calls: the vendor has had enough, whoever asked.
            return Reply(End.REFUSED, wait_s if status == 429 or is_resting else None)
        if not is_asked and (status in _ENDING or status == 429):
            self.problem = f"steelyard itself refuses: {code}"
        elif is_asked and status == 402 or code == "credential_rejected":
            self.problem = f"the vendor refuses: {code}"
        elif is_asked and status >= 500:
            # Broken off on the way: it may be booked, and at most at its bound.
            return Reply(End.FAILED, cost_pico=self._call_pico_max)
        return Reply(End.FAILED)


def body_of(offer: str, max_tokens: int, count: int) -> dict[str, Any]:
    """The request; no two are equal, so that no cache answers them."""
    is_timed = max_tokens > 1
    text = f"Count upwards from {count}, numbers only." if is_timed else f"{count}: say ok"
    body: dict[str, Any] = {
        "model": f"offer:{offer}",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": max_tokens,
        "stream": is_timed,
    }
    if is_timed:
        body["stream_options"] = {"include_usage": True}
    return body


def _event(line: str) -> dict[str, Any]:
    if not line.startswith("data:") or line.endswith("[DONE]"):
        return {}
    try:
        shape = json.loads(line[5:])
    except (ValueError, RecursionError):
        return {}
    return shape if isinstance(shape, dict) else {}


def _says(shape: Mapping[str, Any]) -> bool:
    """Whether an event has something of the answer in it."""
    choices = shape.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return False
    delta = choices[0].get("delta")
    return isinstance(delta, dict) and bool(delta.get("content") or delta.get("reasoning_content"))


def _count_of(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and 0 < value < 2**53 else 0


def _code(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"]["code"])[:64]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "unknown"
