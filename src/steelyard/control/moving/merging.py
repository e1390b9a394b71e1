"""Puts entries into steelyard.yaml as a person would: the rest of the file stays as it is.

Entries are added behind those of their section, in the section's own style, and what came of it is
held against what was meant by reading it again. A file whose sections cannot be added to is left
alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from steelyard.config.document import DocumentError, parse
from steelyard.control.moving.notes import Notes
from steelyard.control.moving.part import Part, name_of

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9._/-]*( [A-Za-z0-9./-]+)*")
"""Texts that mean themselves in YAML without quotes; words that mean something else are few."""
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"})


class Merged(NamedTuple):
    """A file's text with the entries in it."""

    text: str
    added: dict[str, int]
    """Entries added, by section."""


class CannotMerge(Exception):  # noqa: N818 - a way out, not a fault
    """The file's sections are written in a way that cannot be added to."""


def merge(text: str, part: Part, notes: Notes) -> Merged:
    """``text`` with the entries of ``part`` that it does not have.

    Raises:
        CannotMerge: it is no such file, or no entry can be added to one of its sections.
    """
    wanted = _missing(_value(text), part, notes)
    merged = text if not text or text.endswith("\n") else text + "\n"
    meant = _value(text)
    for section, entries in wanted.items():
        if not entries:
            continue
        merged = _with(merged, section, entries)
        held = meant.get(section)
        if isinstance(entries, dict):
            meant[section] = {**(held or {}), **entries}
        else:
            meant[section] = [*(held or []), *entries]
    if _value(merged) != _read_back(meant):
        raise CannotMerge("what was written does not say what was meant")
    return Merged(merged, {section: len(entries) for section, entries in wanted.items() if entries})


def insert(text: str, section: str, entries: Mapping[str, Any]) -> str:
    """``text`` with further entries in a section, written over several lines to be edited.

    Args:
        text: of a steelyard.yaml.
        section: such as ``tasks``; none of the entries may be in it yet.
        entries: by name; decimal numbers as ``Decimal``.

    Raises:
        CannotMerge: it is no such file, or nothing can be added to the section.
    """
    meant = _value(text)
    held = meant.get(section) or {}
    if not isinstance(held, dict):
        raise CannotMerge(f"{section} holds no entries")
    start = text if not text or text.endswith("\n") else text + "\n"
    merged = _with(start, section, dict(entries), _nested)
    if _value(merged) != {**meant, section: {**held, **_read_back(entries)}}:
        raise CannotMerge("what was written does not say what was meant")
    return merged


def text_of(part: Part) -> str:
    """The sections as a file of their own."""
    return "".join(f"{name}:\n{_block(entries, '  ')}" for name, entries in part.sections().items())


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _missing(has: Mapping[str, Any], part: Part, notes: Notes) -> dict[str, Any]:
    """The entries that the file lacks; what it says otherwise is noted and left as it is."""
    channels = _section(has, "channels")
    offers = {name_of(o) for o in has.get("offers") or () if isinstance(o, dict)}
    local = _section(_section(has, "local"), "models")
    models = {str(o.get("model")) for o in has.get("offers") or () if isinstance(o, dict)}
    aliases, policies = _section(has, "aliases"), _section(has, "policies")
    for name, entry in part.channels.items():
        if name in channels and channels[name] != _read_back(entry):
            notes.add("already there", f"channel {name}", "left as it is")
    for name, policy in part.policies.items():
        if name in policies and policies[name] != policy:
            notes.add("already there", f"policy {name}", "left as it is")
    for name, model in part.aliases.items():
        if name in models or name in local or aliases.get(name, model) != model:
            notes.add("already there", f"alias {name}", "left as it is")
    return {
        "channels": {n: e for n, e in part.channels.items() if n not in channels},
        "offers": [entry for entry in part.offers if name_of(entry) not in offers],
        "aliases": {
            name: model
            for name, model in part.aliases.items()
            if name not in aliases and name not in models and name not in local
        },
        "policies": {n: e for n, e in part.policies.items() if n not in policies},
    }


def _with(
    text: str, section: str, entries: Any, block: Callable[[Any, str], str] | None = None
) -> str:
    block = block or _block
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        # By an entry that was just put in, behind a comment for instance.
        raise CannotMerge("what was written cannot be read") from error
    if root is None:
        return f"{text}{section}:\n{block(entries, '  ')}"
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise CannotMerge("the file is written on one line")
    found = next((pair for pair in root.value if pair[0].value == section), None)
    if found is None:
        return f"{text.rstrip()}\n\n{section}:\n{block(entries, '  ')}"
    _, node = found
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return _after_line(text, found[0].end_mark.line, block(entries, "  "))
    if not isinstance(node, yaml.CollectionNode):
        raise CannotMerge(f"{section} holds no entries")
    if node.flow_style:
        return _into_flow(text, node, entries)
    indent = " " * node.start_mark.column
    return _after_line(text, _last_line(node), block(entries, indent))


def _into_flow(text: str, node: yaml.CollectionNode, entries: Any) -> str:
    """Entries before the bracket that ends a collection on one line."""
    at = node.end_mark.index - 1
    head = text[:at].rstrip()
    if head.endswith(","):
        head += " "
    elif node.value:
        head += ", "
    return head + flow(entries)[1:-1] + text[at:]


def _after_line(text: str, line: int, more: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: line + 1]) + more + "".join(lines[line + 1 :])


def _last_line(node: yaml.Node) -> int:
    """The last line (from 0) on which something of a node stands."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            key, value = last
            return max(int(key.end_mark.line), _last_line(value))
        return _last_line(last)
    end, start = node.end_mark, node.start_mark
    is_past = end.column == 0 and end.line > start.line  # a block of text ends on the next line
    return int(end.line) - is_past


def _block(entries: Any, indent: str) -> str:
    if isinstance(entries, dict):
        return "".join(f"{indent}{flow(str(k))}: {flow(v)}\n" for k, v in entries.items())
    return "".join(f"{indent}- {flow(entry)}\n" for entry in entries)


def _nested(entries: Mapping[str, Any], indent: str) -> str:
    """Entries over several lines: mappings by key, long texts as they are."""
    text = ""
    for name, value in entries.items():
        key = f"{indent}{flow(str(name))}:"
        if isinstance(value, Mapping) and value:
            text += f"{key}\n{_nested(value, indent + '  ')}"
        elif isinstance(value, str) and _is_literal(value):
            lines = "".join(f"{indent}  {line}\n" if line else "\n" for line in value.split("\n"))
            text += f"{key} |-\n{lines}"
        else:
            text += f"{key} {flow(value)}\n"
    return text


def _is_literal(text: str) -> bool:
    """Whether a text of several lines comes back the same when it is written as it is."""
    return (
        "\n" in text
        and not text.startswith((" ", "\n", "\t"))
        and not text.endswith("\n")
        and all(line == line.rstrip() and line.isprintable() for line in text.split("\n"))
    )


def _value(text: str) -> dict[str, Any]:
    try:
        value = parse(text, "steelyard.yaml").value
    except DocumentError as error:
        raise CannotMerge(str(error)) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CannotMerge("the file must hold keys and values")
    return value


def _read_back(value: Any) -> Any:
    """A value as it comes back from YAML: the same, but for mappings of other kinds."""
    if isinstance(value, Mapping):
        return {str(key): _read_back(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_read_back(item) for item in value]
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) and "." not in str(value) else str(value)
    return value


def _section(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
