"""YAML read strictly: positions, exact numbers, and everything that is refused."""

from __future__ import annotations

import pytest

from steelyard.config import document as reader
from steelyard.config.document import DocumentError, Position, dotted, parse


def problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        parse(text, "f.yaml")
    return [str(finding) for finding in caught.value.findings]


def test_plain_values_follow_the_core_schema_and_fractions_stay_text() -> None:
    document = parse(
        "a: 1\nb: -2\nc: 0.1\nd: 1e3\ne: no\nf: 12:30\n"
        "g: true\nh: ~\ni: '7'\nj: 0777\nk: 2024-05-01",
        "f",
    )
    assert document.value == {
        "a": 1,
        "b": -2,
        "c": "0.1",
        "d": "1e3",
        "e": "no",
        "f": "12:30",
        "g": True,
        "h": None,
        "i": "7",
        "j": "0777",
        "k": "2024-05-01",
    }


def test_every_value_knows_its_place() -> None:
    document = parse("a:\n  b:\n    - x\n    - c: y\n", "f")
    assert document.position(("a", "b", 1, "c")) == Position(4, 7)
    assert document.position(("a", "b", 1, "unknown")).line == 4
    assert dotted(("a", "b", 1, "c")) == "a.b[1].c"


def test_doubled_keys_are_refused_with_both_lines() -> None:
    assert problems("a: 1\nb: 2\na: 3\n") == ["f.yaml:3: a: stands twice; first on line 1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys"),
        ("a: !!python/object:os.system x", "tags such as"),
        ("a: !own x", "tags such as"),
        ("? [a, b]\n: 1", "a key must be a plain text"),
        ("a: [", "no valid YAML"),
        ("a: 1\n---\nb: 2\n", "no valid YAML"),
        ("a: \x01", "no valid YAML"),
        ("[" * 40 + "]" * 40, "nested deeper"),
    ],
)
def test_what_is_not_read(text: str, message: str) -> None:
    assert message in problems(text)[0]


def test_an_alias_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "VALUES_MAX", 10_000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert "aliases out of hand" in problems("\n".join(lines))[0]


def test_a_huge_file_is_refused_before_it_is_parsed() -> None:
    assert "larger than 16 MiB" in problems("#" * (17 * 2**20))[0]


def test_a_broken_file_is_not_quoted() -> None:
    secret = "sk-very-secret"
    assert secret not in problems(f"key: {secret}\n  other: ]")[0]


def test_an_alias_used_twice_is_fine() -> None:
    assert parse("a: &x [1]\nb: *x\n", "f").value == {"a": [1], "b": [1]}


def test_an_empty_file_is_an_empty_document() -> None:
    assert parse("# nothing\n", "f").value is None
