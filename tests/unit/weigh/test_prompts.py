from dataclasses import replace
from decimal import Decimal

import pytest

from steelyard.domain.tasks import Constraint, PromptForm, Sample
from steelyard.weigh.prompts import label_grammar, prepare, shuffled

PLAIN = PromptForm("plain")
ASKED = Sample("q1", "Which is red?", "B", choices=("sky", "blood", "grass", "coal"))


def test_a_plain_request_has_no_model_and_no_more_than_it_needs() -> None:
    prepared = prepare(PLAIN, Sample("a", "Good?", "yes", ("yes", "no")), 1)
    assert prepared.request == {
        "messages": [{"role": "user", "content": "Good?"}],
        "temperature": 0.0,
        "max_tokens": 16,
    }


def test_system_and_sampling_are_the_form_s() -> None:
    form = PromptForm("f", "Q: {input}", "Be brief.", Decimal("0.2"), 5)
    request = prepare(form, Sample("a", "Good?", "yes"), 1).request
    assert request["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Q: Good?"},
    ]
    assert (request["temperature"], request["max_tokens"]) == (0.2, 5)


def test_braces_in_a_sample_are_text() -> None:
    sample = replace(ASKED, input="What do {choices} and {input} mean? {0} {x}")
    form = PromptForm("f", "{input}\n{choices}")
    content = str(prepare(form, sample, 1).request["messages"])
    assert content.count("{choices} and {input} mean? {0} {x}") == 1
    assert content.count("blood") == 1


def test_shuffled_options_carry_the_right_letter_along() -> None:
    form = PromptForm("f", "{input}\n{choices}")
    places = set()
    for seed in range(40):
        shown = prepare(form, ASKED, seed).sample
        assert sorted(shown.choices) == sorted(ASKED.choices)
        letter = str(shown.reference)
        assert shown.choices["ABCD".index(letter)] == "blood"
        assert shown.labels == ("A", "B", "C", "D")
        places.add(letter)
    assert places == set("ABCD")


def test_a_question_is_always_shuffled_alike_and_another_otherwise() -> None:
    form = PromptForm("f", "{input}\n{choices}")
    assert prepare(form, ASKED, 1) == prepare(form, ASKED, 1)
    orders = {prepare(form, replace(ASKED, id=f"q{i}"), 1).sample.choices for i in range(30)}
    assert len(orders) > 10
    # Pinned: verdicts made by one version must be read by the next.
    assert prepare(form, ASKED, 1).sample.choices == ("sky", "coal", "grass", "blood")


def test_the_run_s_order_is_fixed_by_the_seed_alone() -> None:
    ids = [f"i{n}" for n in range(50)]
    assert shuffled(ids, 1) == shuffled(reversed(ids), 1)
    assert shuffled(ids, 1) != shuffled(ids, 2)
    assert shuffled(ids, 1) != ids


def test_a_grammar_allows_exactly_the_labels() -> None:
    assert label_grammar(["正面", 'say "no"']) == 'root ::= "正面" | "say \\"no\\""'


@pytest.mark.parametrize(
    ("constraint", "key"),
    [
        (Constraint.NONE, None),
        (Constraint.GRAMMAR, "grammar"),
        (Constraint.JSON_SCHEMA, "response_format"),
    ],
)
def test_the_constraint_is_one_field_of_the_request(
    constraint: Constraint, key: str | None
) -> None:
    form = replace(PLAIN, constraint=constraint)
    label = prepare(form, Sample("a", "Good?", "yes", ("yes", "no")), 1).request
    slots = prepare(form, Sample("a", "When?", {"time": "9", "day": "Monday"}), 1).request
    assert ("grammar" in label) == (key == "grammar")
    assert ("response_format" in slots) == (key == "response_format")
    assert "response_format" not in label
    assert "grammar" not in slots


def test_the_schema_names_the_slots_but_not_their_values() -> None:
    form = replace(PLAIN, constraint=Constraint.JSON_SCHEMA)
    request = prepare(form, Sample("a", "When?", {"time": "9 pm", "day": "Monday"}), 1).request
    assert "'required': ['day', 'time']" in str(request)
    assert "Monday" not in str(request)


def test_a_sample_with_messages_is_asked_as_it_is() -> None:
    turns = (
        {"role": "user", "content": [{"type": "text", "text": "Weather {input}?"}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "look"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    )
    tools = [{"type": "function", "function": {"name": "look"}}]
    sample = Sample("a", "Weather?", "rain", messages=turns, request_fields={"tools": tools})
    form = PromptForm("f", "Q: {input}", "Be brief.", Decimal("0.2"), 5)
    assert prepare(form, sample, 1).request == {
        "messages": list(turns),
        "tools": tools,
        "temperature": 0.2,
        "max_tokens": 5,
    }
