"""Offers that nobody is sent to: who comes in, who goes out, and what workers get to see of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from steelyard.control.proofs import quarantine
from steelyard.control.snapshot.compile import compile_core
from steelyard.gateway import snapshot
from steelyard.store import objects, revisions
from steelyard.store.database import Database
from steelyard.store.revisions import Change

NOW_NS = 1_773_144_000 * 10**9
Put = Callable[..., list[str]]
BOOK = """
channels:
  east: {{base_url: "http://e/v1/"}}
  west: {{base_url: "http://w/v1"}}
offers:
  - {{name: shop/m, model: m, channel: {channel}, upstream_model: {upstream}, context: 100,
     output_max: 10, rates: {{input: 2 CNY/mtok, output: 8 CNY/mtok}}}}
"""


def write(database: Database, work: Callable[[Connection, Change], None]) -> None:
    with database.write() as connection:
        work(connection, revisions.begin(connection, NOW_NS, "ann", "why"))


def hold(database: Database) -> None:
    def work(connection: Connection, change: Change) -> None:
        stored = objects.current(connection, "offer")["shop/m"]
        quarantine.hold(connection, change, stored, "shop/m", ("another model answers", 7))

    write(database, work)


def lift(database: Database) -> None:
    write(database, lambda c, change: quarantine.lift(c, change, "shop/m", "they paid it back"))


def is_held(database: Database) -> bool:
    """What workers see of it."""
    with database.read() as connection:
        core = compile_core(connection, NOW_NS)
    (entry,) = snapshot.decode_offers(core.models["m"])
    return entry.is_quarantined


def test_it_holds_until_it_is_lifted_and_both_are_in_the_audit_log(
    database: Database, put: Put
) -> None:
    put(BOOK.format(channel="east", upstream="m"))
    assert not is_held(database)
    hold(database)
    assert is_held(database)
    with database.read() as connection:
        found = quarantine.held(connection, objects.current(connection, "offer"))
    assert found == {"shop/m": quarantine.Held(NOW_NS, "another model answers", 7)}
    lift(database)
    assert not is_held(database)
    with database.read() as connection:
        last = [line["action"] for line in revisions.audit_lines(connection, 2)]
    assert last == ["released", "quarantined"]
    with pytest.raises(quarantine.NotHeld):
        lift(database)


@pytest.mark.parametrize("other", [("west", "m"), ("east", "m-2")])
def test_it_holds_for_what_was_tested_alone(
    database: Database, put: Put, other: tuple[str, str]
) -> None:
    put(BOOK.format(channel="east", upstream="m"))
    hold(database)
    put(BOOK.format(channel=other[0], upstream=other[1]))
    assert not is_held(database)
    put(BOOK.format(channel="east", upstream="m"))
    assert is_held(database)
