"""A corrected price books what it comes to today; what was booked before keeps its totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import PENDING, Order
from steelyard.control.rebooking.rerate import AGAIN_NS, rerate
from steelyard.domain.entries import Entry
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.money import PICO
from steelyard.domain.usage import NO_USAGE, Usage
from steelyard.ledger import audit, corrections, parts
from steelyard.ledger.lines import to_table
from steelyard.store import books, listings, objects, revisions, settings
from steelyard.store.database import Database
from steelyard.testing.records import make_intent, make_settlement

HEAD = (
    "vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to"
    ",source,note"
)
MAY_NS = instant_ns(datetime(2026, 5, 10, 12, tzinfo=UTC))
NOW_NS = instant_ns(datetime(2026, 6, 15, 12, tzinfo=UTC))
USAGE = Usage(input_tokens=10**6, output_tokens=10**6)


def csv(*rows: str) -> bytes:
    """Rows are item, price, first day and day of the end."""
    lines = []
    for row in rows:
        item, price, begin, *end = row.split()
        lines.append(
            f"Mine,official,chat,CNY,per_1m_tokens,{item},,{price},{begin},{''.join(end)},p,"
        )
    return "\n".join([HEAD, *lines]).encode()


def take(database: Database, *rows: str, at_ns: int = NOW_NS, **more: bool) -> price_lists.Outcome:
    order = Order("own.csv", csv(*rows), is_sure=True, **more)  # type: ignore[arg-type]
    return price_lists.take(database, order, at_ns, "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ledger"
    made.mkdir()
    return made


Book = Callable[..., Entry]


@pytest.fixture
def book(database: Database, folder: Path) -> Book:
    """Books an attempt of May, priced by the book's first two rates, on a day that is closed."""
    count = 0

    def add(cost: int = 3 * PICO, revision: int = 1, **changes: object) -> Entry:
        nonlocal count
        count += 1
        sold = {"offer": "m/chat", "revision": revision}
        intent = make_intent(count, called_at_ns=MAY_NS, leases=(), **sold)
        settlement = make_settlement(
            intent, usage=USAGE, cost_pico=cost, charge_pico=cost, rate_ids=("b1", "b2"), leases=()
        )._replace(**changes)
        entry = Entry(intent, settlement, MAY_NS)
        parts.write_part(folder, f"{count}.parquet", [table := to_table([entry])])
        with database.write() as tx:
            books.add_part(tx, parts.describe(folder, f"{count}.parquet", table, MAY_NS))
            books.add_balances(tx, corrections.roll_up([entry]))
        return entry

    with database.write() as tx:
        books.close_days(tx, [MAY_NS // DAY_NS], MAY_NS + DAY_NS)
    return add


def by_day(database: Database, folder: Path) -> dict[int, int]:
    """What is booked on each of the ledger's days, pico-units."""
    found: Counter[int] = Counter()
    for entry in audit.entries(folder, database):
        found[entry.booked_at_ns // DAY_NS] += entry.settlement.cost_pico
    return dict(found)


def test_no_import_changes_a_closed_month_and_a_correction_books_today(
    database: Database, folder: Path, book: Book
) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01", at_ns=MAY_NS - DAY_NS)
    for _ in range(3):
        book()
    may = MAY_NS // DAY_NS
    assert by_day(database, folder) == {may: 9 * PICO}

    take(database, "input 1 2026-01-01", "output 2 2026-01-01 2026-06-01", "output 4 2026-06-01")
    assert rerate(database, folder, NOW_NS) == 0
    assert by_day(database, folder) == {may: 9 * PICO}

    rows = ("input 1 2026-01-01", "output 1.5 2026-01-01 2026-06-01", "output 4 2026-06-01")
    assert take(database, *rows).state == price_lists.REFUSED
    outcome = take(database, *rows, is_correction=True)
    assert outcome.has_corrections
    assert rerate(database, folder, NOW_NS) == 3
    today = NOW_NS // DAY_NS
    assert by_day(database, folder) == {may: 9 * PICO, today: -3 * PICO // 2}
    lines = [e for e in audit.entries(folder, database) if e.kind == "adjustment"]
    assert {e.intent.called_at_ns for e in lines} == {MAY_NS}
    assert {e.settlement.rate_ids for e in lines} == {("b1", "b4")}
    assert all(e.settlement.detail == "price corrected by list 3" for e in lines)
    assert all(e.settlement.usage == Usage(requests=0) for e in lines)
    assert audit.check_books(folder.parent, database) == []


def test_doing_it_again_books_nothing_and_a_second_look_comes_for_late_calls(
    database: Database, folder: Path, book: Book
) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01", at_ns=MAY_NS - DAY_NS)
    book()
    take(database, "input 1 2026-01-01", "output 3 2026-01-01", is_correction=True)
    assert rerate(database, folder, NOW_NS) == 1
    assert rerate(database, folder, NOW_NS + 1) == 0
    with database.read() as tx:
        (pending,) = settings.get(tx, PENDING)
    assert (pending["list"], pending["is_second"]) == (2, True)
    book()  # was under way, and was priced as before
    assert rerate(database, folder, NOW_NS + AGAIN_NS) == 1
    with database.read() as tx:
        assert settings.get(tx, PENDING) == []
    assert sum(by_day(database, folder).values()) == 8 * PICO


def test_a_correction_of_a_correction_books_the_rest(
    database: Database, folder: Path, book: Book
) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01", at_ns=MAY_NS - DAY_NS)
    book()
    for output, total in (("3", 4 * PICO), ("2.5", 7 * PICO // 2)):
        rows = ("input 1 2026-01-01", f"output {output} 2026-01-01")
        take(database, *rows, is_correction=True)
        assert rerate(database, folder, NOW_NS) == 1
        assert sum(by_day(database, folder).values()) == total
    assert audit.check_books(folder.parent, database) == []


def test_what_used_nothing_and_what_has_no_price_any_more_stays(
    database: Database, folder: Path, book: Book
) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01", at_ns=MAY_NS - DAY_NS)
    book(0, usage_source=NO_USAGE)
    book()
    assert take(database, "input 1 2026-01-01", is_correction=True).has_corrections
    rerate(database, folder, NOW_NS)
    assert sum(by_day(database, folder).values()) == 3 * PICO


def test_a_call_is_priced_again_as_it_was_sold_and_not_as_its_offer_is_sold_today(
    database: Database, folder: Path, book: Book
) -> None:
    def sell(region: str) -> int:
        with database.write() as tx:
            change = revisions.begin(tx, MAY_NS, "test", "an offer")
            body = {"list": {"region": region, "seller": ""}}
            objects.put(tx, change, "offer", "m/chat", body, managed_by="file")
        return change.revision

    def listed(output: str, is_correction: bool) -> None:
        rows = ("input 1 2026-01-01", f"output {output} 2026-01-01", "output 11 2026-01-01")
        abroad = b"output,international (Singapore),11"
        data = csv(*rows).replace(b"output,,11", abroad)
        order = Order("own.csv", data, is_sure=True, is_correction=is_correction)
        outcome = price_lists.take(database, order, MAY_NS - (not is_correction) * DAY_NS, "test")
        assert outcome.state == price_lists.TAKEN

    revision = sell("")
    listed("2", is_correction=False)
    book(revision=revision)
    sell("intl")
    listed("3", is_correction=True)
    assert rerate(database, folder, NOW_NS) == 1
    assert sum(by_day(database, folder).values()) == 4 * PICO


def test_lines_are_never_booked_on_a_closed_day(database: Database) -> None:
    assert corrections.open_instant(database, NOW_NS) == NOW_NS
    with database.write() as tx:
        books.close_days(tx, [NOW_NS // DAY_NS], NOW_NS)
    assert corrections.open_instant(database, NOW_NS) == (NOW_NS // DAY_NS + 1) * DAY_NS


def test_only_the_rates_that_a_list_corrected_are_looked_for(database: Database) -> None:
    take(database, "input 1 2026-01-01", "output 2 2026-01-01", at_ns=MAY_NS)
    outcome = take(database, "input 1 2026-01-01", "output 3 2026-01-01", is_correction=True)
    with database.read() as tx:
        assert listings.corrected_ids(tx, outcome.list_number) == {"b2"}


@pytest.mark.parametrize(("corrected", "cost"), [("own", "3.5"), ("steelyard", "2.5")])
def test_a_price_that_another_source_completed_is_corrected_on_either_side(
    database: Database, folder: Path, book: Book, corrected: str, cost: str
) -> None:
    def take_of(origin: str, *rows: str, at_ns: int, **more: bool) -> None:
        order = Order("a.csv", csv(*rows), origin=origin, is_sure=True, **more)  # type: ignore[arg-type]
        assert price_lists.take(database, order, at_ns, "test").state == price_lists.TAKEN

    before_ns = MAY_NS - DAY_NS
    take_of("own", "input 1 2026-01-01", at_ns=before_ns)
    take_of("steelyard", "output 2 2026-01-01", "input 9 2026-01-01", at_ns=before_ns)
    with database.read() as tx:
        ids = {
            line.rate.item: line.rate.rate_id for line in listings.load(tx) if line.rate.amount < 9
        }
    book(rate_ids=(ids["input"], ids["output"]))
    if corrected == "own":
        take_of("own", "input 1.5 2026-01-01", at_ns=NOW_NS, is_correction=True)
    else:
        rows = ("output 1.5 2026-01-01", "input 9 2026-01-01")
        take_of("steelyard", *rows, at_ns=NOW_NS, is_correction=True)
    assert rerate(database, folder, NOW_NS) == 1
    assert sum(by_day(database, folder).values()) == int(Fraction(cost) * PICO)
