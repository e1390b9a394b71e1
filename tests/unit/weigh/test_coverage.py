from dataclasses import replace

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.catalog import SCENARIOS, shipped_tasks
from steelyard.weigh.coverage import column_of, cover
from steelyard.weigh.datasets import load_set


def test_every_scenario_has_a_row_and_every_task_a_place() -> None:
    scenarios = cover(shipped_tasks().values())
    assert tuple(s.name for s in scenarios) == SCENARIOS
    placed = {name for s in scenarios for names in s.tasks.values() for name in names}
    assert placed == set(shipped_tasks())


def test_no_scenario_is_without_a_task_and_one_that_is_would_be_told() -> None:
    tasks = shipped_tasks().values()
    assert [(s.name, each) for s in cover(tasks) for each in s.holes] == []
    fewer = [task for task in tasks if task.scenario != "role-play" or task.language == "zh"]
    assert [(s.name, each) for s in cover(fewer) for each in s.holes] == [("role-play", "en")]


def test_items_are_those_of_the_sets() -> None:
    by_name = {s.name: s for s in cover(shipped_tasks().values())}
    assert by_name["after-sales"].items["en"] == len(load_set("banking77").samples)
    assert by_name["coding-assistant"].items["en"] == 82 + 150


def test_a_translation_counts_for_the_language_it_ends_in() -> None:
    assert column_of(shipped_tasks()["translation/en-zh"]) == "zh"
    assert column_of(shipped_tasks()["bank/intent"]) == "en"


def test_tasks_that_ask_for_fields_count_as_extraction_too() -> None:
    by_name = {s.name: s for s in cover(shipped_tasks().values())}
    assert "shop/booking-slots" in by_name["extraction"].tasks["en"]
    assert "shop/booking-slots" in by_name["shopping-guide"].tasks["en"]


def test_no_tasks_are_all_holes_and_a_set_must_be_there() -> None:
    assert all(s.holes == ("en", "zh") for s in cover([]))
    task = replace(shipped_tasks()["bank/intent"], set_name="none")
    with pytest.raises(ConfigError, match="test set none"):
        cover([task])
