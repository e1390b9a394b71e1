"""Tasks in force."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.config.load import InvalidConfig, load_text
from steelyard.control.configuration import taskbook
from steelyard.domain.tasks import Constraint, form_digest
from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.datasets import digest_of

NAME = "shop/review-sentiment"


def test_without_settings_they_are_the_shipped_ones() -> None:
    assert taskbook.tasks(load_text("", "f", {})) == shipped_tasks()


def test_the_file_moves_floors_and_switches_off() -> None:
    text = f"tasks: {{{NAME}: {{floor: 0.91, is_weighed_when_idle: false}}}}"
    changed = taskbook.tasks(load_text(text, "f", {}))[NAME]
    assert (changed.floor, changed.is_weighed_when_idle) == (Decimal("0.91"), False)
    off = load_text(f"tasks: {{{NAME}: {{enabled: false}}}}", "f", {})
    assert NAME not in taskbook.tasks(off)


def test_a_task_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(
        '{"id": "1", "input": "good", "reference": "yes", "labels": ["yes", "no"]}\n'
        '{"id": "2", "input": "bad", "reference": "no", "labels": ["yes", "no"]}\n'
    )
    text = f"tasks: {{own/task: {{set: {file}, grader: label, floor: 0.5, form: {{id: plain}}}}}}"
    config = load_text(text, "f", {}, [taskbook.task_rule])
    body = taskbook.bodies(config)["own/task"]
    assert body["floor"] == "0.5"
    assert body["digests"]


RULES = [taskbook.task_rule, taskbook.grader_rule]
ITEM = '{"id": "1", "input": "q", "reference": "a"}\n'


def own(folder: Path, grader: str, items: str = ITEM) -> str:
    """The text of a file with one task of one's own."""
    file = folder / "own.jsonl"
    file.write_text(items)
    return f"tasks: {{own: {{set: {file}, grader: {grader}, floor: 0.5, form: {{id: v1}}}}}}"


@pytest.mark.parametrize(
    ("grader", "message"),
    [
        ("exct", "no grader is called 'exct'; did you mean exact"),
        ("jugde", "no grader is called 'jugde'; did you mean judge"),
        ("{name: judge, juge: x/y}", "grader judge has no parameter juge"),
        ("{name: number, tolerance: -1}", "grader number: tolerance is 0 or more"),
        ("{name: number, tolerence: 1}", "grader number has no parameter tolerence"),
        ("{name: python_function, function: 'gone.py:grade'}", "there is no file .*gone.py"),
        ("{name: python_function, function: 'mine.py:goood'}", "no function goood in mine.py; did"),
    ],
)
def test_a_grader_that_cannot_grade_is_a_mistake_of_the_file(
    tmp_path: Path, grader: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text("def good(answer, item): return 1\n")
    with pytest.raises(InvalidConfig, match=message) as refused:
        load_text(own(tmp_path, grader), "f", {}, RULES, tmp_path)
    assert [found.key for found in refused.value.findings] == ["tasks.own.grader"]


def test_items_that_are_not_asked_are_a_remark(tmp_path: Path) -> None:
    def remarks(grader: str, items: str) -> list[str]:
        text = own(tmp_path, grader, items)
        return list(taskbook.remarks(load_text(text, "f", {}, RULES)))

    assert remarks("exact", ITEM) == []
    assert remarks("exact", ITEM + ITEM + "{}\n") == [
        "tasks.own: 2 of 3 items are not asked; line 2: the id 1 occurs twice"
    ]
    assert remarks("label", ITEM)[0].startswith("tasks.own: 1 of 1 items are not asked; 1: ")
    assert "judge names the offer" in remarks("judge", ITEM)[0]


def test_a_judge_that_is_not_there_is_a_remark(tmp_path: Path) -> None:
    shop = """
channels: {shop: {base_url: "http://shop.example/v1"}}
local: {price_per_cpu_hour: 1 CNY, models: {qwen2.5-coder-0.5b-instruct: {threads: 1}}}
offers: [{model: chat, channel: shop, context: 9000}]
"""

    def remarks(grader: str) -> list[str]:
        text = own(tmp_path, grader, ITEM) + shop
        return list(taskbook.remarks(load_text(text, "f", {}, RULES)))

    assert (
        remarks("{name: judge, judge: shop/chat, baseline: local/qwen2.5-coder-0.5b-instruct}")
        == []
    )
    assert remarks("{name: judge, judge: shop/chatt, baseline: none/x}") == [
        "tasks.own: judge: no offer 'shop/chatt'; did you mean 'shop/chat'?",
        "tasks.own: baseline: no offer 'none/x'",
    ]


def test_a_task_that_says_no_language_has_that_of_its_items(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("input,reference\n退款金额不对,退款\n什么时候发货,物流\n")
    entry = f"{{set: {file}, grader: exact, floor: 0.5, form: {{id: v1}}%s}}"
    text = f"tasks: {{one: {entry % ''}, two: {entry % ', language: en'}}}"
    tasks = taskbook.tasks(load_text(text, "f", {}))
    assert (tasks["one"].language, tasks["two"].language) == ("zh", "en")


def test_verdicts_count_whatever_the_judge_was_held_to(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"id": "1", "input": "q", "reference": "a"}\n')
    text = (
        f"tasks: {{own: {{set: {file}, grader: judge, floor: 0.5, form: {{id: v1}},"
        " grader_parameters: {judge: x/y}}}"
    )
    task = taskbook.tasks(load_text(text, "f", {}))["own"]
    of_set = digest_of(str(file))
    wanted = [form_digest(task, task.form, of_set, judge) for judge in Constraint]
    assert taskbook.digests(task) == wanted
    graded = replace(task, grader="exact", grader_parameters={})
    assert taskbook.digests(graded) == [form_digest(graded, graded.form, of_set)]


def test_what_a_task_asks_of_proof_beside_its_floor() -> None:
    plain = taskbook.bodies(load_text("", "f", {}))[NAME]
    floor = Decimal(plain["floor"])
    assert plain["proof"] == {
        "stale_after_days": 90,
        "supervised_floor": str(floor - Decimal("0.1")),
        "supply": {},
        "supply_required": False,
    }
    text = f"""
weighing: {{stale_after_days: 30, supervised_margin: 0.2}}
tasks:
  {NAME}: {{floor: 0.15, supply: {{requests_per_minute: 60}}, supply_required: true}}
  shop/booking-slots: {{stale_after_days: 7, floor: 0.5, supervised_floor: 0.9}}
"""
    own = taskbook.bodies(load_text(text, "f", {}))
    assert own[NAME]["proof"] == {
        "stale_after_days": 30,
        "supervised_floor": "0",
        "supply": {"requests_per_minute": 60.0, "tokens_per_s": None},
        "supply_required": True,
    }
    other = own["shop/booking-slots"]["proof"]
    assert (other["stale_after_days"], other["supervised_floor"]) == (7, "0.5")
