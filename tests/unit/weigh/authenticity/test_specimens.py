from dataclasses import replace

from steelyard.weigh.authenticity import specimens
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe
from weigh.authenticity.probing import OTHERS, OURS, inflated, model


def _pairs(suspect: list[ProbeAnswer]) -> list[Pair]:
    return paired(model(OURS, seed=1), suspect)


def test_the_least_typical_answers_are_shown_beside_usual_ones() -> None:
    shown = specimens.of_answers(of_kind(_pairs(model(OTHERS, seed=2)), Kind.OPEN), "finding")
    assert len(shown) == len({one.probe_id for one in shown}) == 5
    assert all(set(one.got.split()) & {"castle", "forest", "king"} for one in shown)
    assert all(1 <= len(one.expected) <= 3 for one in shown)
    assert shown[0].prompt == find_probe(shown[0].probe_id).prompt


def test_the_counts_that_stray_most_are_shown() -> None:
    shown = specimens.of_prompts(_pairs(inflated(model(OURS, seed=2), factor=1.1)), "prompt_count")
    assert shown[0].probe_id.startswith("needle-en")  # the longest prompt strays most
    assert shown[0].got.endswith(" tokens")
    assert specimens.of_prompts(_pairs(model(OURS, seed=2)), "prompt_count") == []


def test_completions_are_compared_where_the_limit_ended_them() -> None:
    suspect = [
        replace(one, completion_tokens=99) if one.finish_reason == "length" else one
        for one in model(OURS, seed=2)
    ]
    shown = specimens.of_completions(_pairs(suspect), "completion_count")
    assert {one.got for one in shown} == {"99 tokens"}
    assert all(one.probe_id.startswith("obey") for one in shown)


def test_of_a_long_document_only_the_question_is_shown() -> None:
    suspect = [replace(one, text="No idea") for one in model(OURS, seed=2)]
    shown = specimens.of_context(of_kind(_pairs(suspect), Kind.NEEDLE), "context_cut")
    assert len(shown) == 5
    assert all(len(one.prompt) < 100 for one in shown)
    assert shown[0].expected == (find_probe(shown[0].probe_id).expected,)


def test_lengths_show_whole_answers() -> None:
    shown = specimens.of_lengths(of_kind(_pairs(model(OURS, seed=2)), Kind.OBEDIENCE), "limit")
    assert shown[0].got.startswith("1")
