"""A case becomes a new item of one's own test set: written whole, or not at all.

The set is a JSONL file. The new line is held to the same rules as every line of it and to what the
task's grader needs, its id comes from what it asks and expects, and a question that the set asks
already is refused: two items that ask the same would count one opinion twice. A changed file is
another set by its digest, so verdicts on it are stale from then on; who calls says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from steelyard.domain.errors import ConfigError, InvalidRequest, StoreUnavailable
from steelyard.domain.tasks import Sample
from steelyard.weigh.datasets import LETTERS, read_set
from steelyard.weigh.graders.base import Item, plain

Row = dict[str, object]
_ID_DIGITS = 10
_STEM_CHARS = 40


def item_row(
    original: Sample, shown: Sample, *, input_text: str | None = None, reference: str | None = None
) -> Row:
    """A line for a set, made from a case; what is not given stays as it is.

    Args:
        original: the item as it stands in its set.
        shown: the item as it was sent, with its options shuffled.
        input_text: what to ask instead.
        reference: the right answer instead; for a question with options the letter as it was sent,
            for slots or several accepted answers JSON.

    Raises:
        InvalidRequest: the reference is not of the kind that the item has.
    """
    row: Row = {"input": original.input if input_text is None else input_text}
    row["reference"] = original.reference or None
    if reference is not None:
        row["reference"] = _reference(original, shown, reference)
    # An item that is a whole conversation would go on asking the old question.
    if input_text is not None and original.messages:
        raise InvalidRequest("This item is a whole conversation; write the new one into the set.")
    if original.choices:
        row["choices"] = list(original.choices)
    elif original.labels:
        row["labels"] = list(original.labels)
    if original.licence and input_text is None:
        row["licence"] = original.licence
    if original.messages:
        row["messages"] = list(original.messages)
    row |= {name: value for name, value in original.request_fields.items() if name not in row}
    if isinstance(original, Item):
        row |= {name: value for name, value in original.extras.items() if name not in row}
    return {**row, "made_from": original.id}


def _reference(original: Sample, shown: Sample, text: str) -> object:
    if original.choices:
        letter = text.strip().upper()
        place = LETTERS[: len(shown.choices)].find(letter)
        if len(letter) != 1 or place < 0:
            raise InvalidRequest(f"The reference is a letter from A to {shown.labels[-1]}.")
        return LETTERS[original.choices.index(shown.choices[place])]
    if isinstance(original.reference, str):
        return text
    is_object = isinstance(original.reference, Mapping)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if is_object:
            raise InvalidRequest(
                f"The reference is an object of texts, in JSON: {error}."
            ) from error
        return text
    if is_object and not isinstance(value, dict):
        raise InvalidRequest("The reference is an object of texts, in JSON.")
    return value if isinstance(value, dict if is_object else list) else text


def append(path: Path, row: Mapping[str, object], fits: Callable[[Sample], str]) -> str:
    """Adds a line to a set; its id, which comes from its content.

    Args:
        path: a JSONL file of one's own.
        row: a line without ``id``.
        fits: says why the task's grader cannot grade a sample; empty when it can.

    Raises:
        InvalidRequest: the line is no item that this grader can grade, or the set has it already.
        ConfigError: the set itself cannot be read.
        StoreUnavailable: it cannot be written; it is as it was.
    """
    path = path.resolve()  # renaming over a link would cut the link
    with _alone(path.parent):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"test set {path.name}: {error.strerror or error}") from error
        line, sample = _line(path.name, row)
        known = read_set(path.name, data).samples
        _check_new(sample, known)
        if reason := fits(sample):
            raise InvalidRequest(f"The item cannot be graded: {reason}.")
        joined = data if not data or data.endswith(b"\n") else data + b"\n"
        joined += line
        if len(read_set(path.name, joined).samples) != len(known) + 1:
            raise InvalidRequest("The set would not have the new item; it is as it was.")
        _replace(path, joined)
    return sample.id


def _line(name: str, row: Mapping[str, object]) -> tuple[bytes, Sample]:
    try:
        told = json.dumps([row["input"], row["reference"]], ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()[:_ID_DIGITS]
        stem = name.removesuffix(".jsonl")[:_STEM_CHARS]
        # A conversation is sent as it is: its text is for people and stands nowhere in a set.
        kept = {key: row[key] for key in row if key != "input" or not row.get("messages")}
        text = json.dumps({"id": f"{stem}-{digest}", **kept}, ensure_ascii=False)
        line = text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise InvalidRequest("A lone surrogate is no text.") from error
    try:
        found = read_set(name, line)
    except ConfigError as error:
        reason = error.message.rpartition("line 1: ")[2]
        raise InvalidRequest(f"The item is not right: {reason}.") from error
    return line, found.samples[0]


def _check_new(sample: Sample, known: tuple[Sample, ...]) -> None:
    for other in known:
        if other.id == sample.id:
            raise InvalidRequest(f"The set has this item already: {other.id}.")
        if plain(other.input) == plain(sample.input) and other.messages == sample.messages:
            raise InvalidRequest(
                f"The set asks this already ({other.id}); give another input,"
                " or change the item in the file."
            )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps others from adding to a set of this folder meanwhile."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"test set folder {folder.name}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mode = path.stat().st_mode & 0o777
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # what the umask took away
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreUnavailable(f"test set {path.name}: {error.strerror}") from error
