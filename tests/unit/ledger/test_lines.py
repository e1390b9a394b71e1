from decimal import Decimal

import pyarrow as pa
import pytest

from steelyard.domain.entries import Entry, LeaseUse
from steelyard.domain.money import AMOUNT_PICO_MAX
from steelyard.domain.usage import COUNT_MAX, Usage
from steelyard.ledger.lines import SCHEMA, clamp, currency, to_entries, to_table
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement


def make_entry(sequence: int = 1, **changes) -> Entry:
    intent = make_intent(sequence)
    return Entry(intent, make_settlement(intent, **changes), CALLED_AT_NS + 5000)


def test_entries_come_back_from_their_table():
    entries = [
        make_entry(1, cost_pico=AMOUNT_PICO_MAX, charge_pico=-1, exchange_ids=("ecb-1",)),
        make_entry(2, rate_ids=(), leases=(), cost_pico=-(10**19) - 7)._replace(kind="adjustment"),
        make_entry(3, usage=Usage(COUNT_MAX, 7, 1, 2, 3, 4)),
    ]
    expected = [e._replace(intent=e.intent._replace(leases=())) for e in entries]
    assert list(to_entries(to_table(entries))) == expected


def test_an_empty_table_has_all_columns():
    table = to_table([])
    assert table.schema == SCHEMA
    assert len(table) == 0


def test_amounts_are_exact_decimals_and_instants_are_utc():
    row = to_table([make_entry(cost_pico=1, charge_pico=10**25 + 1)])
    assert row["cost"][0].as_py() == Decimal("0.000000000001")
    assert row["charge"][0].as_py() == Decimal("10000000000000.000000000001")
    assert row["called_at"].type == pa.timestamp("us", tz="UTC")
    assert row["called_at"].cast(pa.int64())[0].as_py() == CALLED_AT_NS // 1000


def test_a_settlement_of_nothing_has_its_intents_currency():
    entry = make_entry(currency="")
    assert currency(entry) == "CNY"
    assert to_table([entry])["currency"][0].as_py() == "CNY"
    assert currency(make_entry(currency="USD")) == "USD"


@pytest.mark.parametrize(
    "changes",
    [
        {"cost_pico": 10**30},
        {"charge_pico": -(10**40)},
        {"usage": Usage(10**13)},
        {"usage": Usage(-(10**30))},
        {"total_us": 2**63},
        {"leases": (LeaseUse(2**70, 10**39),)},
    ],
)
def test_what_no_column_holds_is_clamped_rather_than_lost(changes):
    entry = make_entry(**changes)
    with pytest.raises((OverflowError, pa.ArrowInvalid)):
        to_table([entry])
    clamped = clamp(entry)
    assert clamped != entry
    assert clamped.intent == entry.intent
    assert len(to_table([clamped])) == 1


def test_clamping_changes_nothing_that_fits():
    entry = make_entry(cost_pico=AMOUNT_PICO_MAX)
    assert clamp(entry) == entry
