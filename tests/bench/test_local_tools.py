"""What the bench of local models makes of verdicts; the run itself takes an hour."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bench.local_models import CHEAP, DEAR, TASKS

from bench import judge, local_models
from steelyard.domain.tasks import Grade
from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.judging import Judged


def row(task: str, offer: str, status: str, **more: Any) -> dict[str, Any]:
    cells = {"quality": "0.9", "lower": "0.61", "upper": "1", "floor": "0.60", "n": 20}
    money = {"cost_per_accepted_pico": 5 * 10**9, "currency": "CNY"}
    return {"task": task, "offer": offer, "status": status, **cells, **money, **more}


ROWS = [
    row("a", CHEAP, "proven"),
    row("a", DEAR, "proven"),
    row("b", CHEAP, "failed", quality=None, cost_per_accepted_pico=None),
    row("b", DEAR, "proven"),
    row("c", CHEAP, "not_proven"),
    row("c", DEAR, "not_proven"),
]


def test_tasks_are_shipped_and_in_both_languages() -> None:
    tasks = [shipped_tasks()[name] for name in TASKS]
    assert len({task.language for task in tasks}) == 2 and len(tasks) >= 6


def test_figures_count_tasks_by_who_is_proven() -> None:
    assert local_models.figures_of(ROWS) == {
        "local_tasks": 3,
        "local_cheaper_proven": 1,
        "local_only_dearer_proven": 1,
    }


def test_the_page_has_a_line_for_every_verdict() -> None:
    text = local_models.page(ROWS, {"local_tasks": 3}, "a machine")
    assert "| a | qwen2.5-coder-0.5b-instruct | proven | 0.900 | 0.610 to 1.000 |" in text
    assert "0.005000 CNY" in text and "| – |" in text and "`local_tasks` 3" in text


def test_a_verdict_changes_when_turned_grades_do_not_add_up() -> None:
    def judged(value: Fraction | None) -> Judged:
        grade = Grade.unscored("no answer") if value is None else Grade(value)
        return Judged(grade, None, 0, "")

    assert not judge._differ(judged(Fraction(1)), judged(Fraction(0)))
    assert not judge._differ(judged(Fraction(1, 2)), judged(Fraction(1, 2)))
    assert judge._differ(judged(Fraction(1)), judged(Fraction(1)))
    assert judge._differ(judged(Fraction(1)), judged(None))
    assert not judge._differ(judged(None), judged(None))
