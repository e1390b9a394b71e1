import json
import time
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.base import Item
from steelyard.weigh.graders.json_schema import check, fits, grade

NONE: dict[str, object] = {"schema": None}


def value(answer: object, gold: object, schema: object = None) -> Fraction | None:
    sample = Sample("a", "?", json.dumps(gold))
    return grade(json.dumps(answer), sample, {"schema": schema}).value


def test_each_field_counts_alike() -> None:
    gold = {"a": "X y", "b": 2, "c": [1, {"d": True}], "e": None}
    assert value({"a": "x  Y", "b": 2.0, "c": [1, {"d": True}], "e": None}, gold) == 1
    assert value({"a": "x y", "b": 3, "c": [1, {"d": 1}], "e": None}, gold) == Fraction(1, 2)
    assert value({"a": "x y"}, {"a": "x y", "b": 1}) == Fraction(1, 2)
    assert value([1], gold) == 0
    assert value({"a": 1}, {"a": True}) == 0
    assert value({"a": 3}, {"a": "3"}) == 1


def test_fields_may_come_as_an_object_of_texts() -> None:
    sample = Sample("a", "?", {"n": "3", "city": "Lyon"})
    assert grade('{"n": 3, "city": "lyon"}', sample, NONE).value == 1


def test_valid_alone_is_enough_without_fields() -> None:
    item = Item("a", "?", "", extras={"schema": {"type": "array", "maxItems": 2}})
    assert grade("[1, 2]", item, NONE).value == 1
    assert grade("[1, 2, 3]", item, NONE).reason == "invalid at $: maxItems is not met"


def test_a_reason_does_not_carry_the_answer() -> None:
    schema = {"properties": {"a": {"type": "integer"}}}
    given = grade('{"a": "secret"}', Sample("a", "?", "{}"), {"schema": schema})
    assert given.value == 0
    assert "secret" not in given.reason


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("x", "an object"),
        ({"type": 3}, "schema: "),
        ({"$ref": "http://127.0.0.1:9/x"}, "refers to something"),
        ({"patternProperties": {"(a+)+$": {}}}, "not supported"),
    ],
)
def test_an_unsound_schema_is_refused_at_the_start(schema: object, reason: str) -> None:
    assert reason in check({"schema": schema})
    assert reason in fits(Item("a", "?", "{}", extras={"schema": schema}))


def test_a_reference_that_leads_nowhere_is_the_task_s_fault() -> None:
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}
    assert value({"a": 1}, {"a": 1}, schema) is None
    assert value({"a": "x"}, {"a": "x"}, {"properties": {"a": {"pattern": "("}}}) is None


def test_a_pattern_cannot_hang() -> None:
    began = time.monotonic()
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    assert value({"a": "a" * 5000 + "!"}, {"a": "x"}, schema) == 0
    assert value({"a": "aaa"}, {"a": "aaa"}, schema) == 1
    assert time.monotonic() - began < 2


def test_a_part_of_another_dialect_brings_no_slow_patterns_in() -> None:
    slow = {"type": "string", "pattern": "^(a+)+$"}
    draft = "http://json-schema.org/draft-07/schema#"
    part = {"properties": {"a": {"$schema": draft, **slow}}}
    assert "$schema" in check({"schema": part})
    assert "$schema" in fits(Item("a", "?", "", extras={"schema": {"anyOf": [part]}}))
    named = {"type": "object", "properties": {"$schema": {"type": "string"}}}
    assert check({"schema": {"$schema": draft, **named}}) == ""
    # The whole may name one, and refer to itself.
    around = {"$schema": draft, "properties": {"b": {"$ref": "#"}, "a": slow}}
    began = time.process_time()
    assert value({"b": {"a": "a" * 40 + "!"}}, {"b": 1}, around) == 0
    assert time.process_time() - began < 1


def test_references_that_double_each_other_are_given_up() -> None:
    parts: dict[str, object] = {"p0": {"type": "object"}}
    for n in range(1, 40):
        parts[f"p{n}"] = {"allOf": [{"$ref": f"#/$defs/p{n - 1}"}] * 2}
    began = time.process_time()
    assert "too deeply" in check({"schema": {"$defs": parts, "$ref": "#/$defs/p39"}})
    assert time.process_time() - began < 20


def test_fields_or_a_schema_are_needed() -> None:
    assert check(NONE) == ""
    assert fits(Sample("a", "?", '{"a": 1}')) == ""
    assert fits(Sample("a", "?", {"a": "1"})) == ""
    assert "no JSON" in fits(Sample("a", "?", "{"))
    assert "no JSON object" in fits(Sample("a", "?", "[1]"))
    assert "needed" in fits(Item("a", "?", ""))
