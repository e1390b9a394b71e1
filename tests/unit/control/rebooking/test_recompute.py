"""Bills recomputed from the lines and the book alone."""

from collections.abc import Callable
from fractions import Fraction

from steelyard.control.rebooking.recompute import Recomputed, Recomputer
from steelyard.domain.entries import Entry
from steelyard.domain.usage import NO_USAGE, NOTHING, Usage
from steelyard.store import prices
from steelyard.store.database import Database
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

Put = Callable[..., list[str]]
BOOK = """
channels: {c: {base_url: "http://127.0.0.1:1/v1"}}
offers: [{model: m, channel: c, context: 1000, rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}]
"""


def ids(database: Database) -> tuple[str, ...]:
    with database.read() as connection:
        return tuple(rate.rate_id for rate in prices.of_offers(connection)["c/m"])


def line(rate_ids: tuple[str, ...], cost: int, usage: Usage, **changes: object) -> Entry:
    intent = make_intent(called_at_ns=CALLED_AT_NS)
    fields = {"rate_ids": rate_ids, "cost_pico": cost, "usage": usage, **changes}
    return Entry(intent, make_settlement(intent, **fields), CALLED_AT_NS)


def run(database: Database, *entries: Entry) -> Recomputed:
    with database.read() as connection:
        return Recomputer(connection).run(entries)


def test_what_follows_from_its_rates_is_equal(database: Database, put: Put) -> None:
    put(BOOK, now_ns=CALLED_AT_NS)
    found = run(database, line(ids(database), 10 * 10**6 + 5 * 2 * 10**6, Usage(10, 5)))
    assert found == Recomputed(1, 1, 0, 0, 0, ())


def test_a_digit_that_differs_is_found(database: Database, put: Put) -> None:
    put(BOOK, now_ns=CALLED_AT_NS)
    found = run(database, line(ids(database), 20 * 10**6 + 1, Usage(10, 5)))
    [finding] = found.findings
    assert (found.equal, finding.attempt_id) == (0, "c-12-1-1")
    assert finding.what == "books 20000001 pico-units, its rates say 20000000"


def test_a_later_price_changes_no_bill(database: Database, put: Put) -> None:
    put(BOOK, now_ns=CALLED_AT_NS)
    old = ids(database)
    put(BOOK.replace("1 CNY", "9 CNY"), now_ns=CALLED_AT_NS + 10**9)
    assert run(database, line(old, 10**7, Usage(10))).equal == 1
    new = set(ids(database)) - set(old)
    [finding] = run(database, line(tuple(new), 9 * 10**7, Usage(10))).findings
    assert finding.what.startswith("rates did not hold at the call")


def test_a_rate_that_nobody_recorded_is_found(database: Database, put: Put) -> None:
    put(BOOK, now_ns=CALLED_AT_NS)
    [finding] = run(database, line(("r999", "b7", "made-up"), 1, Usage(1))).findings
    assert finding.what == "names rates that nobody recorded: r999, b7, made-up"


def test_what_has_no_price_of_its_own_is_counted_apart(database: Database, put: Put) -> None:
    put(BOOK, now_ns=CALLED_AT_NS)
    nothing = line((), 0, NOTHING, usage_source=NO_USAGE)
    paid = line((), 3, NOTHING, usage_source=NO_USAGE)
    unknown = line((), 7, Usage(1), detail="unpriced: search")
    found = run(database, nothing, paid, unknown, nothing._replace(kind="adjustment"))
    assert (found.lines, found.nothing_used, found.unpriced, found.adjustments) == (4, 1, 1, 1)
    assert [finding.what for finding in found.findings] == ["costs 3 pico-units for nothing"]


def test_an_exact_third_is_rounded_as_it_was_booked(database: Database, put: Put) -> None:
    put(BOOK.replace("1 CNY/mtok", "0.0000000001 CNY/ktok"), now_ns=CALLED_AT_NS)
    # A tenth of a pico-unit per token: five of them are half of one, which goes to the even side.
    assert Fraction(5, 10) == Fraction(1, 2)
    assert run(database, line(ids(database), 0, Usage(5))).equal == 1
    assert run(database, line(ids(database), 2, Usage(15))).equal == 1
