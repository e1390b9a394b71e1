from fractions import Fraction

import pytest

from steelyard.pricebook.sources.unit_words import UnitWords, read_unit_words


@pytest.mark.parametrize(
    ("text", "unit", "factor", "currency"),
    [
        ("元/千tokens", "mtok", 1000, "CNY"),
        ("元/百万tokens", "mtok", 1, "CNY"),
        ("元/万tokens", "mtok", 100, "CNY"),
        ("厘/千Tokens", "mtok", 1, "CNY"),
        ("分/千 token", "mtok", 10, "CNY"),
        ("per_1k_tokens", "mtok", 1000, ""),
        ("per_token", "mtok", 10**6, ""),
        ("USD per 1M tokens", "mtok", 1, "USD"),
        ("$ / 1,000,000 tokens", "mtok", 1, "USD"),
        ("cents/1k tokens", "mtok", 10, "USD"),
        ("元/万字符", "mchar", 100, "CNY"),
        ("元/张", "image", 1, "CNY"),
        ("美元/次", "kcount", 1000, "USD"),
        ("元/分钟", "minute", 1, "CNY"),
        ("USD/hour", "hour", 1, "USD"),
    ],
)
def test_units_as_pages_word_them(text: str, unit: str, factor: int, currency: str) -> None:
    assert read_unit_words(text) == UnitWords(unit, Fraction(factor), currency)


@pytest.mark.parametrize("text", ["", "bushel", "元", "元/千", "tokens per 元"])
def test_what_is_no_unit(text: str) -> None:
    assert read_unit_words(text) is None
