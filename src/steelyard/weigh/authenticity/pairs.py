"""Answers of a reference and of a suspect, brought together by probe.

Called by the tests of this package. Answers to probes that only one side has say nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, find_probe

__all__ = ["Pair", "of_kind", "paired"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides' answers to one probe, at least one each."""

    probe: Probe
    reference: tuple[ProbeAnswer, ...]
    suspect: tuple[ProbeAnswer, ...]


def paired(reference: Iterable[ProbeAnswer], suspect: Iterable[ProbeAnswer]) -> list[Pair]:
    """What can be compared, by the probes' ids.

    Raises:
        ConfigError: an answer to a probe that is not ours.
    """
    sides: tuple[dict[str, list[ProbeAnswer]], ...] = (defaultdict(list), defaultdict(list))
    for side, answers in zip(sides, (reference, suspect), strict=True):
        for answer in answers:
            side[answer.probe_id].append(answer)
    ours, theirs = sides
    for probe_id in theirs.keys() - ours.keys():
        find_probe(probe_id)  # one that we do not know is a mistake, no missing reference
    return [
        Pair(find_probe(probe_id), tuple(ours[probe_id]), tuple(theirs[probe_id]))
        for probe_id in sorted(ours.keys() & theirs.keys())
    ]


def of_kind(pairs: Sequence[Pair], kind: Kind) -> list[Pair]:
    """Those pairs whose probe is of this kind."""
    return [pair for pair in pairs if pair.probe.kind is kind]
