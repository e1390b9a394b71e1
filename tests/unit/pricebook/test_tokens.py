from __future__ import annotations

from fractions import Fraction

import pytest

from steelyard.pricebook import shipped
from steelyard.pricebook.tokens import (
    MEASURED,
    SPAN,
    STAND_IN,
    STATED,
    CharacterTable,
    parse,
    split_text,
    tokens_of,
)

HEAD = b"""
families:
  - name: base
    source: a package
    models: ["base-*"]
    stands_in_for: ["relative*"]
    zh: {per_token: "1.25", low: "1.2", high: "1.5", documents: 9}
    en: {per_token: "4", low: "3.5", high: "4.5"}
    code: {per_token: "3", low: "2.5", high: "3.5"}
"""


@pytest.fixture(scope="module")
def table() -> CharacterTable:
    return parse(shipped.read("characters.yaml"))


@pytest.mark.parametrize(
    ("model", "family", "basis"),
    [
        ("gpt-4o-2024-05-13", "o200k", MEASURED),
        ("gpt-4-turbo", "cl100k", MEASURED),
        ("openai/gpt-5-mini", "o200k", MEASURED),
        ("gpt-6-astra", "o200k", STAND_IN),
        ("Qwen-Long", "qwen", MEASURED),
        ("deepseek-r1-distill-qwen-32b", "qwen", MEASURED),
        ("deepseek-chat", "deepseek", MEASURED),
        ("claude-opus-5-5", "claude2", STAND_IN),
        ("doubao-pro-32k", "doubao", STATED),
        ("spark-lite", "spark", STATED),
        ("glm-4-plus", "any", SPAN),
    ],
)
def test_each_model_has_a_figure_that_says_where_it_is_from(
    table: CharacterTable, model: str, family: str, basis: str
) -> None:
    found = table.of(model, "zh")
    assert (found.family, found.basis) == (family, basis)
    assert found.low <= found.per_token <= found.high


def test_what_a_vendor_said_of_chinese_says_nothing_of_english(table: CharacterTable) -> None:
    assert table.of("doubao-pro-32k", "zh").per_token == Fraction("1.8")
    assert table.of("doubao-pro-32k", "en").basis == SPAN


def test_measured_figures_come_with_their_sample(table: CharacterTable) -> None:
    for family in table.families:
        for figure in family.figures.values():
            assert figure.basis == STATED or (figure.documents >= 200 and figure.low < figure.high)


def test_tokens_are_rounded_up_and_bounded_by_the_interval() -> None:
    table = parse(HEAD)
    counts, figures = tokens_of(table, "base-1", {"zh": 1001, "en": 0})
    assert counts == (801, 668, 835)  # 1001 by 1.25, 1.5 and 1.2
    assert [figure.documents for figure in figures] == [9, 0]
    assert table.of("relative-2", "zh").basis == STAND_IN
    assert tokens_of(table, "base-1", {}) == ((0, 0, 0), ())


def test_mixed_text_is_counted_in_its_parts() -> None:
    assert split_text("你好，world") == {"zh": 3, "en": 5}
    assert split_text("只有汉字。") == {"zh": 5}
    assert split_text("x = 1", "code") == {"code": 5}
    assert split_text("") == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"1.25"', b"1.25", "as text"),
        (b'"1.2"', b'"1.3"', "ascend"),
        (b"source:", b"origin:", "'source'"),
        (b"zh:", b"cn:", "no family is measured in zh"),
        (b"families:", b"figures:", "list of families"),
    ],
)
def test_a_table_that_cannot_be_is_refused(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(HEAD.replace(old, new))
