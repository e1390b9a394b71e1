"""How an order ended corrects what was booked for it, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.control.rebooking.order_ends import PATIENCE_NS, book_ends
from steelyard.domain.entries import Entry, LeaseUse
from steelyard.domain.instants import DAY_NS
from steelyard.domain.usage import ESTIMATED, NO_USAGE, Usage
from steelyard.ledger import audit, corrections, parts
from steelyard.ledger.lines import to_table
from steelyard.ledger.reconcile import adjust
from steelyard.store import books, orders, prices
from steelyard.store.database import Database
from steelyard.store.orders import End
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

Put = Callable[..., list[str]]
NOW_NS = CALLED_AT_NS + DAY_NS
CNY = 10**12
BOOK = """
channels: {c: {base_url: "http://127.0.0.1:1/v1"}}
offers:
- model: m
  channel: c
  features: [video]
  rates: {video: 1 CNY/second, output: 2 CNY/mtok}
"""
ORDERED = Usage(0, 1_000_000, extras=(("video", 8),))
KEY = (18, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ledger"
    made.mkdir()
    return made


@pytest.fixture
def line(database: Database, folder: Path, put: Put) -> Entry:
    """An order of eight seconds of video, booked for 10 CNY."""
    put(BOOK, now_ns=CALLED_AT_NS)
    with database.read() as connection:
        ids = tuple(rate.rate_id for rate in prices.of_offers(connection)["c/m"])
    intent = make_intent(offer="c/m", called_at_ns=CALLED_AT_NS, leases=())
    settlement = make_settlement(
        intent,
        usage=ORDERED,
        usage_source=ESTIMATED,
        cost_pico=10 * CNY,
        charge_pico=10 * CNY,
        rate_ids=ids,
        detail="ordered",
        leases=(LeaseUse(5, 10 * CNY),),
    )
    entry = Entry(intent, settlement, CALLED_AT_NS)
    parts.write_part(folder, "1.parquet", [table := to_table([entry])])
    with database.write() as tx:
        books.add_part(tx, parts.describe(folder, "1.parquet", table, CALLED_AT_NS))
        books.add_balances(tx, corrections.roll_up([entry]))
        tx.execute(
            books.leases.insert().values(
                lease_id=5,
                scope="account/1",
                unit="money",
                window_begin_ns=0,
                window_end_ns=2**62,
                incarnation=KEY[0],
                currency="CNY",
                granted_whole=10,
                granted_pico=0,
                consumed_whole=10,
            )
        )
    return entry


def told(database: Database, is_done: bool, usage: Usage | None = None) -> None:
    with database.write() as tx:
        orders.keep(tx, [End(KEY, CALLED_AT_NS, is_done, usage, NOW_NS)])


def costs(database: Database, folder: Path) -> list[int]:
    return [entry.settlement.cost_pico for entry in audit.entries(folder, database)]


def test_what_failed_costs_nothing(database: Database, folder: Path, line: Entry) -> None:
    assert line.intent[:3] == KEY
    told(database, is_done=False)
    assert book_ends(database, folder, NOW_NS) == 1
    [_, correction] = audit.entries(folder, database)
    settled = correction.settlement
    assert (settled.cost_pico, settled.usage_source) == (-10 * CNY, NO_USAGE)
    assert (settled.detail, correction.kind) == ("order failed", "adjustment")
    assert settled.usage.extras == (("video", -8),)
    assert audit.check_books(folder.parent, database) == []


def test_what_the_vendor_counted_is_priced_by_the_rates_of_the_order(
    database: Database, folder: Path, line: Entry, put: Put
) -> None:
    put(BOOK.replace("1 CNY", "9 CNY"), now_ns=NOW_NS - 1)
    told(database, is_done=True, usage=Usage(0, 500_000, extras=(("video", 5),)))
    assert book_ends(database, folder, NOW_NS) == 1
    assert costs(database, folder) == [10 * CNY, -4 * CNY]
    assert audit.check_books(folder.parent, database) == []


def forget_the_note(database: Database) -> None:
    """As if control had ended between the booking and its note."""
    with database.write() as tx:
        tx.exec_driver_sql("UPDATE order_ends SET booked_at_ns = NULL")


@pytest.mark.parametrize(
    ("is_done", "other"), [(False, False), (True, False), (True, True)], ids=str
)
def test_an_end_is_booked_once_whoever_tells_it_again(
    database: Database, folder: Path, line: Entry, is_done: bool, other: bool
) -> None:
    told(database, is_done, Usage(0, 0, extras=(("video", 5),)))
    assert book_ends(database, folder, NOW_NS) == 1
    booked = costs(database, folder)
    told(database, other, Usage(0, 9, extras=(("video", 99),)))
    assert book_ends(database, folder, NOW_NS) == 0
    forget_the_note(database)
    assert book_ends(database, folder, NOW_NS) == 0
    assert costs(database, folder) == booked
    with database.read() as connection:
        assert not orders.has_unbooked(connection)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(0, 500_000, extras=(("video", 5),)), 6 * CNY),
        (Usage(0, 0, extras=(("search", 5),)), 10 * CNY),
        (None, 10 * CNY),
    ],
)
def test_what_is_done_after_it_failed_is_booked_once_more(
    database: Database, folder: Path, line: Entry, usage: Usage | None, cost: int
) -> None:
    told(database, is_done=False)
    assert book_ends(database, folder, NOW_NS) == 1
    forget_the_note(database)
    told(database, is_done=True, usage=usage)
    assert book_ends(database, folder, NOW_NS) == 1
    forget_the_note(database)
    told(database, is_done=False)
    assert book_ends(database, folder, NOW_NS) == 0
    first, *_, last = audit.entries(folder, database)
    assert costs(database, folder) == [10 * CNY, -10 * CNY, cost]
    assert (last.settlement.outcome, last.settlement.detail) == ("completed", "order done")
    assert last.settlement.leases == ()  # the window kept what was ordered as used
    assert first.settlement.leases == line.settlement.leases != ()
    assert audit.check_books(folder.parent, database) == []


def test_a_price_that_was_corrected_meanwhile_stays_so(
    database: Database, folder: Path, line: Entry
) -> None:
    corrected = line.settlement._replace(cost_pico=8 * CNY, charge_pico=8 * CNY, detail="price")
    corrections.book(database, folder, "corrected", adjust([line], corrected, NOW_NS), NOW_NS)
    for is_done in (False, True):
        told(database, is_done)
        assert book_ends(database, folder, NOW_NS) == 1
    assert costs(database, folder) == [10 * CNY, -2 * CNY, -8 * CNY, 8 * CNY]
    assert audit.check_books(folder.parent, database) == []


def test_what_was_ordered_and_made_stays_as_it_is(
    database: Database, folder: Path, line: Entry
) -> None:
    told(database, is_done=True)
    assert book_ends(database, folder, NOW_NS) == 0
    assert costs(database, folder) == [10 * CNY]


def test_what_nobody_can_price_stays_as_it_is(
    database: Database, folder: Path, line: Entry
) -> None:
    told(database, is_done=True, usage=Usage(0, 0, extras=(("search", 5),)))
    assert book_ends(database, folder, NOW_NS) == 0
    assert costs(database, folder) == [10 * CNY]


def test_an_end_waits_for_its_line_but_not_for_ever(database: Database, folder: Path) -> None:
    told(database, is_done=False)
    assert book_ends(database, folder, NOW_NS) == 0
    with database.read() as connection:
        assert orders.has_unbooked(connection)
    assert book_ends(database, folder, NOW_NS + PATIENCE_NS + 1) == 0
    with database.read() as connection:
        assert not orders.has_unbooked(connection)
