"""Task files: YAML in, checked ``Task`` out; the shipped ones lie in ``tasks/`` beside this file.

A mistake names the file, the key and the nearest known key.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import yaml

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, PromptForm, Task

TASKS_FOLDER = Path(__file__).parent / "tasks"

_TASK_KEYS = (
    "name", "title", "language", "set", "grader", "floor", "form", "seed", "weighed_when_idle",
    "why", "scenario",
)  # fmt: skip
SCENARIOS = (
    "after-sales", "office-assistant", "shopping-guide", "e-commerce", "marketing-copy",
    "data-analysis", "coding-assistant", "knowledge-qa", "translation", "extraction", "education",
    "role-play",
)  # fmt: skip
"""Kinds of business that a task may stand for, in the order of tables."""
_FORM_KEYS = ("id", "user", "system", "temperature", "output_tokens_max", "constraint")


def shipped_tasks() -> dict[str, Task]:
    """All tasks that come with steelyard, by name.

    Raises:
        ConfigError: a file is wrong or two share a name.
    """
    return dict(_read_folder(TASKS_FOLDER))


@cache
def _read_folder(folder: Path) -> dict[str, Task]:
    """What lies in a folder; read once, since the product's own files change with the process."""
    tasks: dict[str, Task] = {}
    for path in sorted(folder.glob("*.yaml")):
        task = load_task(path)
        if task.name in tasks:
            raise ConfigError(f"{path.name}: another file already holds task {task.name}")
        tasks[task.name] = task
    return tasks


def find_task(name: str, tasks: Mapping[str, Task]) -> Task:
    """The task of this name.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    if name in tasks:
        return tasks[name]
    hint = near(name, tasks) or "; steelyard tasks list shows them"
    raise ConfigError(f"no task {name}{hint}")


def load_task(path: Path) -> Task:
    """Reads one task file.

    Raises:
        ConfigError: it cannot be read or is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"task file {path.name}: {error}") from error
    return read_task(text, path.name)


def read_task(text: str, file: str) -> Task:
    """Reads a task from YAML.

    Args:
        text: the file's content.
        file: its name, for messages.

    Raises:
        ConfigError: names the file, the key and a fix.
    """
    try:
        top = _mapping(yaml.load(text, Loader=yaml.CSafeLoader), _TASK_KEYS, file)
        grader = top["grader"]
        if isinstance(grader, str):
            grader = {"name": grader}
        parameters = dict(_mapping(grader, None, f"{file}: grader"))
        return Task(
            name=str(top["name"]),
            title=str(top["title"]),
            language=str(top["language"]),
            set_name=str(top["set"]),
            grader=str(parameters.pop("name")),
            grader_parameters=parameters,
            floor=_decimal(top["floor"], "floor"),
            form=_form(_mapping(top["form"], _FORM_KEYS, f"{file}: form")),
            seed=_integer(top.get("seed", 1), "seed"),
            is_weighed_when_idle=_boolean(top.get("weighed_when_idle", False), "weighed_when_idle"),
            scenario=_scenario(top.get("scenario", "")),
        )
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {error}") from error
    except KeyError as error:
        raise ConfigError(f"{file}: {error.args[0]} is missing") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint to hang on a message: the nearest known names, or all of them when none is near."""
    names = sorted(known)
    return near(name, names) or f"; known: {', '.join(names)}"


def near(name: str, known: Iterable[str]) -> str:
    """The nearest known names as a hint, where there are too many to tell all; empty when none."""
    found = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _form(row: Mapping[str, object]) -> PromptForm:
    constraint = str(row.get("constraint", "none"))
    if constraint not in list(Constraint):
        raise ValueError(f"form: constraint {constraint}{nearest(constraint, list(Constraint))}")
    return PromptForm(
        id=str(row["id"]),
        user=str(row.get("user", "{input}")),
        system=str(row.get("system", "")),
        temperature=_decimal(row.get("temperature", 0), "temperature"),
        output_tokens_max=_integer(row.get("output_tokens_max", 16), "output_tokens_max"),
        constraint=Constraint(constraint),
    )


def _scenario(value: object) -> str:
    if value and value not in SCENARIOS:
        raise ValueError(f"scenario {value}{nearest(str(value), SCENARIOS)}")
    return str(value or "")


def _mapping(value: object, known: tuple[str, ...] | None, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{where}: expected names and values")
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(f"{where}: unknown key {key}{nearest(key, known)}")
    return value


def _decimal(value: object, key: str) -> Decimal:
    # YAML has read 0.70 as a float; its shortest text is what the file said.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{key} is not a number")
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{key}: {value} is not a number") from error


def _integer(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} is not a whole number")
    return value


def _boolean(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key} is true or false")
    return value
