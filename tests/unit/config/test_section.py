"""Checked texts and strict sections."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from steelyard.config.section import (
    AccountName,
    Item,
    Listen,
    MoneyText,
    Name,
    PriceText,
    Secret,
    Section,
    Zone,
)
from steelyard.domain.rates import ITEMS


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Name, ["gpt-4o", "a/b:c@d"], ["", "ü", "a b", "x" * 129]),
        (AccountName, ["acme", "a.b-c_d"], ["Acme", "-a", "a" * 64]),
        (Listen, ["127.0.0.1:80", ":8080", "[::1]:9", "host:1"], ["8080", "a:b", "a:123456"]),
        (MoneyText, ["1 CNY"], ["1", "one CNY"]),
        (PriceText, ["1 CNY/mtok"], ["1 CNY"]),
        (Zone, ["UTC", "Asia/Shanghai"], ["Mars/Base", "../etc", ""]),
    ],
)
def test_checked_texts(kind: object, good: list[str], bad: list[str]) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    for text in good:
        assert adapter.validate_python(text) == text
    for text in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


def test_items_are_those_of_the_price_book() -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Item)
    assert tuple(map(adapter.validate_python, ITEMS)) == ITEMS
    with pytest.raises(ValidationError):
        adapter.validate_python("tea")


def test_a_secret_does_not_show_itself() -> None:
    secret = TypeAdapter(Secret).validate_python(12345)
    assert "12345" not in repr(secret)
    assert secret.get_secret_value() == "12345"


def test_sections_are_frozen_and_closed() -> None:
    class Part(Section):
        x: int = 1

    with pytest.raises(ValidationError, match="frozen"):
        Part().x = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Part.model_validate({"y": 1})
