"""Which shipped task is meant: names as people write them.

``after-sales-intent`` is no task's name: it is the intent task of the scenario after-sales, in the
language that is wanted. Folders and hyphens are one here, and ``-zh`` may be left away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Task
from steelyard.weigh.catalog import nearest


class Found(NamedTuple):
    """The task that is meant, and others that the same words could mean."""

    task: Task
    others: tuple[Task, ...] = ()


def find_meant(words: str, tasks: Mapping[str, Task], language: str = "") -> Found:
    """The task that the words mean: by its name, or by scenario and kind of work.

    Args:
        words: such as ``bank/intent``, ``after-sales-intent`` or ``data-analysis-sql``.
        tasks: to choose from, by name.
        language: ISO 639-1; empty for whichever fits best.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    if words in tasks:
        return Found(tasks[words])
    wanted = _flat(words)
    exact = [task for name, task in tasks.items() if _flat(name) == wanted]
    if exact and language in ("", exact[0].language):
        return Found(exact[0])
    fitting = [task for task in tasks.values() if wanted in _aliases(task)]
    if language:
        fitting = [task for task in fitting if task.language == language]
    if not fitting:
        where = f" in {language}" if language else ""
        raise ConfigError(f"no shipped task {words}{where}{_near(wanted, tasks)}")
    # A task whose own name begins so is nearer than one that only serves the same scenario.
    fitting.sort(key=lambda task: (not _flat(task.name).startswith(wanted), task.name))
    return Found(fitting[0], tuple(fitting[1:]))


def _aliases(task: Task) -> set[str]:
    """What a task may be called besides its name."""
    kind = _bare(task.name.rpartition("/")[2])
    return {_bare(_flat(task.name)), f"{task.scenario}-{kind}", f"{task.scenario}-{kind}-zh"[:128]}


def _bare(name: str) -> str:
    return name.removesuffix("-zh")


def _flat(name: str) -> str:
    return name.strip().lower().replace("/", "-").replace("_", "-")


def _near(wanted: str, tasks: Mapping[str, Task]) -> str:
    known = {_flat(name): name for name in tasks}
    hint = nearest(wanted, known)
    if hint.startswith("; known"):
        return "; steelyard tasks list shows them"
    for flat, name in known.items():
        hint = hint.replace(flat, name)
    return hint
