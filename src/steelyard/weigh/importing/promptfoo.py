"""A configuration of promptfoo: prompts, tests and their assertions.

Of its template language only ``{{variable}}`` and ``{{variable.field}}`` are filled in; a prompt or
test with filters, loops or code is left out by name, as are assertions that run code or ask
embeddings. One prompt is taken, since a task has one: the first that needs no more than that. The
models listed there are not, as ours are offers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any

import yaml

from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import ITEMS_MAX, LINE_BYTES_MAX
from steelyard.weigh.importing.imported import (
    Imported,
    Row,
    as_json,
    counted,
    inside,
    parse_yaml,
    read_yaml,
    task_name,
    with_ids,
)
from steelyard.weigh.importing.promptfoo_asserts import Expected, expected_of
from steelyard.weigh.importing.promptfoo_files import FILE, read_prompts, read_tests, read_values

_VARIABLE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*-?\}\}")
_LANGUAGE = re.compile(r"\{\{|\{%|\{#")
_TEMPLATES = "#/assertionTemplates/"
_AS_JSON = "JSON.parse(output)"
"""The only code before assertions that changes nothing here: JSON is read as such anyway."""
_JSON_TYPES = ("is-json", "contains-json", "equals")
_TEXTUAL = {"contains", "regex", "manner"}

Json = Mapping[str, Any]


class _NotTaken(ValueError):
    """A test that cannot be an item, and why."""


@dataclass(slots=True)
class _Config:
    """What of a configuration is looked at."""

    path: Path
    title: str
    prompt: str
    tests: list[Json]
    default: Json
    templates: Json
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """What became of the tests."""

    groups: dict[str, list[Row]] = field(default_factory=dict)
    folds: set[bool] = field(default_factory=set)
    """Whether case counts, in tests for ``contains``."""
    missed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def read(path: Path, name: str = "") -> list[Imported]:
    """The tasks of a configuration: one for each grader that its tests need.

    Args:
        path: a ``promptfooconfig.yaml``; files that it names must lie beside it or below.
        name: of the task; made of the description when empty.

    Raises:
        ConfigError: it is no configuration, or nothing in it can be taken.
    """
    config = _config(path)
    found = _collect(config, as_manner=False)
    textual = _TEXTUAL & set(found.groups)
    if len(found.folds) > 1 or ("manner" in textual and len(textual) > 1):
        # One grader for all that is asked of texts; patterns say each test's own case.
        found = _collect(config, as_manner=True)
    groups = found.groups
    notes = [
        *config.notes,
        *counted(found.missed, "tests:"),
        *counted(found.left, "assertions:"),
    ]
    if not groups:
        raise ConfigError(f"{path.name}: no test can be taken{_because(notes)}")
    own = task_name(name or config.title or path.parent.name)
    return [
        _imported(
            f"{own}-{grader.replace('_', '-')}" if len(groups) > 1 else own,
            f"{config.title or own} (promptfoo)",
            {"fold": True in found.folds} if grader == "contains" else {},
            (grader, rows),
            notes,
        )
        for grader, rows in groups.items()
    ]


def _collect(config: _Config, *, as_manner: bool) -> _Found:
    found = _Found()
    count = 0
    for test in config.tests:
        for variables in _spread(config, test, found.missed):
            count += 1
            if count > ITEMS_MAX:
                raise ConfigError(f"{config.path.name}: more than {ITEMS_MAX} tests")
            try:
                expected, row = _item(config, test, variables, as_manner=as_manner)
            except _NotTaken as error:
                found.missed.append(str(error))
                continue
            found.left += expected.left
            found.groups.setdefault(expected.grader, []).append(row)
            found.folds |= {expected.is_folded} if expected.grader == "contains" else set()
    return found


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
    if isinstance(value, dict) and "tests" not in value and "redteam" in value:
        raise ConfigError(f"{path.name}: promptfoo makes its tests when it runs, none is written")
    if not isinstance(value, dict) or "tests" not in value or "prompts" not in value:
        raise ConfigError(f"{path.name}: no configuration of promptfoo (prompts, tests)")
    notes: list[str] = []
    prompts = list(read_prompts(path, value["prompts"], notes))
    if not prompts:
        raise ConfigError(f"{path.name}: no prompt in it can be taken{_because(notes)}")
    if len(prompts) > 1:
        notes.append(f"{len(prompts) - 1} further prompts left out: a task has one")
    plain = (text for text in prompts if not _LANGUAGE.search(_VARIABLE.sub("", text)))
    prompt = next(plain, prompts[0])
    if prompt != prompts[0]:
        notes.append("not the first prompt, which needs promptfoo's template language")
    default = value.get("defaultTest")
    if isinstance(default, str) and default.startswith(FILE):
        default = read_yaml(inside(path.parent, default.removeprefix(FILE)))
    templates = value.get("assertionTemplates")
    if "scenarios" in value:
        notes.append("scenarios left out")
    return _Config(
        path,
        str(value.get("description") or ""),
        prompt,
        list(read_tests(path, value["tests"], notes)),
        default if isinstance(default, dict) else {},
        templates if isinstance(templates, dict) else {},
        notes,
    )


def _spread(config: _Config, test: Json, missed: list[str]) -> Iterator[Json]:
    """The test's variables; one of several values stands for a test with each of them."""
    own, shared = test.get("vars"), config.default.get("vars")
    given = {
        **(shared if isinstance(shared, dict) else {}),
        **(own if isinstance(own, dict) else {}),
    }
    try:
        values = [_values(config.path, value) for value in given.values()]
    except ConfigError as error:
        missed.append(f"with variables in files: {error.message}"[:200])
        return
    for chosen in islice(product(*values), ITEMS_MAX + 1):
        yield {str(key): value for key, value in zip(given, chosen, strict=True)}


def _values(path: Path, value: object) -> list[object]:
    found: list[object] = []
    for each in value if isinstance(value, list) else [value]:
        is_file = isinstance(each, str) and each.startswith(FILE)
        found += read_values(path, str(each)) if is_file else [each]
    return found


def _item(config: _Config, test: Json, variables: Json, *, as_manner: bool) -> tuple[Expected, Row]:
    options = {**_object(config.default.get("options")), **_object(test.get("options"))}
    if options.get("transformVars"):
        raise _NotTaken("whose variables code makes")
    left: list[str] = []
    assertions = [
        {key: _filled_in(part, variables) for key, part in each.items()}
        for each in _assertions(config, test, options, left)
    ]
    if not assertions and not left:
        raise _NotTaken("without assertions")
    expected = expected_of(assertions, as_manner=as_manner)
    expected.left += left
    if not expected.grader:
        kinds = ", ".join(sorted(set(expected.left)))
        raise _NotTaken(f"whose assertions are not known here ({kinds})")
    prompt = f"{options.get('prefix') or ''}{config.prompt}{options.get('suffix') or ''}"
    return expected, _asked(prompt, variables) | expected.fields


def _assertions(config: _Config, test: Json, options: Json, left: list[str]) -> Iterator[Json]:
    """The test's assertions and those of all tests; what is behind code is named in ``left``."""
    transform = options.get("transform") or options.get("postprocess")
    for each in (*_list(config.default.get("assert")), *_list(test.get("assert"))):
        for found in _members(config, each):
            named = str(found.get("type"))
            code = found.get("transform") or transform
            if code and not (str(code).strip() == _AS_JSON and named in _JSON_TYPES):
                left.append(f"{named} behind a transform"[:60])
            else:
                yield found


def _members(config: _Config, assertion: object) -> list[Json]:
    """An assertion with its template filled in; of a set that is asked for whole, its members."""
    found = _from_template(config, assertion)
    if found.get("type") != "assert-set" or found.get("threshold", 1) != 1:
        return [found] if found else []
    return [_from_template(config, each) for each in _list(found.get("assert"))]


def _from_template(config: _Config, assertion: object) -> Json:
    found = _object(assertion)
    reference = str(found.get("$ref", ""))
    if not reference.startswith(_TEMPLATES):
        return found
    shared = _object(config.templates.get(reference.removeprefix(_TEMPLATES)))
    return {**shared, **{key: value for key, value in found.items() if key != "$ref"}}


def _asked(prompt: str, variables: Json) -> Row:
    """A prompt as an item has it: a text, or a conversation where it is one."""
    text = prompt.lstrip()
    if text.startswith(("[", "- role", "messages:")) or re.match(r"\{\s*\"", text):
        for is_filled in (False, True):
            # Filled in after reading, a value may hold anything; before it, it may be no text.
            filled = _filled(prompt, variables, is_json=text[0] in "[{") if is_filled else prompt
            messages = _messages(filled)
            if messages is not None:
                return {"messages": messages if is_filled else _filled_in(messages, variables)}
    return {"input": _filled(prompt, variables)}


def _messages(text: str) -> list[Json] | None:
    """The conversation that a text of JSON or YAML is, if it is one; parts of text are joined."""
    try:
        value = parse_yaml(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if isinstance(value, dict):
        value = value.get("messages")
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(each, dict) and "role" in each for each in value):
        return None
    return [{**each, "content": _joined(each.get("content"))} for each in value]


def _joined(content: object) -> object:
    parts = content if isinstance(content, list) else []
    if parts and all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
        return "\n".join(str(part.get("text", "")) for part in parts)
    return content


def _filled(template: str, variables: Json, *, is_json: bool = False) -> str:
    """A template with its variables filled in, in JSON as JSON has texts.

    Raises:
        _NotTaken: it needs more than that.
    """
    bare = _VARIABLE.sub("", template)
    if _LANGUAGE.search(bare):
        raise _NotTaken("that need promptfoo's template language")
    values = {name: _value(variables, name) for name in sorted(set(_VARIABLE.findall(template)))}
    size = sum(len(values[name]) for name in _VARIABLE.findall(template))
    if len(template) + size > LINE_BYTES_MAX:
        raise _NotTaken("that are too long")

    def put(match: re.Match[str]) -> str:
        text = values[match[1]]
        return json.dumps(text, ensure_ascii=False)[1:-1] if is_json else text

    return _VARIABLE.sub(put, template)


def _value(variables: Json, name: str) -> str:
    """A variable as text, or a field of it."""
    value: object = variables
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise _NotTaken(f"without the variable {name}")
        value = value[part]
    return value if isinstance(value, str) else as_json(value)


def _filled_in(value: Any, variables: Json) -> Any:
    if isinstance(value, str):
        return _filled(value, variables)
    if isinstance(value, list):
        return [_filled_in(each, variables) for each in value]
    if isinstance(value, dict):
        return {key: _filled_in(each, variables) for key, each in value.items()}
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
