"""A configuration of promptfoo: prompts, tests and their assertions.

Of its template language only ``{{variable}}`` is filled in; a prompt or test with filters, loops or
code is left out by name, as are assertions that run code or ask embeddings. The first prompt is
taken, since a task has one; the models listed there are not, as ours are offers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any

import yaml

from steelyard.config.nesting import check_nesting
from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import ITEMS_MAX, LINE_BYTES_MAX
from steelyard.weigh.importing.imported import (
    YAML_BYTES_MAX,
    Imported,
    Row,
    as_json,
    counted,
    inside,
    read_text,
    read_yaml,
    task_name,
    with_ids,
)
from steelyard.weigh.importing.promptfoo_asserts import Expected, assertion_of, expected_of

_VARIABLE = re.compile(r"\{\{-?\s*([A-Za-z_][\w]*)\s*-?\}\}")
_LANGUAGE = re.compile(r"\{\{|\{%|\{#")
_FILE = "file://"
_EXPECTED = "__expected"

Json = Mapping[str, Any]


class _NotTaken(ValueError):
    """A test that cannot be an item, and why."""


@dataclass(slots=True)
class _Config:
    """What of a configuration is looked at."""

    title: str
    prompt: str
    tests: list[Json]
    default: Json
    notes: list[str] = field(default_factory=list)


def read(path: Path, name: str = "") -> list[Imported]:
    """The tasks of a configuration: one for each grader that its tests need.

    Args:
        path: a ``promptfooconfig.yaml``; files that it names must lie beside it or below.
        name: of the task; made of the description when empty.

    Raises:
        ConfigError: it is no configuration, or nothing in it can be taken.
    """
    config = _config(path)
    groups: dict[str, list[Row]] = {}
    folds: list[bool] = []
    missed: list[str] = []
    left: list[str] = []
    for test in config.tests:
        for variables in _spread(test, config.default):
            try:
                expected, row = _item(config, test, variables)
            except _NotTaken as error:
                missed.append(str(error))
                continue
            left += expected.left
            groups.setdefault(expected.grader, []).append(row)
            folds += [expected.is_folded] if expected.grader == "contains" else []
            if sum(map(len, groups.values())) > ITEMS_MAX:
                raise ConfigError(f"{path.name}: more than {ITEMS_MAX} tests")
    notes = [*config.notes, *counted(missed, "tests:"), *counted(left, "assertions:")]
    if any(folds) and not all(folds):
        notes.append("case counts in no test, since some ask for icontains")
    if not groups:
        raise ConfigError(f"{path.name}: no test can be taken{_because(notes)}")
    own = task_name(name or config.title or path.parent.name)
    return [
        _imported(
            f"{own}-{grader.replace('_', '-')}" if len(groups) > 1 else own,
            f"{config.title or own} (promptfoo)",
            {"fold": any(folds)} if grader == "contains" else {},
            (grader, rows),
            notes,
        )
        for grader, rows in groups.items()
    ]


def _imported(
    name: str, title: str, parameters: Row, graded: tuple[str, list[Row]], notes: list[str]
) -> Imported:
    grader, rows = graded
    found, again = with_ids(name.rpartition("/")[2], rows)
    if grader == "exact":
        parameters["fold"] = False
    if grader == "judge":
        rubrics = {str(row["rubric"]) for row in rows if row.get("rubric")}
        if len(rubrics) == 1:
            parameters["criteria"] = rubrics.pop()
        elif rubrics:
            again += ("rubrics differ by test; a judge gets one for the task, under criteria",)
        again += ("a judge compares in pairs: name its offer under judge, and a baseline",)
    return Imported(name, title, found, grader, parameters, notes=(*notes, *again))


def _because(notes: list[str]) -> str:
    return f" ({'; '.join(notes)[:400]})" if notes else ""


def _config(path: Path) -> _Config:
    value = read_yaml(path)
    if not isinstance(value, dict) or "tests" not in value or "prompts" not in value:
        raise ConfigError(f"{path.name}: no configuration of promptfoo (prompts, tests)")
    notes: list[str] = []
    prompts = list(_prompts(path, value["prompts"], notes))
    if not prompts:
        raise ConfigError(f"{path.name}: no prompt in it can be taken{_because(notes)}")
    if len(prompts) > 1:
        notes.append(f"{len(prompts) - 1} further prompts left out: a task has one")
    default = value.get("defaultTest")
    if "scenarios" in value:
        notes.append("scenarios left out")
    return _Config(
        str(value.get("description") or ""),
        prompts[0],
        list(_tests(path, value["tests"], notes)),
        default if isinstance(default, dict) else {},
        notes,
    )


def _prompts(path: Path, value: object, notes: list[str]) -> Iterator[str]:
    """The prompts that are texts, or lie in text and JSON files."""
    for each in value if isinstance(value, list) else [value]:
        text = each.get("raw", each.get("id")) if isinstance(each, dict) else each
        if not isinstance(text, str):
            notes.append("a prompt that is no text left out")
        elif not text.startswith(_FILE):
            yield text
        elif text.endswith((".txt", ".md", ".json")):
            content = read_text(inside(path.parent, text.removeprefix(_FILE)), YAML_BYTES_MAX)
            yield from (part.strip() for part in re.split(r"^---\s*$", content, flags=re.M))
        else:
            notes.append(f"prompt {text[:80]} left out: only texts and JSON are read")


def _tests(path: Path, value: object, notes: list[str]) -> Iterator[Json]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each
        elif isinstance(each, str):
            yield from _tests_of_file(path, each, notes)
        else:
            notes.append("a test that is no object left out")


def _tests_of_file(path: Path, name: str, notes: list[str]) -> Iterator[Json]:
    file = inside(path.parent, name.removeprefix(_FILE))
    if file.suffix == ".csv":
        for row in csv.DictReader(io.StringIO(read_text(file, YAML_BYTES_MAX))):
            cells = {key: cell or "" for key, cell in row.items() if isinstance(key, str)}
            wanted = [text for key, text in cells.items() if key.startswith(_EXPECTED) and text]
            variables = {key: cell for key, cell in cells.items() if not key.startswith("__")}
            yield {"vars": variables, "assert": [assertion_of(text) for text in wanted]}
    elif file.suffix in {".yaml", ".yml", ".json"}:
        found = read_yaml(file)
        yield from (
            (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
        )
    else:
        notes.append(f"tests of {name[:80]} left out: only CSV, YAML and JSON are read")


def _spread(test: Json, default: Json) -> Iterator[Json]:
    """The test's variables; one that is a list stands for a test with each of its values."""
    own, shared = test.get("vars"), default.get("vars")
    given = {
        **(shared if isinstance(shared, dict) else {}),
        **(own if isinstance(own, dict) else {}),
    }
    values = [value if isinstance(value, list) else [value] for value in given.values()]
    for chosen in islice(product(*values), ITEMS_MAX + 1):
        yield {str(key): value for key, value in zip(given, chosen, strict=True)}


def _item(config: _Config, test: Json, variables: Json) -> tuple[Expected, Row]:
    if any(isinstance(value, str) and value.startswith(_FILE) for value in variables.values()):
        raise _NotTaken("with variables in files")
    own, shared = test.get("assert"), config.default.get("assert")
    assertions = [
        {key: _filled_in(part, variables) for key, part in each.items()}
        for each in (*_list(shared), *_list(own))
        if isinstance(each, dict)
    ]
    expected = expected_of(assertions)
    if not expected.grader:
        kinds = ", ".join(sorted(set(expected.left))) or "none"
        raise _NotTaken(f"whose assertions are not known here ({kinds})")
    return expected, _asked(config.prompt, variables) | expected.fields


def _asked(prompt: str, variables: Json) -> Row:
    """A prompt as an item has it: a text, or a conversation where it is one."""
    if prompt.lstrip().startswith(("[", "- role")):
        is_json = prompt.lstrip().startswith("[")
        try:
            filled = _filled(prompt, variables, is_json=is_json)
            check_nesting(filled, may_repeat=False)
            value = yaml.load(filled, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            if isinstance(error, _NotTaken):
                raise
            value = None
        if isinstance(value, list) and all(isinstance(m, dict) and "role" in m for m in value):
            return {"messages": value}
    return {"input": _filled(prompt, variables)}


def _filled(template: str, variables: Json, *, is_json: bool = False) -> str:
    """A template with its variables filled in, in JSON as JSON has texts.

    Raises:
        _NotTaken: it needs more than that.
    """
    bare = _VARIABLE.sub("", template)
    if _LANGUAGE.search(bare):
        raise _NotTaken("that need promptfoo's template language")
    named = _VARIABLE.findall(template)
    if missing := sorted(set(named) - set(variables)):
        raise _NotTaken(f"without the variable {missing[0]}")
    sizes = {name: len(str(variables[name])) for name in set(named)}
    if len(template) + sum(sizes[name] for name in named) > LINE_BYTES_MAX:
        raise _NotTaken("that are too long")

    def put(match: re.Match[str]) -> str:
        value = variables[match[1]]
        text = value if isinstance(value, str) else as_json(value)
        return json.dumps(text, ensure_ascii=False)[1:-1] if is_json else text

    return _VARIABLE.sub(put, template)


def _filled_in(value: Any, variables: Json) -> Any:
    if isinstance(value, str):
        return _filled(value, variables)
    if isinstance(value, list):
        return [_filled_in(each, variables) for each in value]
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
