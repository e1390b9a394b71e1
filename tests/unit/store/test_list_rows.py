from __future__ import annotations

from sqlalchemy import Connection, insert, select

from steelyard.store.list_rows import COLUMNS, ListRow
from steelyard.store.schema import list_rates, lists


def test_a_row_has_the_values_of_the_columns_of_its_names(tx: Connection) -> None:
    given = {
        column.name: 7 if column.type.python_type is int else column.name
        for column in list_rates.columns
    } | {"corrects": None, "event_number": None}
    source = {"origin": "own", "name": "n", "digest": "d", "at_ns": 1, "actor": "a", "lines": 1}
    tx.execute(insert(lists).values(list_number=7, detail="", **source))
    tx.execute(insert(list_rates).values(given))
    (row,) = map(ListRow._make, tx.execute(select(*COLUMNS)))
    assert row._asdict() == {name: given[name] for name in ListRow._fields}
