"""Whose requests may be captured, how many of them, and that a link behind loses them only."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.gateway import view
from steelyard.gateway.capturing import BODY_BYTES_MAX, DOORS, capture, captures, is_drawn
from steelyard.gateway.snapshot import AccountEntry, KeyRecord, PolicyEntry


class Asked:
    """A request as far as it matters here."""

    def __init__(self, body: bytes = b"{}", **headers: bytes) -> None:
        self.body = body
        self.headers = {name.replace("_", "-").encode(): text for name, text in headers.items()}


def principal(share: float, *, is_ours: bool = False) -> view.Principal:
    record = KeyRecord("key_1", "acc_1", "", 0, ())
    account = AccountEntry("acme", (), "open", is_ours)
    policy = PolicyEntry("open", captures=share)
    return view.Principal(record, account, view.Holder(()), policy)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 1.0])
def test_a_share_is_drawn_evenly(share: float) -> None:
    drawn = [is_drawn(number, share) for number in range(1, 20_001)]
    assert abs(sum(drawn) / 20_000 - share) < 0.002
    assert abs(sum(drawn[:1000]) / 1000 - share) < 0.02


def test_consent_and_objection() -> None:
    may: Any = captures
    for door in ("openai_chat", "anthropic_messages", "openai_responses"):
        assert may(principal(1), Asked(), door, 1)
    assert not may(principal(0), Asked(), "openai_chat", 1)
    assert not may(principal(1, is_ours=True), Asked(), "openai_chat", 1)
    for objection in (b"no", b"No", b" NO ", b"false", b"0"):
        assert not may(principal(1), Asked(x_steelyard_capture=objection), "openai_chat", 1)
    assert not may(principal(1), Asked(), "openai_embeddings", 1)
    assert len(DOORS) == 3
    assert not may(principal(1), Asked(b"x" * (BODY_BYTES_MAX + 1)), "openai_chat", 1)


def test_what_is_sent() -> None:
    sent: list[tuple[object, ...]] = []

    class Link:
        def offer(self, *fields: object) -> None:
            sent.append(fields)

    class Call:
        model = "m"

    send: Any = capture
    asked = Asked(b'{"a": 1}')
    send(Link(), principal(1), Call(), asked, ("openai_chat", "mood", 1))
    send(Link(), principal(0), Call(), asked, ("openai_chat", "mood", 1))
    send(Link(), principal(1), Call(), asked, ("openai_embeddings", "mood", 1))
    assert sent == [("captured", "acc_1", "open", "mood", "m", b'{"a": 1}', "openai_chat")]
