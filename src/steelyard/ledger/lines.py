"""The ledger's lines as Arrow columns: one flat row per attempt, amounts exact.

Amounts and instants become columns straight from their integers. A line that does not fit its
columns (an absurd count) is clamped rather than lost; the scribe writes a finding about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from steelyard.domain.entries import Entry, Intent, LeaseUse, Settlement
from steelyard.domain.money import AMOUNT_PICO_MAX, to_pico
from steelyard.domain.usage import COUNT_MAX, COUNTS, EXTRA_MAX, Usage

AMOUNT = pa.decimal128(38, 12)
INSTANT = pa.timestamp("us", tz="UTC")
_LEASE_AMOUNT = pa.decimal128(38, 0)
_TEXT = pa.string()
_INT = pa.int64()

SCHEMA = pa.schema(
    [
        ("incarnation", _INT),
        ("sequence", _INT),
        ("attempt", _INT),
        ("kind", _TEXT),
        ("why", _TEXT),
        ("called_at", INSTANT),
        ("called_at_ns", _INT),
        ("booked_at", INSTANT),
        ("booked_at_ns", _INT),
        ("settled_at_ns", _INT),
        ("key_id", _TEXT),
        ("account_id", _TEXT),
        ("account_path", _TEXT),
        ("task", _TEXT),
        ("door", _TEXT),
        ("model_asked", _TEXT),
        ("offer", _TEXT),
        ("model", _TEXT),
        ("channel", _TEXT),
        ("vendor", _TEXT),
        ("revision", _INT),
        ("outcome", _TEXT),
        ("usage_source", _TEXT),
        ("input_tokens", _INT),
        ("output_tokens", _INT),
        ("cache_read_tokens", _INT),
        ("cache_write_tokens", _INT),
        ("reasoning_tokens", _INT),
        ("requests", _INT),
        ("input_tokens_expected", _INT),
        ("output_tokens_reserved", _INT),
        ("reserved", AMOUNT),
        ("cost", AMOUNT),
        ("charge", AMOUNT),
        ("currency", _TEXT),
        ("rate_ids", pa.list_(_TEXT)),
        ("exchange_ids", pa.list_(_TEXT)),
        ("lease_ids", pa.list_(_INT)),
        ("lease_amounts", pa.list_(_LEASE_AMOUNT)),
        ("first_byte_us", _INT),
        ("total_us", _INT),
        ("status", _INT),
        ("model_answered", _TEXT),
        ("vendor_call_id", _TEXT),
        ("detail", _TEXT),
        ("finish", _TEXT),
        ("is_stream", pa.bool_()),
        ("extra_items", pa.list_(_TEXT)),
        ("extra_counts", pa.list_(_INT)),
        ("tier", _TEXT),
    ]
)
"""Columns of a part; new ones are only ever appended, and are null in older parts.

``reserved`` is in the intent's currency, which is that of ``cost`` and ``charge`` too.
``extra_items`` and ``extra_counts`` are the two halves of ``Usage.extras``.
"""

AMOUNTS = ("reserved", "cost", "charge")
"""Columns of exact decimals; the tuples' fields of these names end in ``_pico``."""
_INT_MAX = 2**63 - 1
_COUNTS = Usage._fields[:COUNTS]
_LIMITS = {
    **dict.fromkeys(_COUNTS, COUNT_MAX),
    "extras": EXTRA_MAX,
    **dict.fromkeys((*(f"{name}_pico" for name in AMOUNTS), "amount"), AMOUNT_PICO_MAX),
}
"""Largest absolute value of a field, where it is not what 64 bits hold."""


def to_table(entries: Sequence[Entry]) -> pa.Table:
    """The entries as a table of ``SCHEMA``.

    Raises:
        OverflowError: a number does not fit its column; see ``clamp``.
        pyarrow.ArrowInvalid: the same, of a number past 64 bits.
    """
    settlements = [entry.settlement for entry in entries]
    columns: dict[str, Sequence[Any]] = {
        **_columns(Intent, [entry.intent for entry in entries]),
        **_columns(Settlement, settlements),
        **_columns(Usage, [settlement.usage for settlement in settlements]),
        **_columns(Entry, entries),
        "currency": [currency(entry) for entry in entries],
    }
    columns["called_at"] = [instant // 1000 for instant in columns["called_at_ns"]]
    columns["booked_at"] = [instant // 1000 for instant in columns["booked_at_ns"]]
    columns["lease_ids"] = [[use[0] for use in uses] for uses in columns["leases"]]
    columns["lease_amounts"] = [[use[1] for use in uses] for uses in columns["leases"]]
    columns["extra_items"] = [[extra[0] for extra in extras] for extras in columns["extras"]]
    columns["extra_counts"] = [[extra[1] for extra in extras] for extras in columns["extras"]]
    for name in AMOUNTS:
        columns[name] = columns[f"{name}_pico"]
    for name in _COUNTS:
        _hold(columns[name], COUNT_MAX)
    return pa.table([_array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def currency(entry: Entry) -> str:
    """The currency of the entry's amounts; a settlement of nothing may leave it to its intent."""
    return entry.settlement.currency or entry.intent.currency


def clamp(entry: Entry) -> Entry:
    """The entry with every number inside what its column holds."""
    clamped: Entry = _clamped(entry, _INT_MAX)
    return clamped


def to_entries(table: pa.Table) -> Iterator[Entry]:
    """The entries of a table; their intents' own leases are not among its columns."""
    for row in table.to_pylist():
        for name in AMOUNTS:
            row[f"{name}_pico"] = to_pico(row[name])
        uses = zip(row["lease_ids"], row["lease_amounts"], strict=True)
        row["leases"] = tuple(LeaseUse(lease_id, int(amount)) for lease_id, amount in uses)
        extras = zip(row["extra_items"] or (), row["extra_counts"] or (), strict=True)
        row["tier"] = row["tier"] or ""
        row["usage"] = Usage(**{name: row[name] for name in _COUNTS}, extras=tuple(extras))
        row["rate_ids"], row["exchange_ids"] = tuple(row["rate_ids"]), tuple(row["exchange_ids"])
        settlement = Settlement(**{name: row[name] for name in Settlement._fields})
        intent = Intent(**{name: row[name] for name in Intent._fields})
        yield Entry(intent._replace(leases=()), settlement, row["booked_at_ns"], row["kind"])


def _hold(values: Sequence[int], limit: int) -> None:
    """Holds the absolute values of a column.

    Raises:
        OverflowError: one passes ``limit``.
    """
    if values and (max(values) > limit or min(values) < -limit):
        raise OverflowError(f"an amount passes {limit}")


def _columns(shape: Any, rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The rows of a tuple's shape, turned into a column for each field."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(shape._fields)
    return dict(zip(shape._fields, columns, strict=True))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        # Integers are the type's unscaled values: no arithmetic, and so no rounding, in between.
        _hold(values, AMOUNT_PICO_MAX)
        data = b"".join([value.to_bytes(16, "little", signed=True) for value in values])
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)])
    if pa.types.is_list(kind):
        offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
        flat = list(chain.from_iterable(values))
        return pa.ListArray.from_arrays(offsets, _array(flat, kind.value_type))
    return pa.array(values, kind)


def _clamped(value: Any, limit: int) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return max(-limit, min(value, limit))
    if isinstance(value, Entry | Intent | Settlement | Usage | LeaseUse):
        fields: tuple[Any, ...] = value
        limits = (_LIMITS.get(name, _INT_MAX) for name in value._fields)
        return type(value)(*map(_clamped, fields, limits))
    return tuple(_clamped(item, limit) for item in value)
