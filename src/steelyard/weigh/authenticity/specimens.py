"""The most telling answers behind an alarm, for an evidence file.

Probes are public and ours, so prompts and answers may be shown. Five of each are enough to look at;
the figures of the finding are the proof.

Called by ``verdict``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from steelyard.weigh.authenticity.context import is_found
from steelyard.weigh.authenticity.mixture import untypical
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer

__all__ = ["Specimen", "of_answers", "of_completions", "of_context", "of_lengths", "of_prompts"]

_SHOWN_MAX = 5
_EXPECTED_MAX = 3


@dataclass(frozen=True, slots=True)
class Specimen:
    """One telling answer to one of our public probes."""

    probe_id: str
    finding: str
    """Name of the finding it belongs to."""
    prompt: str
    """Of a needle probe only the question; the document is made anew from the probe's id."""
    got: str
    """What the suspect answered or reported."""
    expected: tuple[str, ...]
    """What the reference answered or reported, most frequent first."""


def of_answers(pairs: Sequence[Pair], finding: str) -> list[Specimen]:
    """The least typical answers, one a probe."""
    ranked = []
    for pair in pairs:
        scores = untypical((*pair.reference, *pair.suspect))[len(pair.reference) :]
        best = max(range(len(scores)), key=lambda n, scores=scores: scores[n])  # type: ignore[misc]
        ranked.append((scores[best], pair, pair.suspect[best]))
    ranked.sort(key=lambda entry: -entry[0])
    return [
        _specimen(pair, finding, answer.text, [known.text for known in pair.reference])
        for _, pair, answer in ranked[:_SHOWN_MAX]
    ]


def of_prompts(pairs: Sequence[Pair], finding: str) -> list[Specimen]:
    """The calls whose prompt count strays most from the reference's."""
    return _of_counts(pairs, finding, lambda answer: answer.prompt_tokens)


def of_completions(pairs: Sequence[Pair], finding: str) -> list[Specimen]:
    """The calls whose completion count strays most, among those that ``max_tokens`` ended."""

    def count(answer: ProbeAnswer) -> int | None:
        return answer.completion_tokens if answer.finish_reason == "length" else None

    return _of_counts(pairs, finding, count)


def of_context(pairs: Sequence[Pair], finding: str) -> list[Specimen]:
    """Questions that the suspect could not answer."""
    return [
        _specimen(pair, finding, answer.text, [pair.probe.expected or ""])
        for pair in pairs
        for answer in pair.suspect
        if not is_found(pair.probe, answer)
    ][:_SHOWN_MAX]


def of_lengths(pairs: Sequence[Pair], finding: str) -> list[Specimen]:
    """Answers to tasks without an end."""
    return [
        _specimen(pair, finding, answer.text, [known.text for known in pair.reference])
        for pair in pairs
        for answer in pair.suspect
    ][:_SHOWN_MAX]


def _of_counts(
    pairs: Sequence[Pair], finding: str, count: Callable[[ProbeAnswer], int | None]
) -> list[Specimen]:
    ranked = []
    for pair in pairs:
        ours = [known for known in map(count, pair.reference) if known is not None]
        theirs = [known for known in map(count, pair.suspect) if known is not None]
        if ours and theirs:
            usual = median(ours)
            worst = max(theirs, key=lambda n, usual=usual: abs(n - usual))  # type: ignore[misc]
            ranked.append((abs(worst - usual), pair, worst, ours))
    ranked.sort(key=lambda entry: -entry[0])
    return [
        _specimen(pair, finding, _tokens(worst), map(_tokens, ours))
        for stray, pair, worst, ours in ranked[:_SHOWN_MAX]
        if stray
    ]


def _tokens(count: int) -> str:
    return f"{count} tokens"


def _specimen(pair: Pair, finding: str, got: str, expected: Iterable[str]) -> Specimen:
    usual = tuple(text for text, _ in Counter(expected).most_common(_EXPECTED_MAX))
    return Specimen(pair.probe.id, finding, _shown(pair.probe), got, usual)


def _shown(probe: Probe) -> str:
    return probe.prompt.rsplit("\n", 1)[-1] if probe.kind is Kind.NEEDLE else probe.prompt
