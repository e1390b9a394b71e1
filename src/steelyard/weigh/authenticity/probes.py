"""What is asked to find out whether a channel serves the model it sells, and what came back.

The prompts are public and our own (``probes.yaml``), so their texts and the answers to them may
stand in an evidence file. Five kinds:

- *open*: sampled at temperature 1, several times each; compared as distributions;
- *steady*: asked at temperature 0, several times each; a model says nearly the same each time;
- *counted*: prompts and echoes whose token counts do not depend on chance;
- *obedience*: tasks without an end, so that ``max_tokens`` alone ends the answer;
- *needle*: questions about one line of a long document, at different depths.

Called by the live side, which asks, by ``pool``, and by the tests of this package. Nothing here
asks anybody.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from steelyard.domain.errors import ConfigError

__all__ = ["CONTEXT_CHARS", "Kind", "Probe", "ProbeAnswer", "find_probe", "probes"]

_FILE = Path(__file__).parent / "probes.yaml"
_OPEN_SAMPLES = 6
_OPEN_TOKENS = 12
"""Whatever tells two models apart shows early: after some words samples of one model differ too."""
_STEADY_SAMPLES = 6
"""Of few prompts, so that one that other hardware answers otherwise is told from a mixture, which
shows in most of them."""
_STEADY_TOKENS = 16
_REPEATS = (1, 3, 9)
_OBEDIENCE_TOKENS = (1, 5, 12, 20)
_ECHO_TOKENS = 48
_NEEDLE_TOKENS = 12
_NEEDLE_SAMPLES = 2
_NEEDLES = 8
CONTEXT_CHARS: Mapping[str, int] = {"en": 1600, "zh": 600}
"""Length of the needle document in characters, by language: about five hundred tokens."""
_CONTEXT_CHARS_MAX = 4_000_000
"""Longer documents are not built from an id that somebody sent."""
_COUNT_MAX = 10**12
_HAYSTACK_SEED = 20240
_STEADY: Mapping[str, float] = {"temperature": 0}
_NEEDLE_ID = re.compile(r"needle-(en|zh)-([0-9]{1,9})-[0-7]")


class Kind(StrEnum):
    """What a probe is for."""

    OPEN = "open"
    STEADY = "steady"
    COUNTED = "counted"
    OBEDIENCE = "obedience"
    NEEDLE = "needle"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question, to be asked ``samples`` times."""

    id: str
    """Such as ``open-en-03``; the same id means the same prompt and the same ``max_tokens``."""
    kind: Kind
    language: str
    """``en`` or ``zh``."""
    prompt: str
    """The one user message; there is no system message."""
    max_tokens: int
    samples: int = 1
    """How often a suspect is asked; a reference may be asked more often."""
    group: str = ""
    """Counted: probes of one group hold one text, repeated ``repeats`` times."""
    repeats: int = 1
    expected: str | None = None
    """Needle: what the answer must contain. Counted: what an echo must say."""
    depth: float | None = None
    """Needle: where it lies, from 0 (start of the document) to 1."""

    @property
    def sampling(self) -> Mapping[str, float]:
        """Parameters that this question asks for, whatever others are asked with."""
        return _STEADY if self.kind is Kind.STEADY else {}


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a channel answered to one call; what it did not tell is None."""

    probe_id: str
    text: str
    finish_reason: str | None = None
    """As the channel said, in OpenAI's words: ``stop``, ``length``, ..."""
    prompt_tokens: int | None = None
    """As reported."""
    completion_tokens: int | None = None
    """As reported."""
    first_s: float | None = None
    """Seconds to the first token, streamed answers only."""
    total_s: float | None = None
    """Seconds to the end of the answer."""
    logprobs: tuple[tuple[str, float], ...] | None = None
    """Natural log-probabilities of the likeliest first tokens, likeliest first."""

    def __post_init__(self) -> None:
        """Brings absurd counts, which a vendor may report, to the nearest that can be reckoned."""
        for name in ("prompt_tokens", "completion_tokens"):
            count = getattr(self, name)
            if count is not None and not 0 <= count <= _COUNT_MAX:
                object.__setattr__(self, name, min(max(count, 0), _COUNT_MAX))


def probes(context_chars: Mapping[str, int] = CONTEXT_CHARS) -> tuple[Probe, ...]:
    """All probes, at most 300 calls in sum of their samples.

    Args:
        context_chars: length of the needle document by language (``en``, ``zh``), in characters.
            A document longer than what a reseller keeps is needed to find a cut; longer ones cost
            more and need a reference of the same length.

    Raises:
        ConfigError: a document too short to hold its needles.
    """
    return _probes(tuple(sorted(context_chars.items())))


def find_probe(probe_id: str) -> Probe:
    """The probe of this id; that of a needle says how long its document is.

    Raises:
        ConfigError: there is none.
    """
    found = _NEEDLE_ID.fullmatch(probe_id)
    chars = dict(CONTEXT_CHARS)
    if found and found[1] in chars:
        chars[found[1]] = min(int(found[2]), _CONTEXT_CHARS_MAX)
    known = {probe.id: probe for probe in probes(chars)}
    if probe_id not in known:
        raise ConfigError(f"no probe {probe_id}")
    return known[probe_id]


@lru_cache(maxsize=8)
def _probes(context_chars: tuple[tuple[str, int], ...]) -> tuple[Probe, ...]:
    data = yaml.safe_load(_FILE.read_text("utf-8"))
    return (
        *_open(data["open"]),
        *_steady(data["steady"]),
        *_counted(data["counted"]),
        *_echoed(data["echoed"]),
        *_obedience(data["endless"]),
        *(
            probe
            for language, chars in context_chars
            for probe in _needles(language, chars, data["haystack"][language])
        ),
    )


def _open(prompts: Mapping[str, list[str]]) -> list[Probe]:
    return [
        Probe(f"open-{language}-{n:02d}", Kind.OPEN, language, text, _OPEN_TOKENS, _OPEN_SAMPLES)
        for language, texts in prompts.items()
        for n, text in enumerate(texts)
    ]


def _steady(prompts: Mapping[str, list[str]]) -> list[Probe]:
    return [
        Probe(
            id=f"steady-{language}-{n:02d}",
            kind=Kind.STEADY,
            language=language,
            prompt=text,
            max_tokens=_STEADY_TOKENS,
            samples=_STEADY_SAMPLES,
        )
        for language, texts in prompts.items()
        for n, text in enumerate(texts)
    ]


def _counted(texts: Mapping[str, list[str]]) -> list[Probe]:
    return [
        Probe(
            id=f"counted-{language}-{n:02d}-x{repeats}",
            kind=Kind.COUNTED,
            language=language,
            prompt="\n".join([text] * repeats),
            max_tokens=1,
            group=f"{language}-{n:02d}",
            repeats=repeats,
        )
        for language, lines in texts.items()
        for n, text in enumerate(lines)
        for repeats in _REPEATS
    ]


def _echoed(texts: Mapping[str, list[str]]) -> list[Probe]:
    ask = {
        "en": "Repeat this text exactly, nothing else:\n",
        "zh": "请一字不差地重复下面的文字：\n",
    }
    return [
        Probe(
            id=f"echo-{language}-{n:02d}",
            kind=Kind.COUNTED,
            language=language,
            prompt=ask[language] + text,
            max_tokens=_ECHO_TOKENS,
            expected=text,
        )
        for language, lines in texts.items()
        for n, text in enumerate(lines)
    ]


def _obedience(prompts: Mapping[str, str]) -> list[Probe]:
    return [
        Probe(f"obey-{language}-{tokens:02d}", Kind.OBEDIENCE, language, text, tokens)
        for language, text in prompts.items()
        for tokens in _OBEDIENCE_TOKENS
    ]


def _needles(language: str, chars: int, words: Mapping[str, Any]) -> list[Probe]:
    """One document with all needles, so that a prompt cache pays for it once."""
    draw = random.Random(_HAYSTACK_SEED)  # noqa: S311 - a document, not a secret
    codes = [str(draw.randrange(100_000, 1_000_000)) for _ in range(_NEEDLES)]
    places = words["places"]
    needles = [
        words["needle"].format(place=place, code=code)
        for place, code in zip(places, codes, strict=True)
    ]
    room = chars - sum(map(len, needles))
    if room < chars // 2:
        raise ConfigError(f"{chars} characters are too few for {_NEEDLES} needles")
    lines = []
    while room > 0:
        line = words["line"].format(
            day=draw.choice(words["days"]),
            place=draw.choice(places),
            count=draw.randrange(2, 99),
            goods=draw.choice(words["goods"]),
        )
        lines.append(line)
        room -= len(line) + 1
    step = len(lines) / _NEEDLES
    for n in reversed(range(_NEEDLES)):
        lines.insert(int((n + 0.5) * step), needles[n])
    document = words["intro"] + "\n\n" + "\n".join(lines)
    return [
        Probe(
            id=f"needle-{language}-{chars}-{n}",
            kind=Kind.NEEDLE,
            language=language,
            prompt=f"{document}\n\n{words['question'].format(place=places[n])}",
            max_tokens=_NEEDLE_TOKENS,
            samples=_NEEDLE_SAMPLES,
            expected=codes[n],
            depth=(n + 0.5) / _NEEDLES,
        )
        for n in range(_NEEDLES)
    ]
