"""Test sets: bytes in, samples and faults out.

A bad line never stops a weighing and never disappears: it becomes a fault with its line number and
reason, which the report shows. Only a set without any usable item is an error.

A line of JSONL is an object with ``id``, ``input`` and ``reference``; ``labels`` (closed set of
answers) or ``choices`` (options of a question, ``reference`` is the letter of the right one) where
the grader needs them; ``licence`` where the item has its own. ``messages`` in place of ``input`` is
a conversation that is sent as it is. Other names (facts, tests, instructions) are kept with the
item for graders that read them; a ``reference`` of null is for graders that need none. Items of one
source text name it in ``cluster``, since they are not independent. CSV, TSV and Parquet have a
column for each of these names, see ``tabular``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Reference, Sample
from steelyard.weigh.catalog import near
from steelyard.weigh.graders.base import Item
from steelyard.weigh.tabular import (
    Bad,
    Layout,
    Numbered,
    csv_rows,
    encoding_hint,
    parquet_rows,
    read_layout,
    renamed,
)

SETS_FOLDER = Path(__file__).parent / "sets"
FILE_BYTES_MAX = 256 * 1024 * 1024
LINE_BYTES_MAX = 1024 * 1024
ITEMS_MAX = 100_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
"""A set's name that ends so is a file's path; any other is a shipped set's."""
_OWN = frozenset(("id", "input", "reference", "labels", "choices", "licence", "messages"))
"""Names of a line that every item has a place for."""
_REQUEST_FIELDS = ("tools", "tool_choice", "parallel_tool_calls", "response_format", "stop")
"""What a conversation may bring along; sent as it is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An item of a set that cannot be asked, and why."""

    where: str
    """``line 7``, counted from 1, or the item's id."""
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A test set as read."""

    name: str
    digest: str
    """First 16 hex digits of the file's SHA-256; a changed byte makes old verdicts another's."""
    samples: tuple[Sample, ...]
    faults: tuple[Fault, ...] = ()


def load_set(name: str, folder: Path = SETS_FOLDER) -> Dataset:
    """Reads a shipped set by name, or a file by its path (``name`` ends in one of ``SUFFIXES``).

    Args:
        name: such as ``reviews-en``, or a path; a relative one starts at ``folder``.
        folder: where shipped sets lie, or the folder of the user's task file.

    Raises:
        ConfigError: no such file, or nothing usable in it.
    """
    path = folder / name if is_file(name) else SETS_FOLDER / f"{name}.jsonl"
    try:
        data = _read(path, name)
    except OSError as error:
        reason = f"{error.strerror or error}{_near_set(name, path)}"
        raise ConfigError(f"test set {name}: {reason}") from error
    beside = path.with_name(f"{path.name}.yaml")
    try:
        layout = _read(beside, beside.name) if is_file(name) and beside.exists() else b""
    except OSError as error:
        raise ConfigError(f"{beside.name}: {error.strerror or error}") from error
    return read_set(name, data, layout)


def _near_set(name: str, path: Path) -> str:
    """Sets that are called nearly so: files beside a missing one, or shipped ones."""
    if is_file(name):
        try:
            beside = [file.name for file in path.parent.iterdir() if is_file(file.name)]
        except OSError:
            return ""
        return near(path.name, beside)
    shipped = near(name, (file.stem for file in SETS_FOLDER.glob("*.jsonl")))
    return f"{shipped} (a file of your own ends in {', '.join(SUFFIXES)})"


def is_file(name: str) -> bool:
    """Whether a set's name is the path of a file."""
    return name.endswith(SUFFIXES)


def digest_of(name: str) -> str:
    """The digest of a set that can be read; of a shipped one that is found out once.

    Raises:
        ConfigError: as ``load_set``.
    """
    return load_set(name).digest if is_file(name) else _shipped_digest(name)


@cache
def _shipped_digest(name: str) -> str:
    return load_set(name).digest


def _read(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(f"test set {name}: larger than {FILE_BYTES_MAX >> 20} MiB")
    return data


def read_set(name: str, data: bytes, layout: bytes = b"") -> Dataset:
    """Reads a set from the bytes of its file.

    Args:
        name: a shipped set's or the file's; its ending says what the bytes are.
        data: the file.
        layout: the file beside it that tells how to read it; empty for none. It is a part of the
            digest, since other columns are another set.

    Raises:
        ConfigError: there is no usable item, or there are too many.
    """
    samples: dict[str, Sample] = {}
    faults: list[Fault] = []
    for where, row in _rows(name, data, _layout(name, layout)):
        try:
            sample = _sample(row)
        except ValueError as error:
            faults.append(Fault(where, str(error)))
            continue
        if sample.id in samples:
            faults.append(Fault(where, f"the id {sample.id[:80]} occurs twice"))
            continue
        samples[sample.id] = sample
        if len(samples) > ITEMS_MAX:
            raise ConfigError(f"test set {name}: more than {ITEMS_MAX} items")
    if not samples:
        first = f"; {faults[0].where}: {faults[0].reason}" if faults else " (it is empty)"
        raise ConfigError(f"test set {name} has no usable item{first}")
    # An empty layout adds nothing, so that digests of sets without one stay what they were.
    digest = hashlib.sha256(data + (b"\0" + layout if layout else b"")).hexdigest()[:16]
    return Dataset(name, digest, tuple(samples.values()), tuple(faults))


def _layout(name: str, text: bytes) -> Layout:
    if not text:
        return Layout()
    try:
        return read_layout(text.decode("utf-8-sig"), f"{Path(name).name}.yaml")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}.yaml: not UTF-8") from error


def _rows(name: str, data: bytes, layout: Layout) -> Numbered:
    if name.endswith((".csv", ".tsv")):
        return csv_rows(name, data, layout)
    if name.endswith(".parquet"):
        return parquet_rows(name, data, layout, ITEMS_MAX)
    return _lines(name, data, layout)


def _lines(name: str, data: bytes, layout: Layout) -> Numbered:
    if layout.encoding == "utf-16":  # its line ends are not bytes of their own
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
        layout = Layout(layout.columns, json=layout.json)
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", renamed(_object(name, line, layout), layout)
        except ValueError as error:
            yield f"line {number}", Bad(str(error))


def _object(name: str, line: bytes, layout: Layout) -> dict[str, object]:
    """One line of JSONL.

    Raises:
        ValueError: what is wrong with the line, for a person.
    """
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"longer than {LINE_BYTES_MAX >> 10} KiB")
    try:
        text = line.decode(layout.encoding)
    except UnicodeDecodeError as error:
        hint = encoding_hint(line, Path(name).name) if is_file(name) else ""
        raise ValueError(f"not {layout.encoding.upper()} at byte {error.start}{hint}") from error
    try:
        row = json.loads(text)
        if "\\u" in text:  # only so is a lone surrogate written; this finds it in any field
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a lone surrogate is no text") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    if "reference" not in {*row, *(n for n, c in layout.columns.items() if c in row)}:
        raise ValueError("the reference is missing")
    return row


def _sample(row: Mapping[str, object] | Bad) -> Item:
    """One sample.

    Raises:
        ValueError: what is wrong with the row, for a person.
    """
    if isinstance(row, Bad):
        raise ValueError(row.reason)
    messages = _messages(row)
    text = _conversation(messages) if messages else _text(row, "input")
    own = _OWN | set(_REQUEST_FIELDS) if messages else _OWN
    sample = Item(
        id=_text(row, "id") if "id" in row else _id_of(text),
        input=text,
        reference=_reference(row.get("reference")),
        labels=_texts(row, "labels"),
        choices=_texts(row, "choices"),
        licence=str(row.get("licence", "")),
        messages=messages,
        request_fields={n: row[n] for n in _REQUEST_FIELDS if n in row} if messages else {},
        extras={name: value for name, value in row.items() if name not in own},
    )
    _check_reference(sample)
    return sample


def _id_of(text: str) -> str:
    """The name of an item whose table has no column for it; the same text is the same item."""
    return f"item-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:10]}"


def _messages(row: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    value = row.get("messages")
    if value is None:
        return ()
    if "input" in row or "choices" in row:
        raise ValueError("messages are sent as they are: no input and no choices beside them")
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in value)
    ):
        raise ValueError("messages is not a list of messages with a role")
    if value[-1]["role"] not in {"user", "tool", "function"}:
        raise ValueError("the last of the messages is not one that is to be answered")
    return tuple(value)


def _conversation(messages: tuple[Mapping[str, object], ...]) -> str:
    """What was said, for graders and people: the message alone if there is one, else by roles."""
    said = [(str(message["role"]), "\n".join(_spoken(message))) for message in messages]
    if len(said) == 1:
        return said[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in said)


def _spoken(message: Mapping[str, object]) -> Iterator[str]:
    content = message.get("content")
    for part in content if isinstance(content, list) else [{"text": content}]:
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str):
            yield text


def _text(row: Mapping[str, object], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is missing" if value is None else f"{key} is not a string")
    return value


def _texts(row: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError(f"{key} is not a list of strings")
    return tuple(value)


def _reference(value: object) -> Reference:
    if value is None:
        return ()
    if isinstance(value, str):
        if not value:
            raise ValueError("the reference is missing")
        return value
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
        return dict(value)
    raise ValueError("the reference is not a string, a list of strings or an object of strings")


def _check_reference(sample: Sample) -> None:
    """Holds the gold answer to the closed set it should come from.

    Raises:
        ValueError: it is not in the set.
    """
    if sample.reference == () and (sample.labels or sample.choices):
        raise ValueError("the reference is missing")
    if sample.labels and sample.reference not in sample.labels:
        raise ValueError("the reference is not one of the labels")
    if sample.choices:
        if not 2 <= len(sample.choices) <= len(LETTERS):
            raise ValueError(f"2 to {len(LETTERS)} choices, not {len(sample.choices)}")
        if sample.reference not in tuple(LETTERS[: len(sample.choices)]):
            raise ValueError("the reference is not the letter of a choice")
