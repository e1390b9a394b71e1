from dataclasses import replace
from fractions import Fraction

import pytest

from steelyard.weigh.authenticity import usage
from steelyard.weigh.authenticity.pairs import paired
from steelyard.weigh.authenticity.probes import ProbeAnswer
from weigh.authenticity.probing import OTHERS, OURS, inflated, model

ERROR = Fraction(1, 500)


def test_equal_counts_raise_nothing() -> None:
    pairs = paired(model(OURS, seed=1), model(OURS, seed=2))
    for audit in (usage.audit_prompts, usage.audit_completions):
        found = audit(pairs, error=ERROR, seed=0)
        assert (found.p, found.factor, found.n > 0) == (1.0, 1.0, True)


@pytest.mark.parametrize(("factor", "constant"), [(1.1, 0), (1.0, 10), (1.05, 0), (0.8, 0)])
def test_inflated_or_capped_prompt_counts_are_found_and_measured(
    factor: float, constant: int
) -> None:
    suspect = inflated(model(OURS, seed=2), factor=factor, constant=constant)
    found = usage.audit_prompts(paired(model(OURS, seed=1), suspect), error=ERROR, seed=0)
    assert found.p <= ERROR
    assert found.slope == pytest.approx(factor, abs=0.01)
    assert found.constant == pytest.approx(constant, abs=1)


def test_inflated_completion_counts_are_found_though_texts_differ_by_chance() -> None:
    suspect = [
        replace(one, completion_tokens=(one.completion_tokens or 0) + 2)
        for one in model(OURS, seed=2)
    ]
    found = usage.audit_completions(paired(model(OURS, seed=1), suspect), error=ERROR, seed=0)
    assert found.p <= ERROR
    assert found.constant == pytest.approx(2, abs=0.1)


def test_other_texts_are_no_matter_of_counts() -> None:
    pairs = paired(model(OURS, seed=1), model(OTHERS, seed=2))
    assert usage.audit_completions(pairs, error=ERROR, seed=0).p == 1.0


def test_one_odd_count_is_no_alarm() -> None:
    suspect = model(OURS, seed=2)
    suspect[0] = replace(suspect[0], prompt_tokens=999)
    found = usage.audit_prompts(paired(model(OURS, seed=1), suspect), error=ERROR, seed=0)
    assert found.p > ERROR


def test_unreported_counts_cannot_be_compared() -> None:
    suspect = [replace(one, prompt_tokens=None) for one in model(OURS, seed=2)]
    assert usage.audit_prompts(paired(model(OURS, seed=1), suspect), error=ERROR, seed=0).n == 0


def test_an_honest_channel_breaks_no_law() -> None:
    assert usage.laws(model(OURS, seed=1)) == []


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            [
                ProbeAnswer("open-en-00", "Cat", "stop", 20, 1),
                ProbeAnswer("open-en-00", "Dog", "stop", 21, 1),
            ],
            "one prompt, reported as [20, 21] tokens",
        ),
        ([ProbeAnswer("open-en-00", "Cat", "stop", 900, 1)], "more prompt tokens than the prompt"),
        ([ProbeAnswer("open-en-00", "Cat", "length", 20, 13)], "13 tokens where 12 were allowed"),
        ([ProbeAnswer("open-en-00", "Cat", "length", 20, 11)], "ended by its limit of 12 after 11"),
        ([ProbeAnswer("open-en-00", "Cat", "stop", 20, 9)], "9 tokens for 3 bytes"),
        (
            [
                ProbeAnswer(f"counted-en-00-x{n}", "", "length", count, 1)
                for n, count in ((1, 30), (3, 60), (9, 70))
            ],
            "do not grow evenly",
        ),
    ],
)
def test_counts_that_no_tokenizer_gives_are_named(answers: list[ProbeAnswer], words: str) -> None:
    (broken,) = usage.laws(answers)
    assert words in broken
