"""Answers made up for the tests of authenticity: two models with habits of their own."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, probes

OURS = {"lighthouse": 5, "harbour": 3, "gull": 2, "tide": 1}
OTHERS = {"castle": 5, "harbour": 2, "forest": 3, "king": 1}


def model(words: Mapping[str, int], *, seed: int, samples: int = 10) -> list[ProbeAnswer]:
    """Answers to all probes by a model that draws its words with these weights."""
    draw = random.Random(seed)
    return [answer(probe, words, draw) for probe in probes() for _ in range(_asked(probe, samples))]


def _asked(probe: Probe, samples: int) -> int:
    if probe.kind is Kind.OPEN:
        return samples
    return samples // 2 if probe.kind is Kind.STEADY else 1 + samples // 10


def answer(probe: Probe, words: Mapping[str, int], draw: random.Random) -> ProbeAnswer:
    """One answer with honest counts: a token is a word, or four bytes of a prompt."""
    if probe.kind is Kind.OPEN:
        text = " ".join(draw.choices(list(words), list(words.values()), k=draw.randrange(3, 6)))
    elif probe.kind is Kind.STEADY:
        always = random.Random(f"{probe.id} {sorted(words)}")
        text = " ".join(always.choices(list(words), k=6))
    elif probe.kind is Kind.OBEDIENCE:
        text = " ".join(map(str, range(1, probe.max_tokens + 1)))
    else:
        text = probe.expected or "Yes"
    is_cut = probe.kind is Kind.OBEDIENCE
    return ProbeAnswer(
        probe_id=probe.id,
        text=text,
        finish_reason="length" if is_cut else "stop",
        prompt_tokens=len(probe.prompt.encode()) // 4 + 8,
        completion_tokens=min(len(text.split()), probe.max_tokens),
        first_s=0.2 + draw.random() / 10,
        total_s=0.6 + draw.random() / 10,
    )


def inflated(
    answers: Sequence[ProbeAnswer], *, factor: float = 1.0, constant: int = 0
) -> list[ProbeAnswer]:
    """The same answers with other prompt counts."""
    return [
        replace(one, prompt_tokens=round((one.prompt_tokens or 0) * factor) + constant)
        for one in answers
    ]
