from collections.abc import Mapping
from fractions import Fraction

import pytest

from steelyard.weigh.graders.base import Item
from steelyard.weigh.graders.facts import check, fits, grade

PLAIN: Mapping[str, object] = {"wordings": {}}


def item(**extras: object) -> Item:
    return Item("a", "?", "", extras=extras)


@pytest.mark.parametrize(
    ("facts", "answer", "value"),
    [
        ({"name": "The Mill"}, "At the MILL you eat well", 1),
        ({"name": "Mill"}, "Millennium", 0),  # a part of another word
        ({"name": "Mill"}, "the treadmill at Mill", 1),
        ({"price": "£20"}, "for £20", 1),
        ({"price": "20"}, "for 200", 0),
        ({"familyFriendly": "yes"}, "a family-friendly pub", 1),
        ({"familyFriendly": "yes"}, "It is not family friendly", 0),
        ({"familyFriendly": "no"}, "It isn't really family friendly", 1),
        ({"familyFriendly": "no"}, "Not far. Family friendly", 0),
        ({"包邮": "是"}, "全国包邮", 1),
        ({"包邮": "否"}, "本品不包邮", 1),
        ({"包邮": "否"}, "包邮", 0),
        ({"颜色": ["银色", "银白"]}, "银白机身", 1),
        ({"日期": "9月20日", "价格": "16元"}, "9 月 20 日开卖，每杯 16 元", 1),
        ({"时长": "4小时"}, "共 24 小时", 0),
        ({"a": "", "b": 3}, "3 of them", 1),  # an empty fact asks for nothing
    ],
)
def test_a_fact_is_named_or_not(facts: object, answer: str, value: int) -> None:
    assert grade(answer, item(facts=facts), PLAIN).value == value


def test_other_wordings_may_be_given_by_the_task() -> None:
    wordings = {"price": {"cheap": ["low-priced"]}, "familyFriendly": {"yes": ["kids welcome"]}}
    facts = {"price": "cheap", "familyFriendly": "yes"}
    given = grade("Low priced, kids welcome", item(facts=facts), {"wordings": wordings})
    assert given.value == 1


def test_limits_count_as_one_demand_each() -> None:
    copy = item(facts={"a": "茶"}, forbidden=["最"], length=[3, 5])
    assert grade("好茶 来了", copy, PLAIN).value == 1
    assert grade("最好的茶来了", copy, PLAIN).value == Fraction(1, 3)
    spaced = item(facts={"a": "茶"}, forbidden=["88元"])
    assert grade("茶，88 元", spaced, PLAIN).value == Fraction(1, 2)


@pytest.mark.parametrize(
    "extras",
    [
        {},
        {"facts": "x"},
        {"facts": {"a": ""}},
        {"facts": {"a": "b"}, "forbidden": "x"},
        {"facts": {"a": "b"}, "length": [1]},
        {"facts": {"a": "b"}, "length": [1, True]},
    ],
)
def test_facts_and_limits_must_have_their_form(extras: Mapping[str, object]) -> None:
    assert fits(Item("a", "?", "", extras=extras))


def test_wordings_must_have_their_form() -> None:
    assert check(PLAIN) == ""
    assert check({"wordings": {"a": {"b": ["c"]}}}) == ""
    for wrong in ("x", {"a": "b"}, {"a": {"b": "c"}}, {"a": {"b": [1]}}):
        assert check({"wordings": wrong})
