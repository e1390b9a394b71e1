import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from steelyard.domain.tasks import Grade, PromptForm, Verdict
from steelyard.weigh.datasets import Fault
from steelyard.weigh.report import (
    difference_rows,
    item_rows,
    result_row,
    unscored_reasons,
    verdict_row,
)
from steelyard.weigh.runfile import Record
from steelyard.weigh.runner import Result

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RIGHT, WRONG = Grade(Fraction(1)), Grade(Fraction(0), "wrong", "no")


def result(offer: str, grades: list[Grade], cost_pico: int = 70) -> Result:
    records = tuple(
        Record(offer, "f", f"i{n}", grade, NOON, answer="secret words", time_s=float(n))
        for n, grade in enumerate(grades)
    )
    scored = [grade.value for grade in grades if grade.value is not None]
    verdict = Verdict(
        task="shop/mood",
        offer=offer,
        form_digest="f",
        floor=Decimal("0.6"),
        total=sum(scored, Fraction(0)),
        n=len(scored),
        n_unscored=len(grades) - len(scored),
        lower=Decimal("0.1"),
        upper=Decimal("0.9"),
        confidence=Decimal("0.95"),
        cost_pico=cost_pico,
        currency="USD",
        time_s=1.0,
        decided_at=NOON,
        model_answered="m",
    )
    faults = (Fault("line 3", "not JSON"),)
    return Result(offer, PromptForm("plain-1"), verdict, records, 9, cost_pico, "", faults)


def test_a_row_is_plain_json_and_exact() -> None:
    row = result_row(result("a", [RIGHT, RIGHT, WRONG]))
    assert json.loads(json.dumps(row)) == row
    assert row["quality"] == "0.666667"
    assert row["cost_per_accepted_pico"] == 35
    assert (row["status"], row["floor"], row["lower"]) == ("not_proven", "0.6", "0.1")
    assert (row["time_median_s"], row["n_total"], row["n_faults"]) == (1.0, 9, 1)
    assert (row["cost_lower_pico"], row["is_cheapest"], row["n_stored"]) == (None, False, 0)
    assert row["decided_at"] == "2026-11-21T12:00:00+00:00"


def test_nothing_scored_is_null_not_zero() -> None:
    row = verdict_row(result("a", [Grade.unscored("empty")]).verdict)
    assert row["quality"] is None
    assert row["cost_per_accepted_pico"] is None
    assert result_row(result("a", []))["time_median_s"] is None


def test_items_show_grades_reasons_and_faults_but_no_words_of_anybody() -> None:
    rows = item_rows(result("a", [RIGHT, Grade.unscored("timed out")]))
    assert [row["grade"] for row in rows] == ["1.000000", None, None]
    assert [row["reason"] for row in rows] == ["", "timed out", "not JSON"]
    assert "secret" not in json.dumps(rows)


def test_reasons_are_counted_commonest_first() -> None:
    grades = [Grade.unscored(reason) for reason in ("b", "a", "b", "c")] + [RIGHT]
    assert list(unscored_reasons(result("a", grades)).items()) == [("b", 2), ("a", 1), ("c", 1)]


def test_differences_are_over_common_graded_items() -> None:
    left = result("a", [RIGHT] * 40)
    right = result("b", [WRONG] * 30)
    third = result("c", [Grade.unscored("empty")] * 5)
    first, second, _ = difference_rows([left, right, third])
    assert (first["left"], first["right"], first["n"]) == ("a", "b", 30)
    assert first["difference"] == "1.000000"
    assert Decimal(str(first["lower"])) > 0
    assert (second["difference"], second["n"]) == (None, 0)
