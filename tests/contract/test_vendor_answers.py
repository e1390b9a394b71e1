"""Every vendor's answers, in its own way of telling them, through every door.

``tests/fixtures/vendors/<vendor>/`` holds them (its README says where they come from): whole as
``plain.http``, streamed as ``stream.http``, further cases as ``<case>-plain.http`` and
``<case>-stream.http``, and what they say in ``expected.json``. A new vendor needs no new code here,
only its folder; without one this suite fails.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.bridge_cases import CODECS, DOORS
from contract.bridge_meaning import folded, parsed
from steelyard import dialects
from steelyard.config.model import Channel
from steelyard.config.presets import packaged_vendors
from steelyard.control.configuration.channels import channel_body, channel_entry
from steelyard.dialects.base import Answer
from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.think_tags import split_reply
from steelyard.domain.calls import Outcome
from steelyard.domain.errors import SteelyardError
from steelyard.domain.rates import Rate
from steelyard.domain.usage import Usage
from steelyard.gateway.bridging import bridge_of, meter_of
from steelyard.gateway.relay import Attempt, error_of, outcome_of, refusal_of
from steelyard.gateway.view import Candidate
from steelyard.pricebook.book import card_of, price
from steelyard.pricebook.compiling import compile_periods
from steelyard.wire.call import Timeouts
from steelyard.wire.sse import events
from unit.gateway.plain_core import offer

FIXTURES = Path(__file__).parents[1] / "fixtures" / "vendors"
DIALECTS = dialects.available()
VENDORS = {name: one for name, one in packaged_vendors().items() if one.kind != "embedded"}
WHOLE = 1 << 20
RATES = {"input": 2, "cache_read": 3, "cache_write": 5, "output": 7, "reasoning": 11}
"""Prices of one token each, in pico-units: every part of a usage shows in a cost."""
ASKED: dict[str, dict[str, Any]] = {
    "openai_chat": {"stream_options": {"include_usage": True}, "messages": [{"role": "user"}]},
    "anthropic_messages": {"max_tokens": 99, "messages": [{"role": "user"}]},
    "openai_responses": {"input": "hi"},
}


class Client:
    """What a client sees of its answer, in place of a connection."""

    def __init__(self) -> None:
        self.is_open, self.is_started = True, False
        self.flow, self.on_gone = None, None
        self.seen = b""

    def start(self, status: int, head: bytes) -> None:
        assert status == 200
        self.is_started = True

    def write(self, data: bytes) -> None:
        self.seen += data


class Vendor:
    """A pool that has sent everything and gets its answer elsewhere."""

    def send(self, request: bytes, sink: object, timeouts: Timeouts) -> object:
        return SimpleNamespace(is_sent=True, cancel=lambda: None)


class Told:
    """One answer of a vendor's, on its way to a client of a door."""

    def __init__(self, vendor: str, door: str, file: str, step: int = WHOLE) -> None:
        raw = (FIXTURES / vendor / file).read_bytes()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        self.is_stream = file.endswith("stream.http")
        self.client = Client()
        self.attempt = self._asked(vendor, door)
        headers = dict(line.split(b": ", 1) for line in lines)
        self.attempt.on_head(int(status.split()[1]), headers)
        for start in range(0, len(body), step):
            self.attempt.on_body(body[start : start + step])
        self.attempt.on_end()
        self.answer: Answer = self.attempt.answer()
        if self.attempt.meter is not None and self.outcome()[1] is None:
            self.client.seen += self.attempt.meter.closing()

    def _asked(self, vendor: str, door_name: str) -> Attempt:
        """The attempt as an exchange makes it, its request sent."""
        door, spoken = DIALECTS[door_name], DIALECTS[VENDORS[vendor].dialect]
        body = {"model": "m", "stream": self.is_stream, **ASKED[door_name]}
        if "messages" in body:
            body["messages"] = [{"role": "user", "content": "hi"}]
        call = door.read(json.dumps(body).encode())
        channel = channel_entry("c", channel_body(Channel(vendor=vendor), packaged_vendors()))
        features = frozenset((*VENDORS[vendor].features, *VENDORS[vendor].manners))
        candidate = Candidate(offer("c/m", features=features), channel)
        attempt = Attempt(self.client, spoken, lambda: 0.0)  # type: ignore[arg-type]
        attempt.candidate = candidate
        attempt.bridge = bridge_of(door, spoken, call, candidate, 5)
        if attempt.bridge is not None:
            attempt.bridge.write(call, candidate, 0, {})
        if self.is_stream:
            attempt.streams(meter_of(call, candidate, spoken, attempt.bridge), b"")
        attempt.send(Vendor(), b"", Timeouts(), drains=True)  # type: ignore[arg-type]
        return attempt

    def outcome(self) -> tuple[str, SteelyardError | None]:
        """How it is booked, and the error that the client gets."""
        refusal = refusal_of(self.attempt, self.answer)
        if refusal is not None:
            ended = Outcome.REFUSED if refusal.is_free else Outcome.CUT
            return ended.value, refusal.error
        ended = outcome_of(self.attempt, self.answer)
        if ended is Outcome.COMPLETED:
            return ended.value, None
        return ended.value, error_of(self.attempt, self.answer)

    def shown(self) -> bytes:
        """All that the client gets of the vendor's words."""
        if not self.is_stream:
            return self.attempt.body if self.attempt.bridge is None else self.attempt.bridge.shown
        return self.client.seen

    def read(self, door: str) -> n.Reply:
        """What the client understands."""
        codec, shown = CODECS[door], self.shown()
        if not self.is_stream:
            found = codec.parse_reply(shown)
        else:
            parser = codec.event_parser()
            found = folded(one for data in events(shown) for one in parser.feed(data))
        if self.attempt.bridge is None:
            # Words of one who speaks alike go through as they are, tags of thought included.
            return split_reply(_joined(found))
        return found


def _joined(reply: n.Reply) -> n.Reply:
    """A stream's words as one piece, for who looks for tags in them."""
    for choice in reply.choices:
        words = "".join(part.text for part in choice.parts if isinstance(part, n.Text))
        others = [part for part in choice.parts if not isinstance(part, n.Text)]
        choice.parts = [*([n.Text(words)] if words else []), *others]
    return reply


@cache
def expected_of(vendor: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((FIXTURES / vendor / "expected.json").read_text())
    return found


def case_of(file: str) -> str:
    name = file.removesuffix(".http").removesuffix("plain").removesuffix("stream")
    return name.removesuffix("-") or "answer"


def files_of(vendor: str) -> list[str]:
    return sorted(file.name for file in (FIXTURES / vendor).glob("*.http"))


def usage_of(told: dict[str, int] | None) -> Usage | None:
    return None if told is None else Usage(**told)


def cost_of(usage: Usage) -> int:
    """What a price book asks for it, in pico-units."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    rates = [
        Rate(item, item, Fraction(amount, 10**12), "CNY", "token", since)
        for item, amount in RATES.items()
    ]
    [period] = compile_periods(rates)
    card = card_of(period, usage)
    assert card is not None
    return price(period, card, usage)


def counted_by_hand(usage: Usage) -> int:
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    said = usage.output_tokens - usage.reasoning_tokens
    return (
        fresh * RATES["input"]
        + usage.cache_read_tokens * RATES["cache_read"]
        + usage.cache_write_tokens * RATES["cache_write"]
        + said * RATES["output"]
        + usage.reasoning_tokens * RATES["reasoning"]
    )


def says(reply: n.Reply) -> dict[str, Any]:
    """What an answer of one choice says."""
    [choice] = reply.choices
    parts = choice.parts
    return {
        "text": "".join(p.text for p in parts if isinstance(p, n.Text | n.Refusal)),
        "reasoning": "".join(p.text for p in parts if isinstance(p, n.Reasoning)).strip(),
        "calls": [[p.name, parsed(p.arguments)] for p in parts if isinstance(p, n.ToolCall)],
        "ids": [p.call_id for p in parts if isinstance(p, n.ToolCall)],
        "ends": "no" if choice.finish in (n.FILTERED, n.REFUSED) else choice.finish,
    }


FILES = [
    (vendor, file)
    for vendor in sorted(VENDORS)
    if (FIXTURES / vendor).is_dir()
    for file in files_of(vendor)
]


@pytest.fixture(params=FILES, ids=lambda one: f"{one[0]}-{one[1].removesuffix('.http')}")
def told(request: pytest.FixtureRequest) -> tuple[str, str, dict[str, Any]]:
    """A vendor, a file of its and what that says."""
    vendor, file = request.param
    return vendor, file, expected_of(vendor)[case_of(file)]


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_every_vendor_has_its_answers_whole_and_streamed(vendor: str) -> None:
    files = set(files_of(vendor))
    assert {"plain.http", "stream.http"} <= files
    if "tools" in VENDORS[vendor].features:
        assert {"tools-plain.http", "tools-stream.http"} <= files
    assert {case_of(file) for file in files} == set(expected_of(vendor))


@pytest.mark.parametrize("step", [WHOLE, 7])
@pytest.mark.parametrize("door", sorted(DOORS))
def test_what_is_booked_is_what_the_vendor_says(
    told: tuple[str, str, dict[str, Any]], door: str, step: int
) -> None:
    vendor, file, expected = told
    one = Told(vendor, door, file, step)
    found = one.answer
    assert not found.usage_fault
    outcome, error = one.outcome()
    assert outcome == expected["outcome"]
    if "refused" in expected:
        assert error is not None
        assert error.code == expected["refused"]
    else:
        assert not found.fault
    if expected.get("partial"):
        assert found.is_partial
        return
    assert found.usage == usage_of(expected["usage"])
    for name in ("model", "finish"):
        if name in expected:
            assert getattr(found, name) == expected[name]
    if found.usage is not None:
        assert cost_of(found.usage) == counted_by_hand(found.usage)


@pytest.mark.parametrize("door", sorted(DOORS))
def test_the_client_sees_what_the_vendor_said(
    told: tuple[str, str, dict[str, Any]], door: str
) -> None:
    vendor, file, expected = told
    if expected["outcome"] != "completed":
        # What came before the vendor's error is seen in a stream; the exchange writes the error.
        one = Told(vendor, door, file, 64)
        assert one.outcome()[1] is not None
        if one.is_stream and "text" in expected:
            assert expected["text"].encode() in one.client.seen
        return
    one = Told(vendor, door, file)
    seen = one.read(door)
    said = says(seen)
    for name in ("text", "reasoning"):
        assert said[name] == expected[name]
    assert said["calls"] == [call[1:] for call in expected["calls"]]
    for given, (wanted, *_) in zip(said["ids"], expected["calls"], strict=True):
        assert given == wanted if wanted else given or one.attempt.bridge is None
    ends = "no" if expected["ends"] in ("content_filter", "refusal") else expected["ends"]
    assert said["ends"] == ends or (said["ends"] == "none" and not expected["finish"])
    usage = usage_of(expected["usage"])
    assert usage is not None
    assert seen.usage == usage


@pytest.mark.parametrize("door", sorted(DOORS))
def test_any_split_of_a_stream_is_the_same_answer(
    told: tuple[str, str, dict[str, Any]], door: str
) -> None:
    vendor, file, _ = told
    if not file.endswith("stream.http"):
        pytest.skip("kept whole in any case")
    whole = Told(vendor, door, file)
    for step in (1, 13, 64):
        cut = Told(vendor, door, file, step)
        assert cut.answer == whole.answer
        assert cut.outcome()[0] == whole.outcome()[0]
        if cut.outcome()[1] is None:
            # An error in the first read leaves nothing to be seen; in a later one what was.
            assert list(events(cut.shown())) == list(events(whole.shown()))


@pytest.mark.parametrize("vendor", sorted(VENDORS))
@pytest.mark.parametrize("door", sorted(DOORS))
def test_plain_and_streamed_cost_the_same(vendor: str, door: str) -> None:
    for case, expected in expected_of(vendor).items():
        prefix = "" if case == "answer" else f"{case}-"
        pair = [f"{prefix}{form}.http" for form in ("plain", "stream")]
        if expected.get("usage") is None or not set(pair) <= set(files_of(vendor)):
            continue
        plain, streamed = (Told(vendor, door, file).answer for file in pair)
        assert plain.usage is not None and streamed.usage is not None
        assert plain.usage == streamed.usage
        assert cost_of(plain.usage) == cost_of(streamed.usage) > 0
