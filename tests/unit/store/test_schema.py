"""Rules that every table keeps."""

from __future__ import annotations

from sqlalchemy import Float, Numeric

from steelyard.store import books, schema


def test_no_column_of_money_is_a_float() -> None:
    assert books.metadata is schema.metadata
    floats = {
        f"{table.name}.{column.name}"
        for table in schema.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Float | Numeric)
    }
    assert floats == {"verdicts.time_s", "verdicts.time_median_s"}  # seconds, no money


def test_instants_say_their_unit() -> None:
    for table in schema.metadata.tables.values():
        for column in table.columns:
            if column.name.endswith("_at") or column.name == "at":
                raise AssertionError(f"{table.name}.{column.name} says no unit")


def test_secrets_are_hashes_only() -> None:
    assert "secret" not in {column.name for column in schema.keys.columns}
    assert schema.keys.c.secret_hash.unique
