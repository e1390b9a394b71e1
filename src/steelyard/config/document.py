"""YAML with a memory: plain values, and where in the file each of them stands.

Stricter than YAML on purpose, since a configuration moves money: doubled keys, merge keys, tags and
alias bombs are refused; plain scalars follow YAML 1.2's core schema, so that ``no`` stays Norway
and ``12:30`` a text; and numbers with a fraction stay text, so that no binary float ever stands
between the file and an exact amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from steelyard.config.nesting import check_nesting

FILE_BYTES_MAX = 16 * 2**20
"""Ten thousand offers take about 2 MiB."""
VALUES_MAX = 1_000_000
"""Values after aliases are followed: what stops the billion laughs."""
DEPTH_MAX = 32

Path = tuple[str | int, ...]
"""Keys and list positions from the root."""

_CORE_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake, said so that a person can mend it."""

    file: str
    line: int
    """From 1; 0 when the mistake has no place in the file."""
    key: str
    """Path of the key, such as ``offers[3].rates.input``; empty for the whole file."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class DocumentError(Exception):
    """The text is no document we read; carries the findings."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


@dataclass(slots=True)
class Document:
    """A parsed file."""

    name: str
    """File name, for messages."""
    value: Any
    positions: dict[Path, Position] = field(default_factory=dict)

    def position(self, path: Path) -> Position:
        """Where ``path`` stands, or the nearest of its parents that stands in the file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.positions:
                return self.positions[path[:length]]
        return Position(0, 0)

    def finding(self, path: Path, message: str) -> Finding:
        """A mistake at ``path``."""
        return Finding(self.name, self.position(path).line, dotted(path), message)


def dotted(path: Path) -> str:
    """The path as people write it: ``offers[3].rates.input``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def parse(text: str, name: str) -> Document:
    """The document in ``text``; ``name`` is the file's name for messages.

    Raises:
        DocumentError: no YAML, or YAML of a kind we do not read; all such places are named.
    """
    if len(text) > FILE_BYTES_MAX:
        raise DocumentError([Finding(name, 0, "", f"larger than {FILE_BYTES_MAX >> 20} MiB")])
    try:
        check_nesting(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        # The problem alone: the context of PyYAML's message quotes the file, secrets included.
        raise DocumentError([Finding(name, line, "", f"no valid YAML: {error.problem}")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        kind = type(error).__name__
        raise DocumentError([Finding(name, 0, "", f"no valid YAML ({kind})")]) from None
    builder = _Builder(name)
    value = builder.build(node, ()) if node is not None else None
    if builder.findings:
        raise DocumentError(sorted(builder.findings))
    return Document(name, value, builder.positions)


class _Builder:
    """Turns nodes into values; collects positions and findings on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: dict[Path, Position] = {}
        self.findings: list[Finding] = []
        self._values_left = VALUES_MAX

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.positions.setdefault(path, _position(node))
        self._values_left -= 1
        if self._values_left == 0:
            self._blame(node, (), f"more than {VALUES_MAX} values; aliases out of hand?")
        if self._values_left <= 0:
            return None
        if len(path) > DEPTH_MAX:
            self._blame(node, path[:3], f"nested deeper than {DEPTH_MAX}")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._blame(key_node, path, "a key must be a plain text")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key == "<<":
                self._blame(key_node, path, "merge keys (<<) are not read; write the keys out")
            elif key in seen:
                self._blame(key_node, here, f"stands twice; first on line {seen[key]}")
            else:
                seen[key] = key_node.start_mark.line + 1
                self.positions[here] = _position(key_node)
                yield key, self.build(value_node, here)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text = str(node.value)
        if not node.tag.startswith(_CORE_TAG) or not node.tag.removeprefix(_CORE_TAG).isalpha():
            self._blame(node, path, f"tags such as {node.tag[:64]} are not read")
            return None
        if getattr(node, "style", None):  # quoted or a block: always text
            return text
        if text in _WORDS:
            return _WORDS[text]
        return int(text) if _INTEGER.fullmatch(text) else text

    def _blame(self, node: yaml.Node, path: Path, message: str) -> None:
        line = _position(node).line
        self.findings.append(Finding(self.name, line, dotted(path), message))


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)
