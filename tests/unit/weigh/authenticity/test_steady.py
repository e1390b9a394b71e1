import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import steady
from steelyard.weigh.authenticity.pairs import Pair
from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, probes

ERROR = Fraction(1, 400)
STEADY = [probe for probe in probes() if probe.kind is Kind.STEADY]
Says = Callable[[Probe, random.Random], str]


def _always(probe: Probe, draw: random.Random) -> str:
    return f"{probe.id} it is, as ever"


def _pairs(suspect: Says, *, reference: Says = _always, n: int = 6, seed: int = 1) -> list[Pair]:
    draw = random.Random(seed)

    def ask(says: Says, probe: Probe) -> tuple[ProbeAnswer, ...]:
        return tuple(ProbeAnswer(probe.id, says(probe, draw)) for _ in range(n))

    return [Pair(probe, ask(reference, probe), ask(suspect, probe)) for probe in STEADY]


def _test(pairs: list[Pair]) -> steady.Steady:
    return steady.test(pairs, error=ERROR, seed=0)


def _sometimes(share: float) -> Says:
    return lambda probe, draw: "Something else" if draw.random() < share else _always(probe, draw)


def _otherwise(*probe_ids: str) -> Says:
    return lambda p, draw: "Something else" if p.id in probe_ids else _always(p, draw)


def test_a_quarter_of_the_calls_to_another_model_is_found() -> None:
    found = _test(_pairs(_sometimes(0.25)))
    assert found.p <= ERROR
    assert found.agree_reference == 1
    assert found.agree_suspect < 0.8
    assert 0.15 < found.foreign < 0.35
    assert found.n == 6 * len(STEADY)


def test_a_quarter_is_found_in_a_model_that_wavers_between_its_own_answers() -> None:
    def wavers(probe: Probe, draw: random.Random) -> str:
        return draw.choice([_always(probe, draw), f"{probe.id} or not"])

    def mixed(probe: Probe, draw: random.Random) -> str:
        return "Something else" if draw.random() < 0.25 else wavers(probe, draw)

    assert _test(_pairs(mixed, reference=wavers)).p <= ERROR
    assert _test(_pairs(wavers, reference=wavers)).p > ERROR


def test_another_model_says_other_things_and_is_as_steady() -> None:
    found = _test(_pairs(lambda probe, draw: "Something else"))
    assert found.p <= ERROR
    assert (found.foreign, found.agree_suspect) == (1, 1)


def test_other_weights_show_in_some_prompts() -> None:
    assert _test(_pairs(_otherwise(*[probe.id for probe in STEADY[::2]]))).p <= ERROR


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_other_hardware_may_turn_a_few_prompts(n: int) -> None:
    assert _test(_pairs(_otherwise(*[probe.id for probe in STEADY[:n]]))).p > ERROR


def test_who_is_steadier_than_the_reference_is_genuine() -> None:
    assert _test(_pairs(_always, reference=_sometimes(0.3))).p > ERROR


def test_spaces_around_an_answer_do_not_matter() -> None:
    found = _test(_pairs(lambda probe, draw: f" {_always(probe, draw)}\n"))
    assert (found.foreign, found.p) == (0, 1)


def test_one_answer_of_the_reference_cannot_be_compared_with() -> None:
    found = _test(_pairs(_sometimes(1), n=1))
    assert (found.n, found.p) == (0, 1)
    assert _test([]).n == 0
