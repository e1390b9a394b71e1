"""The ledger's lines as Arrow columns: one flat row per attempt, amounts exact.

Amounts and instants become columns straight from their integers. A line that does not fit its
columns (an absurd count) is clamped rather than lost; the scribe writes a finding about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from steelyard.domain.entries import Entry, Intent, LeaseUse, Settlement
from steelyard.domain.money import AMOUNT_PICO_MAX, PICO, to_pico
from steelyard.domain.usage import Usage

AMOUNT = pa.decimal128(38, 12)
INSTANT = pa.timestamp("us", tz="UTC")
_LEASE_AMOUNT = pa.decimal128(38, 0)
_INT_MAX = 2**63 - 1

_TEXT = pa.string()
_INT = pa.int64()

Line = tuple[Intent, Settlement, Usage, Entry]
"""An entry with its parts at hand, as the columns take them."""


def _decimals(amounts: Sequence[int], kind: pa.DataType) -> pa.Array:
    """Integers as the unscaled values of a decimal type, with no arithmetic in between."""
    data = b"".join([amount.to_bytes(16, "little", signed=True) for amount in amounts])
    return pa.Array.from_buffers(kind, len(amounts), [None, pa.py_buffer(data)])


def _lists(rows: Sequence[Sequence[Any]], flatten: Callable[[list[Any]], pa.Array]) -> pa.Array:
    offsets = [0]
    values: list[Any] = []
    for row in rows:
        values.extend(row)
        offsets.append(len(values))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flatten(values))


def _texts(values: list[str]) -> pa.Array:
    return pa.array(values, _TEXT)


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
    ]
)
"""Columns of a part; new ones are only ever appended, and are null in older parts.

``reserved`` is in the intent's currency, which is that of ``cost`` and ``charge`` too.
"""


def to_table(entries: Sequence[Entry]) -> pa.Table:
    """The entries as a table of ``SCHEMA``.

    Raises:
        OverflowError: a number does not fit its column; see ``clamp``.
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
    for name in ("reserved", "cost", "charge"):
        columns[name] = columns[f"{name}_pico"]
    return pa.table([_array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def currency(entry: Entry) -> str:
    """The currency of the entry's amounts; a settlement of nothing may leave it to its intent."""
    return entry.settlement.currency or entry.intent.currency


def clamp(entry: Entry) -> Entry:
    """The entry with every number inside what its column holds."""
    intent, settlement = entry.intent, entry.settlement
    return entry._replace(
        intent=Intent(*_clamped(intent))._replace(leases=_clamped_uses(intent.leases)),
        settlement=Settlement(*_clamped(settlement))._replace(
            usage=Usage(*_clamped(settlement.usage)), leases=_clamped_uses(settlement.leases)
        ),
    )


def to_entries(table: pa.Table) -> Iterator[Entry]:
    """The entries of a table; their intents' own leases are not among its columns."""
    for row in table.to_pylist():
        for name in ("reserved", "cost", "charge"):
            row[f"{name}_pico"] = to_pico(row[name])
        uses = zip(row["lease_ids"], row["lease_amounts"], strict=True)
        row["leases"] = tuple(LeaseUse(lease_id, int(amount)) for lease_id, amount in uses)
        row["usage"] = Usage(**{name: row[name] for name in Usage._fields})
        row["rate_ids"], row["exchange_ids"] = tuple(row["rate_ids"]), tuple(row["exchange_ids"])
        settlement = Settlement(**{name: row[name] for name in Settlement._fields})
        intent = Intent(**{name: row[name] for name in Intent._fields})
        yield Entry(intent._replace(leases=()), settlement, row["booked_at_ns"], row["kind"])


def _columns(shape: Any, rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The rows of a tuple's shape, turned into a column for each field."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(shape._fields)
    return dict(zip(shape._fields, columns, strict=True))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        # Integers are the type's unscaled values: no arithmetic, and so no rounding, in between.
        data = b"".join([value.to_bytes(16, "little", signed=True) for value in values])
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)])
    if pa.types.is_list(kind):
        offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
        flat = list(chain.from_iterable(values))
        return pa.ListArray.from_arrays(offsets, _array(flat, kind.value_type))
    return pa.array(values, kind)


def _clamped(record: Iterable[Any]) -> list[Any]:
    return [_clamped_number(value, _INT_MAX) for value in record]


def _clamped_number(value: Any, limit: int) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return max(-limit, min(value, limit)) if is_number else value
