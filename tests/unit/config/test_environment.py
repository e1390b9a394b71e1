"""``${NAME}``: filled in, missing ones named, values never shown."""

from __future__ import annotations

from steelyard.config.document import parse
from steelyard.config.environment import substitute


def test_values_come_from_the_environment() -> None:
    document = parse("a: ${X}\nb: ['pre-${X}-post', '${Y:-none}', '$${X}']\n", "f")
    assert substitute(document, {"X": "1"}) == []
    assert document.value == {"a": "1", "b": ["pre-1-post", "none", "${X}"]}


def test_a_missing_variable_is_named_with_its_line() -> None:
    document = parse("a: 1\nb:\n  c: ${MISSING}\n", "f")
    assert [str(f) for f in substitute(document, {})] == [
        "f:3: b.c: environment variable MISSING is not set; export it or remove this key"
    ]


def test_a_value_is_not_filled_in_again() -> None:
    document = parse("a: ${X}\n", "f")
    assert substitute(document, {"X": "${SECRET}", "SECRET": "s"}) == []
    assert document.value == {"a": "${SECRET}"}


def test_a_misshapen_reference_is_said() -> None:
    document = parse("a: ${not-a-name}\nb: '${open'\n", "f")
    assert len(substitute(document, {})) == 2
