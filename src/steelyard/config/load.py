"""From the text of ``steelyard.yaml`` to a frozen ``Config``, or to every mistake at once.

Called by the supervisor (addresses, workers), by ``steelyard check`` and by control, which applies
it. Messages name file, line and key; they never quote a value of a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as FilePath
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from steelyard.config.check import Mistake, check, nearest
from steelyard.config.document import Document, DocumentError, Finding, Path, parse
from steelyard.config.environment import substitute
from steelyard.config.model import Config
from steelyard.config.secrets_file import SECRETS_FILE, SecretsError, with_secrets
from steelyard.domain.errors import ConfigError

_FINDINGS_SHOWN = 20


class InvalidConfig(ConfigError):
    """The configuration has mistakes; ``findings`` lists them."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = sorted(set(findings))
        shown = "\n".join(map(str, self.findings[:_FINDINGS_SHOWN]))
        more = len(self.findings) - _FINDINGS_SHOWN
        super().__init__(shown + (f"\n… and {more} more" if more > 0 else ""))


Rule = Callable[[Config], Iterable[Mistake]]
"""A check across the file; control adds some that need to know local models and tasks."""


def load(file: FilePath, env: Mapping[str, str], rules: Iterable[Rule] = ()) -> Config:
    """The configuration in ``file``, held to ``rules`` too.

    Values that ``env`` lacks may stand in ``secrets.env`` beside the file.

    Raises:
        InvalidConfig: the file cannot be read, or has mistakes.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidConfig([Finding(str(file), 0, "", f"cannot be read: {reason}")]) from error
    except UnicodeDecodeError as error:
        raise InvalidConfig([Finding(str(file), 0, "", "is not UTF-8 text")]) from error
    try:
        env = with_secrets(file.with_name(SECRETS_FILE), env)
    except SecretsError as error:
        raise InvalidConfig(error.findings) from error
    return load_text(text, str(file), env, rules, file.parent)


def load_text(
    text: str,
    name: str,
    env: Mapping[str, str],
    rules: Iterable[Rule] = (),
    folder: FilePath | None = None,
) -> Config:
    """The configuration in ``text``.

    Args:
        text: YAML.
        name: stands for the file in messages.
        env: the environment.
        rules: further checks.
        folder: where relative paths of test sets start; None leaves them as they are.

    Raises:
        InvalidConfig: with every mistake that was found.
    """
    try:
        document = parse(text, name)
    except DocumentError as error:
        raise InvalidConfig(error.findings) from error
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        raise InvalidConfig([Finding(name, 1, "", "the file must hold keys and values")])
    findings = substitute(document, env)
    if folder is not None:
        _anchor_files(document.value, folder)
    try:
        config = Config.model_validate(document.value)
    except ValidationError as error:
        findings += [_finding(document, e) for e in error.errors(include_input=False)]
        # ``from None``: pydantic's own error holds the file's values.
        raise InvalidConfig(findings) from None
    for rule in (check, *rules):
        findings += [document.finding(path, message) for path, message in rule(config)]
    if findings:
        raise InvalidConfig(findings)
    return config


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "steelyard.yaml"
    return schema


def _anchor_files(value: dict[str, Any], folder: FilePath) -> None:
    """Makes paths that tasks name absolute: who reads them later stands in another folder."""
    tasks = value.get("tasks")
    for task in tasks.values() if isinstance(tasks, dict) else ():
        if not isinstance(task, dict):
            continue
        if isinstance(name := task.get("set"), str):
            if name.endswith((".jsonl", ".csv", ".tsv", ".parquet")):
                task["set"] = _anchored(name, folder)
        for parameters in (task.get("grader"), task.get("grader_parameters")):
            if isinstance(parameters, dict) and isinstance(own := parameters.get("function"), str):
                file, _, function = own.rpartition(":")
                if file.endswith(".py"):
                    parameters["function"] = f"{_anchored(file, folder)}:{function}"


def _anchored(path: str, folder: FilePath) -> str:
    return str(folder.absolute() / FilePath(path).expanduser())


def _finding(document: Document, error: Any) -> Finding:
    path: Path = tuple(step for step in error["loc"] if step != "[key]")
    kind = str(error["type"])
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1])
        hint = nearest(str(path[-1]), known) or f"; known: {', '.join(sorted(known))}"
        return document.finding(path, f"unknown key{hint}")
    if kind == "missing":
        return document.finding(path, "is missing")
    if kind == "value_error":
        return document.finding(path, str(error["ctx"]["error"]))
    message = str(error["msg"])
    return document.finding(path, message[:1].lower() + message[1:])


def _known_keys(path: Path) -> set[str]:
    """Keys that the section at ``path`` knows."""
    section: Any = Config
    for step in path:
        section = _inside(section, step)
        if section is None:
            return set()
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return set(section.model_fields) if is_section else set()


def _inside(annotation: Any, step: str | int) -> Any:
    """The type behind one step into ``annotation``; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(step))
        return _plain(field.annotation) if field else None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return _plain(arguments[1])
    return _plain(arguments[0]) if get_origin(annotation) is tuple else None


def _plain(annotation: Any) -> Any:
    """``X`` of ``X | None`` and ``Annotated[X, …]``."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, UnionType):
        return next(_plain(a) for a in get_args(annotation) if a is not NoneType)
    return annotation
