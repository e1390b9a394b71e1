from fractions import Fraction

import pytest

from steelyard.domain.tasks import Sample
from steelyard.weigh.graders.number import check, fits, grade

EXACT: dict[str, object] = {"tolerance": 0, "tolerance_relative": 0}


def value(answer: str, reference: str, **parameters: object) -> Fraction | None:
    return grade(answer, Sample("a", "?", reference), {**EXACT, **parameters}).value


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("so 12 + 30 = 42", "42"),
        ("$1,234,567.50 in all.", "1234567.5"),
        ("the total is 42.0", "42"),
        ("x = -5", "-5"),
        ("x = \u22125", "-5"),
        ("下降，即负 0.07", "-0.07"),
        ("所以约-17.8", "-17.8"),
        ("答案是-3", "-3"),
        ("百分之-0.5", "-0.5"),
        ("误差是正负5", "5"),
        ("每平方公里 385 人（385 人/km²）", "385"),
        ("the area is 12 m^2", "12"),
        ("12.5 cm³", "12.5"),
        ("１２３", "123"),
        ("3/4 of it", "0.75"),
        ("3.5万元", "35000"),
        ("1.2亿", "120000000"),
        ("3万亿", "3000000000000"),
        ("12％", "0.12"),
        ("12 percent", "12"),
        ("5‰", "0.005"),
        ("百分之 12", "12%"),
        ("0.12", "12%"),
        ("一共四十二个", "42"),
        ("两千零五", "2005"),
        ("一百二", "120"),
        ("一万二", "12000"),
        ("三亿五千万", "350000000"),
        ("二〇二六", "2026"),
        ("十五", "15"),
        ("二十", "20"),
        ("三点一四", "3.14"),
        ("负三", "-3"),
        ("三分之一", "1/3"),
        ("百分之二十五", "25%"),
        ("1,2,3", "3"),
        ("from 5-10", "10"),
        ("答案是5，这是一个好答案", "5"),
    ],
)
def test_a_number_is_read_however_it_is_written(answer: str, reference: str) -> None:
    assert value(answer, reference) == 1


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("42 of 43", "42"),
        ("42.1", "42"),
        ("12", "120"),
        ("5", "-5"),
        ("none at all", "5"),
        ("9" * 5000, "5"),
        ("1/0", "5"),
        ("一百", "101"),
    ],
)
def test_another_number_is_wrong(answer: str, reference: str) -> None:
    assert value(answer, reference) == 0


def test_tolerances() -> None:
    assert value("3.14", "3.14159", tolerance=0.01) == 1
    assert value("3.2", "3.14159", tolerance=0.01) == 0
    assert value("990", "1000", tolerance_relative="0.01") == 1
    assert value("989", "1000", tolerance_relative="0.01") == 0


def test_a_reference_without_a_number_fits_nothing() -> None:
    assert fits(Sample("a", "?", ("5", "5.0"))) == ""
    assert "number" in fits(Sample("a", "?", ("5", "five")))
    assert "number" in fits(Sample("a", "?", {"x": "5"}))


@pytest.mark.parametrize("wrong", [-1, True, None, "x", float("nan"), float("inf")])
def test_a_tolerance_is_a_number_from_0(wrong: object) -> None:
    assert check(EXACT) == ""
    assert check({**EXACT, "tolerance": wrong}).startswith("tolerance is")


def test_a_long_answer_is_read_from_its_end() -> None:
    assert value("7 " + "x" * 100_000 + " 5", "5") == 1
    assert value("5" + "x" * 100_000, "5") == 0
