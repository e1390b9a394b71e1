from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import context
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe
from weigh.authenticity.probing import OURS, model

ERROR = Fraction(1, 500)


def _needles(lost: tuple[float, ...]) -> list[Pair]:
    """The suspect does not find what lies at these depths."""
    suspect = [
        replace(one, text="I do not know.") if find_probe(one.probe_id).depth in lost else one
        for one in model(OURS, seed=2)
    ]
    return of_kind(paired(model(OURS, seed=1, samples=30), suspect), Kind.NEEDLE)


def test_a_cut_middle_is_found_with_its_depths() -> None:
    found = context.test(_needles((0.4375, 0.5625)), error=ERROR, seed=0)
    assert found.p <= ERROR
    assert found.lost == (0.4375, 0.5625)
    assert (found.found_reference, found.found_suspect) == (1.0, 0.75)


def test_a_whole_context_raises_nothing() -> None:
    found = context.test(_needles(()), error=ERROR, seed=0)
    assert (found.p, found.lost, found.n) == (1.0, (), 32)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [("{}", True), ("The code is {}.", True), ("", False), ("000000", False)],
)
def test_a_code_is_found_in_words(text: str, is_found: bool) -> None:
    probe = find_probe("needle-en-1600-0")
    answer = ProbeAnswer(probe.id, text.format(probe.expected))
    assert context.is_found(probe, answer) is is_found


def test_marks_within_a_code_do_not_matter() -> None:
    probe = find_probe("needle-en-1600-0")
    code = probe.expected or ""
    assert context.is_found(probe, ProbeAnswer(probe.id, f"{code[:3]},{code[3:]}"))


def test_nothing_to_compare_is_no_finding() -> None:
    assert context.test([], error=ERROR, seed=0).n == 0
