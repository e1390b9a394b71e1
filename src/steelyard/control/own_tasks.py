"""Tasks that a person takes over: as entries of steelyard.yaml, with their sets beside it.

Nothing is written here: what is to be written is held to the same checks as the file itself, and
the command that asked writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.config.document import DocumentError, parse
from steelyard.config.load import InvalidConfig, load_text
from steelyard.config.model import Config
from steelyard.config.presets import default_text
from steelyard.config.secrets_file import SecretsError, with_secrets
from steelyard.control.configuration import resolve, taskbook
from steelyard.control.moving.merging import CannotMerge, insert
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, Task
from steelyard.weigh.datasets import SETS_FOLDER, is_file

FILE, SETS = "steelyard.yaml", "sets"
_SECRETS = "secrets.env"


@dataclass(slots=True)
class Addition:
    """What is to be written into a state folder."""

    text: str
    """Of steelyard.yaml, with the entries in it."""
    sets: dict[str, bytes] = field(default_factory=dict)
    """Files of sets by their path in the folder; those that are there already are left out."""
    names: list[str] = field(default_factory=list)
    """Of the tasks added."""


def own_copy(task: Task, name: str, floor: Decimal | None) -> tuple[dict[str, Any], bytes]:
    """A shipped task as an entry of one's own, and its set.

    Args:
        task: the shipped one.
        name: of the copy, which its set is called by.
        floor: another floor, 0 to 1; None for the task's own.

    Raises:
        ConfigError: the floor is none, or the set cannot be read.
    """
    try:
        task = replace(task, name=name, floor=task.floor if floor is None else floor)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    form: dict[str, Any] = {"id": task.form.id}
    if task.form.system:
        form["system"] = task.form.system
    if task.form.user != "{input}":
        form["user"] = task.form.user
    if task.form.temperature:
        form["temperature"] = task.form.temperature
    form["output_tokens_max"] = task.form.output_tokens_max
    if task.form.constraint is not Constraint.NONE:
        form["constraint"] = task.form.constraint.value
    entry: dict[str, Any] = {"title": task.title, "language": task.language}
    if task.scenario:
        entry["scenario"] = task.scenario
    entry |= {"set": set_path(name), "grader": task.grader}
    if task.grader_parameters:
        entry["grader_parameters"] = dict(task.grader_parameters)
    entry |= {"floor": task.floor, "form": form}
    if task.seed != 1:
        entry["seed"] = task.seed
    if task.is_weighed_when_idle:
        entry["is_weighed_when_idle"] = True
    try:
        return entry, (SETS_FOLDER / f"{task.set_name}.jsonl").read_bytes()
    except OSError as error:
        raise ConfigError(f"test set {task.set_name}: {error.strerror or error}") from error


def set_path(name: str) -> str:
    """Where the set of a task of one's own lies, from the folder of steelyard.yaml."""
    return f"{SETS}/{name.replace('/', '-')}.jsonl"


def plan(
    home: Path,
    env: Mapping[str, str],
    entries: Mapping[str, Mapping[str, Any]],
    sets: Mapping[str, bytes],
) -> Addition:
    """What adding tasks to the state folder ``home`` would write.

    Args:
        home: the folder of steelyard.yaml; neither needs to be there yet.
        env: for the file's variables.
        entries: what the file shall say under ``tasks``, by name.
        sets: files by their path in the folder.

    Raises:
        ConfigError: the file or an entry has mistakes, or something of that name is there already.
    """
    file = home / FILE
    try:
        before = file.read_text("utf-8") if file.exists() else default_text()
        known = _tasks(before)
        for name in entries:
            if name in known:
                raise ConfigError(f"{FILE} speaks of the task {name} already; change it there")
        text = insert(before, "tasks", {name: _literal(each) for name, each in entries.items()})
        missing = {
            path: data for path, data in sets.items() if not _is_there(home / path, data, path)
        }
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    except CannotMerge as error:
        raise ConfigError(f"{FILE} cannot be added to ({error})") from error
    # The sets are not there yet, so all is checked but them; they were read before.
    rules = tuple(rule for rule in resolve.RULES if rule is not taskbook.task_rule)
    try:
        known_env = with_secrets(home / _SECRETS, env)
    except SecretsError as error:
        raise InvalidConfig(error.findings) from error
    load_text(text, str(file), known_env, rules, home)
    return Addition(text, missing, list(entries))


def tasks_in_force(home: Path, env: Mapping[str, str]) -> dict[str, Task]:
    """The tasks that a state folder's file makes of the shipped ones, its own among them.

    Raises:
        ConfigError: the file has mistakes.
    """
    file = home / FILE
    config = resolve.load_config(file, env) if file.exists() else Config()
    return taskbook.tasks(config)


def is_own(task: Task) -> bool:
    """Whether a task's set is a file of the user's own."""
    return is_file(task.set_name)


def _literal(value: Any) -> Any:
    """A value whose texts mean themselves: in the file ``${NAME}`` would be a secret's place.

    What is imported was written by anybody, and goes to vendors.
    """
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: _literal(each) for key, each in value.items()}
    return [_literal(each) for each in value] if isinstance(value, list | tuple) else value


def _tasks(text: str) -> Mapping[str, Any]:
    value = parse(text, FILE).value
    tasks = value.get("tasks") if isinstance(value, dict) else None
    return tasks if isinstance(tasks, dict) else {}


def _is_there(path: Path, data: bytes, shown: str) -> bool:
    if not path.exists():
        return False
    if path.read_bytes() != data:
        raise ConfigError(f"{shown} is there already and says something else; choose another name")
    return True
