"""Which kinds of business the tasks cover, in which language: a table with its holes named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from steelyard.domain.tasks import Task
from steelyard.weigh.catalog import SCENARIOS
from steelyard.weigh.datasets import load_set

LANGUAGES = ("en", "zh")
_EXTRACTION = "extraction"
_EXTRACTING = ("json_slots", "json_schema")
"""Graders of tasks that ask for fields: these count under extraction too."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The tasks of one kind of business."""

    name: str
    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of tasks by language; a translation counts for the language that it ends in."""
    items: Mapping[str, int] = field(default_factory=dict)
    """Items of their sets together, by language."""

    @property
    def holes(self) -> tuple[str, ...]:
        """Languages without a task."""
        return tuple(each for each in LANGUAGES if not self.tasks.get(each))


def cover(tasks: Iterable[Task]) -> list[Scenario]:
    """All scenarios in the order of tables, those without a task too.

    Raises:
        ConfigError: a set cannot be read.
    """
    listed = sorted(tasks, key=lambda task: task.name)
    return [_scenario(name, listed) for name in SCENARIOS]


def column_of(task: Task) -> str:
    """The language under which a task stands."""
    return task.language.rpartition("-")[2]


def _scenario(name: str, tasks: Iterable[Task]) -> Scenario:
    names: dict[str, tuple[str, ...]] = {}
    items: dict[str, int] = {}
    for task in tasks:
        is_extraction = name == _EXTRACTION and task.grader in _EXTRACTING
        if task.scenario == name or is_extraction:
            column = column_of(task)
            names[column] = (*names.get(column, ()), task.name)
            items[column] = items.get(column, 0) + len(load_set(task.set_name).samples)
    return Scenario(name, names, items)
