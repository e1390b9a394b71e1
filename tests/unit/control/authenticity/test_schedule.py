"""What is asked, of whom, and when."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from steelyard.control.authenticity.schedule import (
    CALLS_MAX,
    CALLS_MIN,
    Side,
    digest,
    pause_s,
    plan,
)
from steelyard.weigh.authenticity.probes import Kind, probes

BOTH = (Side.SUSPECT, Side.REFERENCE)
KINDS = {probe.id: probe.kind for probe in probes()}


@pytest.mark.parametrize("calls", [CALLS_MIN, 120, CALLS_MAX])
def test_both_sides_are_asked_the_same_and_no_more_than_allowed(calls: int) -> None:
    slots = plan(probes(), BOTH, calls, Random(1))
    suspect, reference = ({s[1:] for s in slots if s.side == side} for side in BOTH)
    assert suspect == reference
    assert len(slots) == 2 * len(suspect) == 2 * min(calls, sum(p.samples for p in probes()))
    assert len(set(slots)) == len(slots)


def test_what_does_not_fit_are_samples_of_open_questions() -> None:
    slots = plan(probes(), (Side.SUSPECT,), 100, Random(1))
    asked = Counter(slot.probe for slot in slots)
    many = (Kind.OPEN, Kind.STEADY)
    # Of the other kinds each is asked once, and no second time at the cost of these.
    assert all(asked[probe.id] == 1 for probe in probes() if probe.kind not in many)
    # Nobody is asked a second time before everybody was asked once.
    often = [asked[probe.id] for probe in probes() if probe.kind in many]
    assert max(often) - min(often) <= 1


def test_what_is_asked_twice_comes_again_half_way_through_the_open_questions() -> None:
    once = sum(probe.kind not in (Kind.OPEN, Kind.STEADY) for probe in probes())
    opens = sum(probe.samples for probe in probes() if probe.kind is Kind.OPEN)
    needles = sum(probe.kind is Kind.NEEDLE for probe in probes())
    steady = [probe.samples for probe in probes() if probe.kind is Kind.STEADY]
    half = once + opens // 2 + sum(steady) // 2

    def needles_of(calls: int) -> int:
        slots = plan(probes(), (Side.SUSPECT,), calls, Random(1))
        return sum(KINDS[slot.probe] is Kind.NEEDLE for slot in slots)

    assert needles_of(half) == needles
    a_round = needles + len(steady) + sum(probe.kind is Kind.OPEN for probe in probes())
    assert needles_of(half + a_round) == 2 * needles


def test_sides_and_kinds_come_mixed_and_the_seed_gives_the_order() -> None:
    slots = plan(probes(), BOTH, CALLS_MAX, Random(1))
    half = len(slots) // 2
    early = sum(slot.side == Side.SUSPECT for slot in slots[:half])
    assert abs(early - half / 2) < half / 4
    assert slots == plan(probes(), BOTH, CALLS_MAX, Random(1))
    assert slots != plan(probes(), BOTH, CALLS_MAX, Random(2))


def test_pauses_have_no_beat_their_mean_is_kept_and_none_lasts_for_ever() -> None:
    chance = Random(1)
    pauses = [pause_s(2.0, chance) for _ in range(2000)]
    assert 1.8 < sum(pauses) / len(pauses) < 2.2
    assert max(pauses) <= 10.0
    assert len({round(pause, 3) for pause in pauses}) > 1000
    assert pause_s(0.0, chance) == 0.0


def test_other_questions_are_another_test() -> None:
    assert digest(probes()) == digest(probes())
    assert digest(probes()) != digest(probes()[1:])
