"""Made-up journal records for tests: whole, plausible, and changed field by field."""

from __future__ import annotations

from typing import Any

from steelyard.domain.entries import Intent, LeaseUse, Settlement
from steelyard.domain.usage import REPORTED, Usage

CALLED_AT_NS = 1_795_293_793_123_456_789
"""2026-11-21 20:43:13 UTC."""


def make_intent(sequence: int = 1, **changes: Any) -> Intent:
    """An intent of incarnation 18 for call ``sequence``, with ``changes`` to its fields."""
    intent = Intent(
        incarnation=18,
        sequence=sequence,
        attempt=1,
        why="first",
        called_at_ns=CALLED_AT_NS,
        key_id="key_1",
        account_id="acc_3",
        account_path="acc_1/acc_2/acc_3",
        task="after-sales/intent",
        door="openai_chat",
        model_asked="auto",
        offer="small",
        model="smollm2-135m",
        channel="local",
        vendor="self",
        revision=7,
        leases=(LeaseUse(5, 1000), LeaseUse(6, 1)),
        reserved_pico=1000,
        currency="CNY",
        input_tokens_expected=12,
        output_tokens_reserved=34,
    )
    return intent._replace(**changes)


def make_settlement(intent: Intent, **changes: Any) -> Settlement:
    """The settlement of an attempt that completed, with ``changes`` to its fields."""
    settlement = Settlement(
        incarnation=intent.incarnation,
        sequence=intent.sequence,
        attempt=intent.attempt,
        outcome="completed",
        usage=Usage(input_tokens=12, output_tokens=30),
        usage_source=REPORTED,
        rate_ids=("rate_1", "rate_2"),
        cost_pico=700,
        charge_pico=800,
        currency=intent.currency,
        leases=(LeaseUse(5, 700), LeaseUse(6, 1)),
        settled_at_ns=intent.called_at_ns + 250_000_000,
        first_byte_us=40_000,
        total_us=250_000,
        status=200,
        model_answered=intent.model,
        vendor_call_id=f"chatcmpl-{intent.sequence}",
        finish="stop",
    )
    return settlement._replace(**changes)
