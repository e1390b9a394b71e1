from steelyard.domain.entries import Entry, LeaseUse
from steelyard.domain.usage import Usage
from steelyard.ledger.balances import ADJUSTMENT
from steelyard.ledger.reconcile import adjust, close_orphan
from steelyard.testing.records import make_intent, make_settlement

INTENT = make_intent()


def test_an_orphan_is_booked_at_its_reservation_as_an_estimate():
    entry = close_orphan(INTENT, 99)
    settlement = entry.settlement
    assert settlement[:3] == INTENT[:3]
    assert (settlement.outcome, settlement.usage_source) == ("uncertain", "estimated")
    assert settlement.usage == Usage(12, 34)
    assert settlement.cost_pico == settlement.charge_pico == INTENT.reserved_pico
    assert settlement.leases == INTENT.leases
    assert (entry.kind, entry.booked_at_ns) == ("attempt", 99)


def test_an_adjustment_brings_the_sums_to_what_was_settled():
    booked = [close_orphan(INTENT, 1)]
    late = make_settlement(INTENT)
    (line,) = adjust(booked, late, 2)
    assert line.kind == ADJUSTMENT
    assert line.settlement.cost_pico == late.cost_pico - INTENT.reserved_pico
    assert line.settlement.usage.plus(booked[0].settlement.usage) == late.usage
    assert line.settlement.leases == (LeaseUse(5, -300),)


def test_a_second_adjustment_starts_from_all_lines():
    booked = [Entry(INTENT, make_settlement(INTENT), 1)]
    booked += adjust(booked, make_settlement(INTENT, cost_pico=5), 2)
    booked += adjust(booked, make_settlement(INTENT, cost_pico=9), 3)
    assert sum(entry.settlement.cost_pico for entry in booked) == 9


def test_the_same_settlement_again_changes_nothing():
    (line,) = adjust([Entry(INTENT, make_settlement(INTENT), 1)], make_settlement(INTENT), 2)
    settlement = line.settlement
    assert (settlement.cost_pico, settlement.charge_pico, settlement.leases) == (0, 0, ())
    assert settlement.usage == Usage(requests=0)


def test_amounts_of_two_currencies_have_no_difference():
    booked = [Entry(INTENT, make_settlement(INTENT), 1)]
    lines = adjust(booked, make_settlement(INTENT, currency="USD", cost_pico=3), 2)
    by_currency = {
        line.settlement.currency: (line.settlement.cost_pico, line.settlement.charge_pico)
        for line in lines
    }
    assert by_currency == {"USD": (3, 800), "CNY": (-700, -800)}
