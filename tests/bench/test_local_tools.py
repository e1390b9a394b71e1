"""What the bench of local models makes of verdicts; the run itself takes an hour."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from bench.local_models import CHEAP, DEAR, TASKS

from bench import judge, local_models, results
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Answer
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
ALL = {"count": 9, "of": 9, "lower": 0.6637, "upper": 1.0}
NONE = {"count": 0, "of": 0, "lower": 0.0, "upper": 1.0}
JUDGE = {
    **{"disagreement": ALL, "first_favoured": ALL, "kept": NONE, "is_reading": False},
    **{"human text": {"won": 0, "tied": 9, "lost": 0}, "unscored": 1},
    **{"order_changed": 0, "changed_again": 1},
}
META = {
    "rows": ROWS,
    "machine": {"cpu": "a cpu", "cores": 2},
    "judge": {
        **{"pairs": 10, "again": 2, "written by": "local/tiny"},
        **{"judge_05b": JUDGE, "judge_15b": {**JUDGE, "is_reading": True}},
    },
}


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
    text = local_models.page(META, {"local_tasks": 3})
    assert "| a | qwen2.5-coder-0.5b-instruct | proven | 0.900 | 0.610 to 1.000 |" in text
    assert "0.005000 CNY" in text and "| – |" in text and "`local_tasks` 3" in text
    assert "Machine: a cpu, 2 cores." in text


def test_the_page_tells_what_judges_are_worth() -> None:
    text = local_models.page(META, {})
    line = "| qwen2.5-coder-0.5b-instruct | 1 | 9 of 9 (0.66 to 1.00) | 9 of 9 (0.66 to 1.00) | – |"
    assert f"{line} 0, 9, 0 | 0, 1 |" in text
    assert "read what they compare: local/qwen2.5-coder-0.5b-instruct.\n" in text


def test_the_committed_page_is_the_committed_figures() -> None:
    found = json.loads((results.FOLDER / "local-models.json").read_text("utf-8"))
    meta = found.pop("meta")
    assert local_models.PAGE.read_text("utf-8") == local_models.page(meta, found)
    # A share of nothing was once written down as 0, which looks like a judge without a fault.
    assert all(meta["judge"][name]["unscored"] < meta["judge"]["pairs"] for name in judge.JUDGES)


def test_a_verdict_changes_when_turned_grades_do_not_add_up() -> None:
    def judged(value: Fraction | None) -> Judged:
        grade = Grade.unscored("no answer") if value is None else Grade(value)
        return Judged(grade, None, 0, "")

    assert not judge._differ(judged(Fraction(1)), judged(Fraction(0)))
    assert not judge._differ(judged(Fraction(1, 2)), judged(Fraction(1, 2)))
    assert judge._differ(judged(Fraction(1)), judged(Fraction(1)))
    assert judge._differ(judged(Fraction(1)), judged(None))
    assert not judge._differ(judged(None), judged(None))


def test_a_pair_that_is_turned_is_judged_by_the_opinions_that_were_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Fickle:
        """A writer; judges who like another text better and, asked once more, the first."""

        def __init__(self, url: str, key: str) -> None:
            self._known: set[tuple[str, str]] = set()

        async def __call__(self, offer: str, request: dict[str, Any], *, task: str) -> Answer:
            asked.append(offer)
            if offer == judge.WRITER:
                return Answer("A fine place.")
            shown = str(request["messages"][1]["content"])
            is_known = (offer, shown) in self._known
            self._known.add((offer, shown))
            is_second = "A fine place." in shown.rpartition("## Answer B")[2]
            return Answer("[[A]]" if is_known or is_second else "[[B]]")

        async def close(self) -> None:
            asked.append("")

    monkeypatch.setattr(judge, "GatewayAsk", Fickle)
    figures, meta = judge.measure("http://x", "k", 10, tmp_path / "judging")
    told: Any = meta["judge_15b"]
    assert (told["kept"]["count"], told["kept"]["of"], told["is_reading"]) == (10, 10, True)
    assert "judge_15b_first_favoured" not in figures  # of nothing
    assert (figures["judge_15b_order_changed"], told["changed_again"]) == (0, 2)
    offer = judge.JUDGES["judge_15b"][0]
    assert asked.count(offer) == 2 * 10 + 2 * 2
    judge.measure("http://x", "k", 10, tmp_path / "judging")
    assert asked.count(offer) == 2 * 10 + 2 * 2 + 2 * 2  # only what is asked once more
