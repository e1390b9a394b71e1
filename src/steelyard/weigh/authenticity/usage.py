"""Are the reported token counts those of the reference? Inflated counts are the quiet surcharge.

A prompt has one count, and so has a text answered, whatever chance does. So counts are compared
between calls that must have equal ones: prompt counts within a probe; completion counts within a
probe among answers of one text, or among those that ``max_tokens`` ended. A swapped model with
other texts therefore raises no alarm here, and an answer whose count has no fellow says nothing.

An honest channel that adds a system prompt or a template of its own reports more, too: the words
say what was measured, a constant or a factor, and leave the intention to the reader.

``laws`` needs no reference: what no honest count can break.

Called by ``verdict``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import linear_regression, median

from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.permutation import Alternative, ScoreStratum, p_value
from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, find_probe

__all__ = ["Counts", "audit_completions", "audit_prompts", "laws"]

_TEMPLATE_TOKENS = 400
"""More than any chat template and default system prompt adds."""
_STOPPED_BY_LIMIT = "length"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the comparison of one side's counts gave."""

    p: float
    factor: float
    """Reported by the suspect over expected, summed over the calls compared; 1 if equal."""
    slope: float
    """Tokens reported for each token expected, by a straight line; 1 if equal or not known."""
    constant: float
    """Tokens on top in each call, by the same line; 0 if equal."""
    n: int
    """Answers of the suspect that were compared."""


def audit_prompts(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Counts:
    """Compares reported prompt counts, call by call of one probe.

    Args:
        pairs: of probes of every kind.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    groups = [
        (_known(a.prompt_tokens for a in p.reference), _known(a.prompt_tokens for a in p.suspect))
        for p in pairs
    ]
    return _audit(groups, error, seed)


def audit_completions(pairs: Sequence[Pair], *, error: Fraction, seed: int) -> Counts:
    """Compares reported completion counts among calls that must have equal ones.

    Args:
        pairs: of probes of every kind.
        error: what the p-value will be compared with.
        seed: of the permutations.
    """
    groups = []
    for pair in pairs:
        ours, theirs = _by_text(pair.reference), _by_text(pair.suspect)
        groups += [(ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())]
    return _audit(groups, error, seed)


def _by_text(answers: Iterable[ProbeAnswer]) -> dict[str, list[int]]:
    """Completion counts by what fixes them; one key stands for all that the limit ended."""
    groups: dict[str, list[int]] = defaultdict(list)
    for answer in answers:
        if answer.completion_tokens is not None and answer.finish_reason is not None:
            is_cut = answer.finish_reason == _STOPPED_BY_LIMIT
            groups["" if is_cut else f"={answer.text}"].append(answer.completion_tokens)
    return groups


def _known(counts: Iterable[int | None]) -> list[int]:
    return [count for count in counts if count is not None]


def _audit(groups: Sequence[tuple[list[int], list[int]]], error: Fraction, seed: int) -> Counts:
    telling = [(ours, theirs) for ours, theirs in groups if ours and theirs]
    strata = [ScoreStratum.of(_logs(ours), _logs(theirs)) for ours, theirs in telling]
    expected = [float(median(ours)) for ours, theirs in telling for _ in theirs]
    reported = [float(count) for _, theirs in telling for count in theirs]
    slope, constant = 1.0, 0.0
    if len(set(expected)) > 1:
        slope, constant = linear_regression(expected, reported)
    elif expected:
        constant = (sum(reported) - sum(expected)) / len(expected)
    return Counts(
        p=p_value(strata, error=error, seed=seed, alternative=Alternative.EITHER),
        factor=sum(reported) / sum(expected) if sum(expected) else 1.0,
        slope=slope,
        constant=constant,
        n=len(reported),
    )


def _logs(counts: Iterable[int]) -> list[float]:
    """Logarithms, so that a long prompt does not outweigh all others."""
    return [math.log1p(count) for count in counts]


def laws(answers: Iterable[ProbeAnswer]) -> list[str]:
    """Sentences about counts that no honest channel can report, with no reference at all.

    What holds for every byte-level tokenizer: a token is at least one byte of text; a text repeated
    grows by equal steps; a prompt has one count; an answer has no more tokens than ``max_tokens``,
    and as many if the channel says that this limit ended it.
    A count inflated by a constant factor keeps most of these laws: that needs a reference.

    Raises:
        ConfigError: an answer to a probe that is not ours.
    """
    known = [(find_probe(answer.probe_id), answer) for answer in answers]
    return [*_prompt_laws(known), *_step_laws(known), *_limit_laws(known)]


def _prompt_laws(known: Sequence[tuple[Probe, ProbeAnswer]]) -> list[str]:
    counts: dict[str, set[int]] = defaultdict(set)
    broken = []
    for probe, answer in known:
        if answer.prompt_tokens is None:
            continue
        counts[probe.id].add(answer.prompt_tokens)
        if answer.prompt_tokens > _bytes(probe.prompt) + _TEMPLATE_TOKENS:
            broken.append(f"{probe.id}: more prompt tokens than the prompt has bytes")
    for probe_id, seen in counts.items():
        if len(seen) > 1:
            broken.append(f"{probe_id}: one prompt, reported as {sorted(seen)} tokens")
    return broken


def _step_laws(known: Sequence[tuple[Probe, ProbeAnswer]]) -> list[str]:
    """Of one text three times and nine times; a count may be off by one where repeats meet."""
    groups: dict[str, dict[int, int]] = defaultdict(dict)
    for probe, answer in known:
        if probe.group and answer.prompt_tokens is not None:
            groups[probe.group].setdefault(probe.repeats, answer.prompt_tokens)
    broken = []
    for group, counts in groups.items():
        places = sorted(counts)
        if len(places) < 3:  # noqa: PLR2004 - two points always lie on a line
            continue
        first, middle, last = places[0], places[1], places[-1]
        step = (counts[middle] - counts[first]) / (middle - first)
        if abs(counts[last] - counts[middle] - step * (last - middle)) > last - middle:
            broken.append(f"counted-{group}: tokens {counts} do not grow evenly with the text")
    return broken


def _limit_laws(known: Sequence[tuple[Probe, ProbeAnswer]]) -> list[str]:
    broken = []
    for probe, answer in known:
        count = answer.completion_tokens
        if count is None:
            continue
        if count > probe.max_tokens:
            broken.append(f"{probe.id}: {count} tokens where {probe.max_tokens} were allowed")
        elif answer.finish_reason == _STOPPED_BY_LIMIT and count < probe.max_tokens:
            broken.append(f"{probe.id}: ended by its limit of {probe.max_tokens} after {count}")
        elif probe.kind is Kind.OPEN and count > _bytes(answer.text) + 2:
            broken.append(f"{probe.id}: {count} tokens for {_bytes(answer.text)} bytes")
    return broken


def _bytes(text: str) -> int:
    """Length in UTF-8; a vendor's JSON may hold half a surrogate pair."""
    return len(text.encode("utf-8", "surrogatepass"))
