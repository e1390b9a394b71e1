"""Which question is asked when: shuffled over both sides, with pauses like those between people.

A vendor that slows down at noon, or changes its model over night, does so to both sides alike when
their calls are mixed at random; questions that come back in no order, at no beat, look like
traffic. Pure: chance comes in as a generator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import NamedTuple

from steelyard.weigh.authenticity.probes import Kind, Probe

CALLS_MAX = 300
"""Calls of one test to the suspect: a reseller's terms and a company's money are both finite."""
CALLS_MIN = 50
_MANY = (Kind.OPEN, Kind.STEADY)
"""Kinds whose questions look for the same fault: any of them may stand for another."""
_PAUSES_LONGEST = 5.0
"""The longest pause, in means: one pause of many minutes would be left of a memoryless draw."""


class Side:
    """Who is asked."""

    SUSPECT = "suspect"
    REFERENCE = "reference"


class Slot(NamedTuple):
    """One question to one side; what makes a call of a test one and the same."""

    side: str
    probe: str
    """Id of the probe."""
    sample: int
    """From 0: the same question is asked several times."""


def plan(probes: Sequence[Probe], sides: Sequence[str], calls: int, chance: Random) -> list[Slot]:
    """What to ask, in order; at most ``calls`` questions a side, the same ones on both.

    Where not everything fits, samples of open and steady questions are left out first: of the
    others every question is asked once, for each of them looks for another fault. What one is asked
    more often comes evenly among those samples, so that few calls go to what tells models apart.
    """
    wanted = [(probe.id, 0) for probe in probes if probe.kind not in _MANY]
    rounds: dict[Fraction, list[tuple[str, int]]] = {}
    for probe in probes:
        for n in range(probe.kind not in _MANY, probe.samples):
            rounds.setdefault(Fraction(n, probe.samples), []).append((probe.id, n))
    for _, each in sorted(rounds.items()):
        chance.shuffle(each)
        wanted += each
    slots = [Slot(side, *question) for question in wanted[:calls] for side in sides]
    chance.shuffle(slots)
    return slots


def pause_s(mean_s: float, chance: Random) -> float:
    """How long to wait before the next question, seconds: without memory, as arrivals are."""
    if mean_s <= 0:
        return 0.0
    return min(chance.expovariate(1 / mean_s), _PAUSES_LONGEST * mean_s)


def digest(probes: Sequence[Probe]) -> str:
    """What tells sets of questions apart, SHA-256: answers to other questions are no answers."""
    told = [[p.id, p.prompt, p.max_tokens, p.samples] for p in probes]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
