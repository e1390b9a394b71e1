"""Evidence made of played answers, judged for real."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from steelyard.weigh.authenticity.evidence import (
    FORMAT,
    VERSION,
    answer_row,
    probe_row,
    verdict_row,
)
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, probes
from steelyard.weigh.authenticity.verdict import judge

ERROR, SEED = Fraction(1, 100), 5
OPEN = [probe for probe in probes() if probe.kind is Kind.OPEN][:12]


def answers(*words: str) -> list[ProbeAnswer]:
    """Four answers to each of a few open questions, in turns."""
    return [
        ProbeAnswer(probe.id, words[n % len(words)], "stop", 10, 3, logprobs=(("a", -0.5),))
        for probe in OPEN
        for n in range(4)
    ]


@cache
def _verdict(is_swapped: bool) -> dict[str, Any]:
    suspect = answers("blue fish", "red fish") if is_swapped else answers("cat", "dog")
    return verdict_row(judge(answers("cat", "dog"), suspect, error=ERROR, seed=SEED))


def document(*, is_swapped: bool = True) -> dict[str, Any]:
    """The whole of it."""
    suspect = answers("blue fish", "red fish") if is_swapped else answers("cat", "dog")
    price = {"item": "input", "amount": "1/1000000", "currency": "CNY", "per": "mtok"}
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "steelyard 0.1.0",
        "test": 7,
        "bought": {
            **{"offer": "shop/m", "model": "m", "channel": "shop", "vendor": "v"},
            **{"upstream_model": "m", "address": "https://shop.example/v1"},
            "prices": [{**price, "condition": "", "from": "2026-01-01", "source": "contract"}],
        },
        "reference": {"offer": "maker/m"},
        "began": "2026-03-10T12:00:00+00:00",
        "ended": "2026-03-10T12:05:00+00:00",
        "method": {"error": str(ERROR), "seed": SEED, "sampling": {"temperature": 1}},
        "verdict": _verdict(is_swapped),
        "beside": {"answered": {}, "lags": [], "alike": [], "lost": 0},
        "paid": {"cost_pico": "2000000", "currency": "CNY", "calls": 48},
        "probes": [probe_row(probe) for probe in OPEN],
        "answers": {
            "reference": [answer_row(each) for each in answers("cat", "dog")],
            "suspect": [{**answer_row(each), "call_id": "c-1-1"} for each in suspect],
        },
        "ledger": [
            {
                **{"attempt_id": "c-1-1-1", "called_at": "2026-03-10T12:00:01+00:00"},
                **{"vendor_call_id": "chatcmpl-1", "model_answered": "m", "input_tokens": 10},
                **{"output_tokens": 3, "cost_pico": "2000000", "currency": "CNY"},
            }
        ],
    }
