"""A test set as JSONL, whatever its file was: read again it has the same items.

Tables are read only, since a spreadsheet owns them; to a set in JSONL items can be added.
"""

from __future__ import annotations

import json

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Sample
from steelyard.weigh.datasets import Dataset, read_set
from steelyard.weigh.graders.base import Item


def as_jsonl(dataset: Dataset, name: str) -> bytes:
    """The usable items of a set, in their order, as the bytes of a JSONL file.

    Args:
        dataset: the set as read; what its faults name is left out.
        name: of the file that it becomes, for messages.

    Raises:
        ConfigError: an item cannot stand in a line of JSONL, such as one that is too long.
    """
    data = b"".join(_line(sample) for sample in dataset.samples)
    if faults := read_set(name, data).faults:
        number = int(faults[0].where.removeprefix("line "))
        raise ConfigError(
            f"{dataset.samples[number - 1].id[:80]} cannot be written: {faults[0].reason}"
        )
    return data


def _line(sample: Sample) -> bytes:
    row: dict[str, object] = {"id": sample.id}
    row |= {"messages": sample.messages} if sample.messages else {"input": sample.input}
    row["reference"] = None if sample.reference == () else sample.reference
    row |= {
        name: value
        for name, value in (
            ("labels", sample.labels),
            ("choices", sample.choices),
            ("licence", sample.licence),
        )
        if value
    }
    row |= sample.request_fields
    row |= sample.extras if isinstance(sample, Item) else {}
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{sample.id[:80]} cannot be written: a lone surrogate is no text"
        ) from error
