import pytest

from steelyard.domain.errors import InvalidRequest
from steelyard.ledger.reports import FILTERS, GROUPS, Query, Reports
from steelyard.ledger.scribe import Scribe
from steelyard.store.books import NS_PER_DAY
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS + 10**9

CALLS = [
    ({"sequence": 1}, {}),
    ({"sequence": 2, "account_id": "acc_9", "account_path": "acc_1/acc_9"}, {"cost_pico": 10**25}),
    ({"sequence": 3, "currency": "USD", "offer": "large"}, {"cost_pico": 1, "status": 429}),
    ({"sequence": 3, "attempt": 2, "why": "retry"}, {"cost_pico": 5}),
    ({"sequence": 4, "called_at_ns": CALLED_AT_NS + NS_PER_DAY, "task": "x' OR 1=1"}, {}),
]


@pytest.fixture
def reports(home, database, make_journal):
    """Three lines in the ledger, two in the tail, one attempt open."""
    journal = make_journal()
    with Scribe(home, database) as scribe:
        for number, (intent_changes, settlement_changes) in enumerate(CALLS):
            intent = make_intent(**intent_changes)
            journal.append_intent(intent)
            journal.append_settlement(make_settlement(intent, **settlement_changes))
            if number == 2:
                scribe.run_once(NOW_NS)
    journal.append_intent(make_intent(5))
    return Reports(home, database, clock=lambda: NOW_NS)


def pick(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_totals_are_exact_and_per_currency(reports):
    rows = reports.summarise([])
    assert pick(rows, "currency", "cost_pico", "calls", "attempts", "open") == [
        ("CNY", 10**25 + 700 + 5 + 700, 3, 4, 1),
        ("USD", 1, 1, 1, 0),
    ]
    assert all(type(row["input_tokens"]) is int for row in rows)


def test_an_account_contains_its_subtree(reports):
    query = Query({"currency": ["CNY"]})
    rows = reports.summarise(["account"], query)
    costs = {row["account"]: row["cost_pico"] for row in rows}
    assert costs == {
        "acc_1": 10**25 + 1405,
        "acc_9": 10**25,
        "acc_2": 1405,
        "acc_3": 1405,
    }
    own = reports.summarise(["account_own"], query)
    assert {row["account_own"]: row["cost_pico"] for row in own} == {
        "acc_9": 10**25,
        "acc_3": 1405,
    }
    assert (
        reports.summarise([], Query({"account": ["acc_2"], "currency": ["CNY"]}))[0]["cost_pico"]
        == 1405
    )
    assert reports.summarise([], Query({"account": ["acc"]})) == []


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_works_and_loses_nothing(reports, name):
    rows = reports.summarise([name], Query({"account": ["acc_9"]}))
    assert {row["cost_pico"] for row in rows} == {10**25}
    assert all(name in row for row in rows)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_takes_its_values_as_parameters(reports, name):
    assert reports.summarise([], Query({name: ["' OR 1=1 --", "nothing"]})) == []


def test_filters_take_any_of_their_values(reports):
    assert len(reports.lines(query=Query({"offer": ["large", "other"]}))) == 1
    assert len(reports.lines(query=Query({"offer": ["large", "small"]}))) == 6
    assert len(reports.lines(query=Query({"task": ["x' OR 1=1"]}))) == 1
    assert reports.lines(query=Query({"offer": []})) == []


def test_days_are_utc(reports):
    day = CALLED_AT_NS // NS_PER_DAY
    rows = reports.summarise(["day"], Query({"currency": ["CNY"], "account": ["acc_3"]}))
    assert pick(rows, "day", "cost_pico") == [(day, 705), (day + 1, 700)]
    rows = reports.summarise([], Query(since_ns=(day + 1) * NS_PER_DAY))
    assert pick(rows, "calls") == [(1,)]
    rows = reports.summarise([], Query({"currency": ["CNY"]}, until_ns=(day + 1) * NS_PER_DAY))
    assert pick(rows, "calls", "open") == [(2, 1)]


def test_several_groups_stand_in_the_order_asked_for(reports):
    rows = reports.summarise(["vendor", "offer"], Query({"currency": ["USD"]}))
    assert list(rows[0])[:3] == ["vendor", "offer", "currency"]
    assert rows[0]["offer"] == "large"


@pytest.mark.parametrize("name", ["nonsense", "cost; DROP TABLE lines", "called_at_ns"])
def test_unknown_names_are_refused(reports, name):
    with pytest.raises(InvalidRequest, match="one of"):
        reports.summarise([name])
    with pytest.raises(InvalidRequest, match="one of"):
        reports.lines(query=Query({name: ["x"]}))


def test_a_call_shows_all_its_attempts(reports):
    rows = reports.call("c-12-3")
    assert pick(rows, "attempt_id", "why", "currency", "cost_pico", "status") == [
        ("c-12-3-1", "first", "USD", 1, 429),
        ("c-12-3-2", "retry", "CNY", 5, 200),
    ]
    assert rows[0]["rate_ids"] == ["rate_1", "rate_2"]
    assert rows[0]["lease_amounts"] == [700, 1]
    assert rows[0]["called_at_ns"] == CALLED_AT_NS
    assert pick(reports.call("c-12-3-2"), "attempt") == [(2,)]
    assert pick(reports.call("c-12-5"), "outcome", "reserved_pico") == [("open", 1000)]
    assert reports.call("c-ff-3") == []
    with pytest.raises(InvalidRequest, match="no call id"):
        reports.call("c-12-3; DROP TABLE lines")


def test_lines_are_the_latest(reports):
    assert pick(reports.lines(2), "sequence", "attempt") == [(4, 1), (5, 1)]


def test_an_empty_ledger_answers_with_nothing(home, database):
    reports = Reports(home, database)
    assert reports.summarise(["account"]) == []
    assert reports.lines() == []


def test_a_quote_in_the_folders_name_is_no_sql(tmp_path, database, make_journal):
    home = tmp_path / "it's"
    (home / "ledger").mkdir(parents=True)
    (home / "journal").symlink_to(tmp_path / "journal")
    journal = make_journal()
    journal.append_intent(make_intent(1))
    journal.append_settlement(make_settlement(make_intent(1)))
    with Scribe(home, database) as scribe:
        assert scribe.run_once(NOW_NS).booked == 1
    assert len(Reports(home, database).lines()) == 1
