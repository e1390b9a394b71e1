from steelyard.domain.entries import Entry, LeaseUse
from steelyard.domain.usage import Usage
from steelyard.ledger.balances import ADJUSTMENT, lease_use, roll_up, scopes
from steelyard.store.books import NS_PER_HOUR, Sums
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

HOUR = CALLED_AT_NS // NS_PER_HOUR


def make_entry(attempt: int = 1, kind: str = "attempt", **changes) -> Entry:
    intent = make_intent(1, attempt=attempt)
    return Entry(intent, make_settlement(intent, **changes), 0, kind)


def test_a_line_counts_for_the_key_and_every_account_on_the_path():
    sums = Sums(700, 800, 1, 1, 12, 30)
    places = ("account:acc_1", "account:acc_2", "account:acc_3", "key:key_1")
    assert roll_up([make_entry()]) == {(scope, HOUR, "CNY"): sums for scope in places}


def test_a_retry_is_an_attempt_and_no_call_and_an_adjustment_neither():
    retry = make_entry(attempt=2)
    change = make_entry(kind=ADJUSTMENT, cost_pico=-700, charge_pico=0, usage=Usage(-12, 0))
    added = roll_up([make_entry(), retry, change])
    assert added[("key:key_1", HOUR, "CNY")] == Sums(700, 1600, 1, 2, 12, 60)


def test_currencies_and_hours_stay_apart():
    other = make_entry(currency="USD")
    later = make_entry()
    later = later._replace(intent=later.intent._replace(called_at_ns=CALLED_AT_NS + NS_PER_HOUR))
    added = roll_up([make_entry(), other, later])
    keys = {key[1:] for key in added}
    assert keys == {(HOUR, "CNY"), (HOUR, "USD"), (HOUR + 1, "CNY")}


def test_scopes_without_a_path_are_the_account_itself():
    assert scopes("", "acc_9", "key_1") == ["account:acc_9", "key:key_1"]
    assert scopes("acc_1/acc_9", "acc_9", "") == ["account:acc_1", "account:acc_9"]


def test_lease_use_adds_up():
    entries = [make_entry(), make_entry(leases=(LeaseUse(5, -100), LeaseUse(9, 4)))]
    assert lease_use(entries) == {5: 600, 6: 1, 9: 4}
