"""Test sets as tables: CSV, TSV and Parquet, row by row; nothing of a cell is ever executed.

Called by ``datasets``, which makes samples of the rows. How a file is to be read may stand beside
it, in a file of the same name with ``.yaml`` behind it: which column is which field, the encoding,
the delimiter, the columns that hold JSON. Where that file is missing columns are called as fields
are, and text is UTF-8.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import yaml

from steelyard.config.nesting import check_nesting
from steelyard.domain.errors import ConfigError
from steelyard.weigh.catalog import nearest

CELL_CHARS_MAX = 1024 * 1024
"""A row with a longer cell is a fault."""
TABLE_BYTES_MAX = 1024 * 1024 * 1024
"""Of a Parquet file when unpacked: a small file may hold a huge one."""
ENCODINGS = ("utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "utf-16", "windows-1252")
_BATCH_ROWS = 256
_SEPARATOR = "|"
_LISTS = ("labels", "choices")
"""Fields that are lists: in a table a JSON list, or parts with bars between them."""
_JSON = ("messages", "tools", "response_format")
_KEYS = ("columns", "encoding", "delimiter", "json")

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file of a set is to be read."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Names in the file by the field they are read as: ``{input: question}``."""
    encoding: str = "utf-8"
    delimiter: str = ""
    """One character; empty for a comma, or a tab in a ``.tsv`` file."""
    json: tuple[str, ...] = ()
    """Fields whose cells hold JSON, such as a reference of several slots."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be read, and why."""

    reason: str


Numbered = Iterator[tuple[str, Row | Bad]]
"""Rows with the place where each stands, such as ``line 7``."""


def read_layout(text: str, file: str) -> Layout:
    """Reads the file that tells how a set is to be read.

    Args:
        text: its content.
        file: its name, for messages.

    Raises:
        ConfigError: it is wrong; names the file, the key and a fix.
    """
    try:
        check_nesting(text, may_repeat=False)
        top = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{file}: not YAML: {error}") from error
    if not isinstance(top, dict):
        raise ConfigError(f"{file}: expected names and values")
    for key in top:
        if key not in _KEYS:
            raise ConfigError(f"{file}: unknown key {key}{nearest(str(key), _KEYS)}")
    columns, fields = top.get("columns", {}), top.get("json", [])
    encoding, delimiter = top.get("encoding", "utf-8"), top.get("delimiter", "")
    if not isinstance(columns, dict) or not all(
        isinstance(text, str) for pair in columns.items() for text in pair
    ):
        raise ConfigError(f"{file}: columns holds a column's name by field")
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        raise ConfigError(f"{file}: json is a list of fields")
    if encoding not in ENCODINGS:
        raise ConfigError(f"{file}: encoding {encoding}{nearest(str(encoding), ENCODINGS)}")
    if not isinstance(delimiter, str) or len(delimiter) > 1 or delimiter in {'"', "\n", "\r"}:
        raise ConfigError(f"{file}: delimiter is one character")
    return Layout(columns, encoding, delimiter, tuple(fields))


def encoding_hint(data: bytes, file: str) -> str:
    """What bytes that are no UTF-8 look like, and how to have them read; begins with a semicolon.

    Args:
        data: the bytes, or a part of them.
        file: the set's name, beside which the encoding can be said.
    """
    for encoding in ("utf-16", "gb18030"):
        if encoding == "utf-16" and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
            continue
        text = data.decode(encoding, "replace")
        foreign = [sign for sign in text if not sign.isascii()]
        # GB18030 takes almost any bytes; only real text comes out as Chinese signs.
        known = sum("\u3000" <= s <= "\u303f" or "\u4e00" <= s <= "\u9fff" for s in foreign)
        if encoding == "utf-16" or known * 10 >= len(foreign) * 8 > 0:
            seen = f"; it looks like {encoding.upper()}: save it as UTF-8, or write"
            return f"{seen} `encoding: {encoding}` into {file}.yaml"
    return f"; save it as UTF-8, or name its encoding in {file}.yaml ({', '.join(ENCODINGS)})"


def csv_rows(name: str, data: bytes, layout: Layout) -> Numbered:
    """The rows of a CSV or TSV file; the first one names the columns.

    Raises:
        ConfigError: no text in this encoding, no header, or quotes that never end.
    """
    text = _decoded(name, data, layout)
    # The module's bound (131,072 characters) is the process's; ours, row by row, is below.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    delimiter = layout.delimiter or ("\t" if name.endswith(".tsv") else ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    fields: list[str] = []
    line = 1
    try:
        for cells in reader:
            started, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                fields = _fields(name, header, layout)
                continue
            yield f"line {started}", _csv_row(fields, cells, layout)
    except csv.Error as error:
        raise ConfigError(f"test set {name}: line {reader.line_num}: {error}") from error


def parquet_rows(name: str, data: bytes, layout: Layout, rows_max: int) -> Numbered:
    """The rows of a Parquet file, counted from 1.

    Raises:
        ConfigError: it is none, or holds too much.
    """
    import pyarrow  # noqa: PLC0415 - slow to import, and few sets are Parquet
    from pyarrow import parquet  # noqa: PLC0415

    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        about = file.metadata
        if about.num_rows > rows_max:
            raise ConfigError(f"test set {name}: more than {rows_max} items")
        told = sum(about.row_group(each).total_byte_size for each in range(about.num_row_groups))
        if told > TABLE_BYTES_MAX:
            raise ConfigError(f"test set {name}: larger than {TABLE_BYTES_MAX >> 20} MiB")
        # Texts that say the same stay one text until it is known how much all of them are.
        leaves = [file.schema.column(each) for each in range(len(file.schema))]
        texts = [
            leaf.path
            for leaf in leaves
            if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"
        ]
        file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts)
        header = list(file.schema_arrow.names)
        fields = _fields(name, header, layout)
        number = unpacked = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            unpacked += sum(_unpacked_bytes(column) for column in batch.columns)
            if unpacked > TABLE_BYTES_MAX:
                raise ConfigError(f"test set {name}: larger than {TABLE_BYTES_MAX >> 20} MiB")
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield f"row {number}", _parquet_row(fields, values, layout)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ConfigError(f"test set {name}: no Parquet file: {reason}") from error


def _unpacked_bytes(column: Any) -> int:
    """Bytes of an Arrow column once every text in it stands for itself."""
    import pyarrow  # noqa: PLC0415 - as above
    from pyarrow import compute  # noqa: PLC0415

    if isinstance(column, pyarrow.DictionaryArray):
        lengths = compute.binary_length(column.dictionary)
        return compute.sum(lengths.take(column.indices.drop_null())).as_py() or 0
    if isinstance(column, pyarrow.StructArray):
        return sum(_unpacked_bytes(each) for each in column.flatten())
    if isinstance(column, pyarrow.MapArray):
        return _unpacked_bytes(column.keys) + _unpacked_bytes(column.items)
    if isinstance(column, pyarrow.ListArray | pyarrow.LargeListArray):
        return _unpacked_bytes(column.flatten())
    return int(column.nbytes)


def renamed(row: Row, layout: Layout) -> Row:
    """A row of JSONL with the layout's names in place of the file's."""
    fields = {column: name for name, column in layout.columns.items()}
    return {fields.get(column, column): value for column, value in row.items()}


def _decoded(name: str, data: bytes, layout: Layout) -> str:
    try:
        return data.decode(layout.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        hint = encoding_hint(data, name) if layout.encoding == "utf-8" else ""
        raise ConfigError(
            f"test set {name}: line {line} is not {layout.encoding.upper()}{hint}"
        ) from error


def _fields(name: str, header: list[str], layout: Layout) -> list[str]:
    """The field of each column.

    Raises:
        ConfigError: a column is missing or there twice.
    """
    for column in layout.columns.values():
        if column not in header:
            raise ConfigError(f"test set {name}: no column {column}{nearest(column, header)}")
    fields = {column: field for field, column in layout.columns.items()}
    found = [fields.get(column, column) for column in header]
    if twice := sorted({each for each in found if found.count(each) > 1 and each}):
        raise ConfigError(f"test set {name}: two columns are called {twice[0]}")
    if "input" not in found and "messages" not in found:
        raise ConfigError(
            f"test set {name}: no column input (columns: {', '.join(header)[:200]}); say which one"
            f" it is in {name}.yaml, as `columns: {{input: {header[0][:40]}}}`"
        )
    return found


def _csv_row(fields: list[str], cells: list[str], layout: Layout) -> Row | Bad:
    if len(cells) != len(fields):
        return Bad(f"{len(cells)} cells, but the header has {len(fields)}")
    row: Row = {}
    for name, cell in zip(fields, cells, strict=True):
        if len(cell) > CELL_CHARS_MAX:
            return Bad(f"{name} has more than {CELL_CHARS_MAX} characters")
        if not name or not cell.strip():
            continue
        try:
            row[name] = _value(name, cell, layout)
        except (ValueError, RecursionError) as error:
            return Bad(f"{name} is no JSON: {error}")
    return row


def _parquet_row(fields: list[str], values: tuple[object, ...], layout: Layout) -> Row | Bad:
    row: Row = {}
    for name, value in zip(fields, values, strict=True):
        if value is None or value == "":
            continue
        if isinstance(value, bytes):
            return Bad(f"{name} holds bytes, no text")
        if isinstance(value, str) and len(value) > CELL_CHARS_MAX:
            return Bad(f"{name} has more than {CELL_CHARS_MAX} characters")
        try:
            row[name] = _value(name, value, layout) if isinstance(value, str) else _plain(value)
        except (ValueError, RecursionError) as error:
            return Bad(f"{name} is no JSON: {error}")
    for name in ("id", "input", "reference"):
        # A table knows numbers where an item has texts.
        if isinstance(row.get(name), int | float):
            row[name] = str(row[name])
    return row


def _value(name: str, cell: str, layout: Layout) -> object:
    if name in layout.json or name in _JSON:
        return json.loads(cell)
    if name in _LISTS:
        if cell.lstrip().startswith("["):
            return json.loads(cell)
        return [part.strip() for part in cell.split(_SEPARATOR)]
    return cell


def _plain(value: object) -> object:
    """A value as JSON would have it."""
    if isinstance(value, dict):
        # A struct has all fields in every row; one that is empty is one that is not there.
        return {str(key): _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | bytes) else value
