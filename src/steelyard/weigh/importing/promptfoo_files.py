"""Prompts, tests and variables that a configuration of promptfoo keeps in files beside it.

Only texts are read, and only where they lie beside the configuration or below and are not hidden: a
configuration comes from anybody, and what it names is sent to vendors. Nothing is run.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import ITEMS_MAX
from steelyard.weigh.importing.imported import YAML_BYTES_MAX, inside, read_text, read_yaml
from steelyard.weigh.importing.promptfoo_asserts import assertion_of

FILE = "file://"
_EXPECTED = "__expected"
_PROMPTS = {".txt", ".md", ".json", ".yaml", ".yml"}
_TESTS = {".csv", ".yaml", ".yml", ".json", ".jsonl"}
_VALUES = {".txt", ".md", ".html", ".csv", ".json", ".yaml", ".yml"}
_PATH = re.compile(r"[\w./*@-]{1,200}\.(?:txt|md|jsonl?|ya?ml|csv|j2|py|[cm]?[jt]s)(?::\w+)?")
"""What promptfoo takes for a file though it does not begin with ``file://``."""

Json = Mapping[str, Any]


def read_prompts(path: Path, value: object, notes: list[str]) -> Iterator[str]:
    """The prompts that are texts, or lie in files of text; others are named in ``notes``.

    Raises:
        ConfigError: the first file that is named cannot be read, or lies elsewhere. Of those after
            a prompt this is a note, since a task takes one.
    """
    is_found = False
    # An older form names files as keys and labels as values.
    given = list(value) if isinstance(value, dict | list) else [value]
    for each in given:
        text = each.get("raw", each.get("id")) if isinstance(each, dict) else each
        if not isinstance(text, str):
            notes.append("a prompt that is no text left out")
        elif not text.startswith(FILE) and not _PATH.fullmatch(text):
            is_found = True
            yield text
        else:
            try:
                for prompt in _prompts_of_files(path, text, notes):
                    is_found = True
                    yield prompt
            except ConfigError as error:
                if not is_found:
                    raise
                notes.append(f"a further prompt left out: {error.message}"[:200])


def _prompts_of_files(path: Path, name: str, notes: list[str]) -> Iterator[str]:
    for file in _files(path, name):
        if file.suffix not in _PROMPTS:
            notes.append(f"prompt {name[:80]} left out: only texts, JSON and YAML are read")
        elif file.suffix in {".txt", ".md"}:
            content = read_text(file, YAML_BYTES_MAX)
            parts = re.split(r"^---\s*$", content, flags=re.M)
            yield from (part.strip() for part in parts if part.strip())
        else:
            yield read_text(file, YAML_BYTES_MAX)


def read_tests(path: Path, value: object, notes: list[str]) -> Iterator[Json]:
    """The tests that are written down, here or in files; others are named in ``notes``.

    Raises:
        ConfigError: a file that is named cannot be read, or lies elsewhere.
    """
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each
        elif isinstance(each, str):
            for file in _files(path, each) if "://" not in each.removeprefix(FILE) else [Path()]:
                if file.suffix in _TESTS:
                    yield from _tests_of_file(file)
                else:
                    known = "CSV, YAML, JSON and JSONL"
                    notes.append(f"tests of {each[:80]} left out: only {known} are read")
        else:
            notes.append("a test that is no object left out")


def _tests_of_file(file: Path) -> Iterator[Json]:
    if file.suffix == ".csv":
        for row in _rows(file):
            cells = {key: cell or "" for key, cell in row.items() if isinstance(key, str)}
            wanted = [text for key, text in cells.items() if key.startswith(_EXPECTED) and text]
            variables = {key: cell for key, cell in cells.items() if not key.startswith("__")}
            yield {"vars": variables, "assert": [assertion_of(text) for text in wanted]}
        return
    found = _lines(file) if file.suffix == ".jsonl" else read_yaml(file)
    yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from csv.DictReader(io.StringIO(read_text(file, YAML_BYTES_MAX)))
    except csv.Error as error:
        raise ConfigError(f"{file.name}: {error}") from error


def _lines(file: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in read_text(file).splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file.name}: a line is no JSON") from error


def read_values(path: Path, name: str) -> list[str]:
    """The texts of the files that a variable names, one each.

    Raises:
        ConfigError: a file cannot be read, lies elsewhere, or is none of text.
    """
    found = _files(path, name)
    if strange := [file.name for file in found if file.suffix not in _VALUES]:
        raise ConfigError(f"{strange[0]} is no text")
    return [read_text(file, YAML_BYTES_MAX).strip() for file in found]


def _files(path: Path, name: str) -> list[Path]:
    """The file that a name stands for, or all that its pattern finds, in the order of names."""
    plain = name.removeprefix(FILE)
    if any(part.startswith(".") and part not in {".", ".."} for part in Path(plain).parts):
        raise ConfigError(f"{plain} is hidden and is not read")
    where = inside(path.parent, plain)
    if "*" not in plain:
        return [where]
    folder = path.parent.resolve()
    # What a pattern finds may be a link that leads elsewhere, so each is looked at.
    found = [inside(folder, str(each.relative_to(folder))) for each in _found(folder, plain)]
    if not found:
        raise ConfigError(f"{plain} finds no file")
    return found


def _found(folder: Path, pattern: str) -> list[Path]:
    found: list[Path] = []
    for each in folder.glob(pattern.removeprefix("./")):
        if each.is_file() and not each.name.startswith("."):
            found.append(each)
        if len(found) > ITEMS_MAX:
            raise ConfigError(f"{pattern} finds more than {ITEMS_MAX} files")
    return sorted(found)
