"""Measures local models as judges: how often the place decides, and that order changes no verdict.

Pairs of a human text and SmolLM2's answer to the same brief (`e2e-copy`) are shown to the 0.5B and
the 1.5B model, in both orders, through a running steelyard, asked and held to an opinion as in any
weighing. `bench.local_models` calls `measure`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from steelyard.control.asking import GatewayAsk
from steelyard.domain.errors import SteelyardError
from steelyard.domain.tasks import Constraint
from steelyard.weigh.asking import Ask, AskError
from steelyard.weigh.datasets import load_set
from steelyard.weigh.graders.base import references
from steelyard.weigh.graders.judge import Pair, constraint_for
from steelyard.weigh.judging import Judge, Judged, judge_all, report_on

WRITER = "local/smollm2-135m-instruct"
JUDGES = {
    "judge_05b": ("local/qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-0.5b-instruct"),
    "judge_15b": ("local/qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-1.5b-instruct"),
}
KNOWN = frozenset({Constraint.GRAMMAR, Constraint.JSON_SCHEMA})
"""What offers of this machine can be held to. Asked freely, models this small gave no opinion that
could be read: 16 of 16 pairs were unscored."""
PAIRS = 40
_SHARES = ("first_favoured", "disagreement", "kept")
TURNED_SHARE = 5
"""One pair in so many is judged a second time, turned: both grades must add up to one."""


def measure(url: str, key: str, n_pairs: int) -> tuple[dict[str, float], dict[str, object]]:
    """Judge the pairs; the figures and what they rest on.

    Args:
        url: Of a running gateway with the three local models.
        key: One that may call them.
        n_pairs: How many pairs.
    """
    return asyncio.run(_measure(url, key, n_pairs))


async def _measure(url: str, key: str, n_pairs: int) -> tuple[dict[str, float], dict[str, object]]:
    figures: dict[str, float] = {}
    n_turned = n_pairs // TURNED_SHARE
    meta: dict[str, object] = {"pairs": n_pairs, "turned": n_turned, "written by": WRITER}
    ask = GatewayAsk(url, key)
    try:
        pairs = await _pairs(ask, n_pairs)
        for name, (offer, model) in JUDGES.items():
            judge = Judge(offer, model, concurrency=1, constraint=constraint_for(KNOWN))
            straight = await _judge(ask, judge, pairs)
            turned = await _judge(ask, judge, [pair.turned for pair in pairs[:n_turned]])
            report = report_on(straight)
            figures[f"{name}_unscored"] = report.unscored / len(straight)
            # A share of nothing is not zero: it is left out.
            for what in _SHARES:
                share = getattr(report, what)
                if share.total:
                    figures[f"{name}_{what}"] = share.count / share.total
            figures[f"{name}_order_changed"] = sum(
                _differ(one, other) for one, other in zip(straight, turned, strict=False)
            )
            meta[name] = {
                **{what: _bounds(getattr(report, what)) for what in _SHARES},
                "is_reading": report.is_reading,
                "held to": judge.constraint.value,
                "human text": {"won": report.won, "tied": report.tied, "lost": report.lost},
                "unscored": report.unscored,
            }
    finally:
        await ask.close()
    return figures, meta


async def _pairs(ask: GatewayAsk, n_pairs: int) -> list[Pair]:
    pairs = []
    for sample in load_set("e2e-copy").samples:
        message = {"role": "user", "content": sample.input}
        request: dict[str, object] = {"messages": [message], "max_tokens": 64, "temperature": 0.0}
        try:
            answer = await ask(WRITER, request, task="")
        except (AskError, SteelyardError):
            continue
        if answer.text.strip():
            pairs.append(Pair(sample.input, references(sample)[0], answer.text))
        if len(pairs) == n_pairs:
            break
    return pairs


async def _judge(ask: Ask, judge: Judge, pairs: Sequence[Pair]) -> list[Judged]:
    return await judge_all(ask, judge, pairs, models=("smollm2-135m-instruct",), task="")


def _differ(one: Judged, other: Judged) -> bool:
    """Whether turning a pair changed the verdict on it."""
    first, second = one.grade.value, other.grade.value
    if first is None or second is None:
        return first is not second
    return first + second != 1


def _bounds(share: Any) -> dict[str, float]:
    return {
        "count": share.count,
        "of": share.total,
        "lower": round(share.lower, 4),
        "upper": round(share.upper, 4),
    }
