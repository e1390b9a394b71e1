"""Measures local models as judges: how often the place decides, and that order changes no verdict.

Pairs of a human text and SmolLM2's answer to the same brief (`e2e-copy`) are shown to the 0.5B and
the 1.5B model, in both orders, through a running steelyard. They are asked, held to an opinion, and
their opinions kept by what was asked, as in any weighing; so a pair that is turned is judged by the
same two opinions. What they say when they are asked once more is measured apart: engines that serve
several at a time are not exact to the last bit. `bench.local_models` calls `measure`.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from steelyard.control.own_calls.asking import GatewayAsk
from steelyard.domain.errors import SteelyardError
from steelyard.domain.tasks import Constraint
from steelyard.weigh.answers import AnswerStore, Bounds, Kept, StoringAsk, open_all
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
AGAIN_SHARE = 5
"""One pair in so many is judged once more without what is kept."""


def measure(
    url: str, key: str, n_pairs: int, folder: Path
) -> tuple[dict[str, float], dict[str, object]]:
    """Judge the pairs; the figures and what they rest on.

    Args:
        url: Of a running gateway with the three local models.
        key: One that may call them.
        n_pairs: How many pairs.
        folder: Keeps what was answered, so that a run that broke off goes on.
    """
    return asyncio.run(_measure(url, key, n_pairs, folder))


async def _measure(
    url: str, key: str, n_pairs: int, folder: Path
) -> tuple[dict[str, float], dict[str, object]]:
    figures: dict[str, float] = {}
    n_again = n_pairs // AGAIN_SHARE
    meta: dict[str, object] = {"pairs": n_pairs, "again": n_again, "written by": WRITER}
    ask = GatewayAsk(url, key)
    stores: dict[str, AnswerStore] = {}
    names = {offer: model for offer, model in ((WRITER, WRITER), *JUDGES.values())}
    try:
        open_all(folder, Kept(names, Bounds()), stores, datetime.now(UTC))
        keeping = StoringAsk(ask, stores, partial(datetime.now, UTC))
        pairs = await _pairs(keeping, n_pairs)
        for name, (offer, model) in JUDGES.items():
            judge = Judge(offer, model, concurrency=1, constraint=constraint_for(KNOWN))
            straight = await _judge(keeping, judge, pairs)
            turned = await _judge(keeping, judge, [pair.turned for pair in pairs])
            again = await _judge(ask, judge, [pair.turned for pair in pairs[:n_again]])
            of_judge, meta[name] = _told(straight, turned, again)
            figures.update({f"{name}_{what}": value for what, value in of_judge.items()})
    finally:
        await ask.close()
        for store in stores.values():
            store.close()
    return figures, meta


def _told(
    straight: Sequence[Judged], turned: Sequence[Judged], again: Sequence[Judged]
) -> tuple[dict[str, float], dict[str, object]]:
    """A judge's figures and what they rest on.

    Args:
        straight: What came of the pairs.
        turned: The same pairs turned, by the opinions that were kept.
        again: The first of them, turned and asked anew.
    """
    report = report_on(straight)
    shares = {what: getattr(report, what) for what in _SHARES}
    changed = sum(map(_differ, straight, turned))
    changed_again = sum(_differ(*both) for both in zip(straight, again, strict=False))
    figures = {
        "unscored": report.unscored / len(straight),
        # A share of nothing is not zero: it is left out.
        **{what: share.count / share.total for what, share in shares.items() if share.total},
        "order_changed": changed,
    }
    return figures, {
        **{what: _bounds(share) for what, share in shares.items()},
        "is_reading": report.is_reading,
        "human text": {"won": report.won, "tied": report.tied, "lost": report.lost},
        "unscored": report.unscored,
        "order_changed": changed,
        "changed_again": changed_again,
    }


async def _pairs(ask: Ask, n_pairs: int) -> list[Pair]:
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
