"""What an importer gives: tasks with their items, and what could not be taken along.

Each importer reads a file of another program and never runs anything of it: no code, no template
language, no addresses. What has no counterpart here is named, not guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import yaml

from steelyard.config.nesting import DEPTH_MAX, check_nesting
from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import Dataset, read_set
from steelyard.weigh.written import language_of

FILE_BYTES_MAX = 256 * 1024 * 1024
YAML_BYTES_MAX = 16 * 1024 * 1024
OUTPUT_TOKENS_MAX = 512
"""Cap of answers where the other program names none."""
_NODES_MAX = 1_000_000
"""Values that a YAML file stands for once its aliases are written out."""
_NAME_CHARS = 64

Row = dict[str, object]


_PLAIN = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*|(?=[eE])))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", r"<<", "<"),
)
"""What a bare word of YAML 1.2 may be besides a text: tag, form, and how it may begin."""


class _Loader(yaml.CSafeLoader):
    """Reads YAML 1.2, as the programs do whose files these are: yes, 12:30 and days are texts."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012 - pyyaml's
        begin: [
            (f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{form})\Z"))
            for tag, form, begins in _PLAIN
            if begin in tuple(begins)
        ]
        for begin in sorted({sign for _, _, begins in _PLAIN for sign in begins})
    }


@dataclass(frozen=True, slots=True)
class Imported:
    """A task as another program had it."""

    name: str
    title: str
    rows: tuple[Row, ...]
    """Items, as the lines of a JSONL set."""
    grader: str
    grader_parameters: Mapping[str, object] = field(default_factory=dict)
    system: str = ""
    user: str = "{input}"
    output_tokens_max: int = OUTPUT_TOKENS_MAX
    notes: tuple[str, ...] = ()
    """What was left out or is not quite the same, for people."""

    @property
    def language(self) -> str:
        """What is asked in, told by its signs; names of fields are none of them."""
        return language_of(
            str(row["input"]) if "input" in row else as_json(row.get("messages"))
            for row in self.rows
        )

    def set_bytes(self) -> bytes:
        """The set as a JSONL file."""
        return "".join(f"{as_json(row)}\n" for row in self.rows).encode("utf-8", "replace")

    def dataset(self) -> Dataset:
        """The set as a weighing reads it.

        Raises:
            ConfigError: none of its items can be used.
        """
        return read_set(f"{self.name}.jsonl", self.set_bytes())

    def section(self, set_path: str, floor: Decimal) -> dict[str, object]:
        """What ``steelyard.yaml`` says under ``tasks`` for it.

        Args:
            set_path: where the set lies, from the file's folder.
            floor: 0 to 1.
        """
        form: dict[str, object] = {"id": "imported-1"}
        if self.system:
            form["system"] = self.system
        if self.user != "{input}":
            form["user"] = self.user
        form["output_tokens_max"] = self.output_tokens_max
        section: dict[str, object] = {"title": self.title, "language": self.language}
        section |= {"set": set_path, "grader": self.grader}
        if self.grader_parameters:
            section["grader_parameters"] = dict(self.grader_parameters)
        return section | {"floor": floor, "form": form}


def as_json(value: object, *, sort_keys: bool = False) -> str:
    """A value as JSON; days and other things that YAML knows beside it as text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=sort_keys, default=str)


def task_name(text: str) -> str:
    """A name for a task out of any text: lower case words joined by hyphens; ``imported`` if none.

    A slash stays, since tasks may lie in folders.
    """
    parts = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in text.split("/")]
    return "/".join(filter(None, parts))[:_NAME_CHARS].strip("-/") or "imported"


def with_ids(name: str, rows: Iterable[Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Rows with ids made of what they say, each once, and a note on those that came again."""
    found: dict[str, Row] = {}
    again = 0
    for row in rows:
        said = as_json(row, sort_keys=True).encode("utf-8", "replace")
        row_id = f"{name}-{hashlib.sha256(said).hexdigest()[:10]}"
        again += row_id in found
        found.setdefault(row_id, {"id": row_id, **row})
    notes = (f"{again} items were there twice and are taken once",) if again else ()
    return tuple(found.values()), notes


def read_bytes(path: Path, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """A file's content.

    Raises:
        ConfigError: it cannot be read, is too large, or is only a pointer to where it lies.
    """
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"{path.name}: {error.strerror or error}") from error
    if len(data) > bytes_max:
        raise ConfigError(f"{path.name}: larger than {bytes_max >> 20} MiB")
    if data.startswith(b"version https://git-lfs"):
        raise ConfigError(f"{path.name} is a pointer of Git LFS; fetch the file: git lfs pull")
    return data


def read_text(path: Path, bytes_max: int = FILE_BYTES_MAX) -> str:
    """A text file's content, without a byte order mark.

    Raises:
        ConfigError: as ``read_bytes``, or it is no UTF-8.
    """
    try:
        return read_bytes(path, bytes_max).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not UTF-8 at byte {error.start}") from error


def read_yaml(path: Path) -> object:
    """What a YAML file says; plain values only, and no more of them than memory holds.

    Raises:
        ConfigError: it cannot be read or is no such YAML.
    """
    text = read_text(path, YAML_BYTES_MAX)
    try:
        return parse_yaml(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path.name}: not YAML that can be read: {reason}") from error


def parse_yaml(text: str) -> object:
    """What a YAML text says, as ``read_yaml``.

    Raises:
        yaml.YAMLError, RecursionError, ValueError: it is no such YAML.
    """
    check_nesting(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        # Aliases are counted before they are built: merged keys are copied while they are.
        _size_of(node, {})
        value: object = loader.construct_document(node)
        return value
    finally:
        loader.dispose()


def _size_of(node: yaml.Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values a node stands for, and how deep they nest, with aliases written out."""
    if id(node) in known:
        size, depth = known[id(node)]
        if not size:
            raise ValueError("an alias holds itself")
        return size, depth
    known[id(node)] = 0, 0
    children: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        children = [each for pair in node.value for each in pair]
    sizes = [_size_of(child, known) for child in children]
    own = 1 + (len(node.value) >> 6 if isinstance(node, yaml.ScalarNode) else 0)
    size, depth = own + sum(s for s, _ in sizes), 1 + max((d for _, d in sizes), default=0)
    if size > _NODES_MAX or depth > DEPTH_MAX + 1:
        raise ValueError("its aliases stand for too much")
    known[id(node)] = size, depth
    return size, depth


def inside(folder: Path, name: str) -> Path:
    """A file that another one names, which must lie in the folder or below it.

    A file of tests comes from anybody, and what it names is sent to vendors.

    Raises:
        ConfigError: it lies elsewhere.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ConfigError(f"{name} lies outside of {folder.name or 'its folder'} and is not read")
    return path


def counted(texts: Iterable[str], what: str) -> tuple[str, ...]:
    """Notes on what was left out: ``assertions: 3 left out, javascript``, by kind."""
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return tuple(f"{what} {count} left out, {text}" for text, count in sorted(counts.items()))


def escaped(text: str) -> str:
    """A text as a pattern of RE2 that means just it."""
    return re.sub(r"([\\.+*?()|\[\]{}^$/-])", r"\\\1", text)
