"""What became of verdicts since: the facts behind the rule, from the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import Connection

from steelyard.control.proofs import proving
from steelyard.control.proofs.proving import Proof
from steelyard.control.snapshot.compile import compile_core
from steelyard.domain.answering import Kind, Oddity, Sighting
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.tasks import Status, Verdict
from steelyard.domain.verdict_life import Cause
from steelyard.store import answered, measurements, objects, proofs
from steelyard.store.database import Database
from steelyard.store.measurements import Measurement

Put = Callable[..., list[str]]
BEGAN_NS = 1_773_144_000 * 10**9
"""When the configuration was applied first."""
WEIGHED_NS = BEGAN_NS + DAY_NS
NOW_NS = WEIGHED_NS + DAY_NS
TASK = "shop/review-sentiment"
OFFER = "shop/m"
TEXT = """
channels: {shop: {base_url: "http://x/v1"}, other: {base_url: "http://y/v1"}}
offers: [{model: m, channel: shop, context: 99, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}]
tasks: {shop/review-sentiment: {floor: 0.6}}
"""


def verdict(digest: str, at_ns: int = WEIGHED_NS, **more: object) -> Verdict:
    values: dict[str, object] = {
        **{"task": TASK, "offer": OFFER, "form_digest": digest, "floor": Decimal("0.6")},
        **{"total": Fraction(80), "n": 100, "n_unscored": 0},
        **{"lower": Decimal("0.72"), "upper": Decimal("0.86"), "confidence": Decimal("0.95")},
        **{"cost_pico": 1, "currency": "CNY", "time_s": 1.0, "model_answered": "m"},
        "decided_at": datetime.fromtimestamp(at_ns // 10**9, UTC),
    }
    return Verdict(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture
def weighed(database: Database, put: Put) -> str:
    """A verdict on an offer; the digest of the form it was won in."""
    put(TEXT, BEGAN_NS)
    with database.write() as tx:
        digest = str(objects.current(tx, "task")[TASK].body["digests"][0])
        proofs.add_verdict(tx, verdict(digest))
    return digest


def proof(tx: Connection, now_ns: int = NOW_NS) -> Proof:
    return proving.load(tx, objects.current(tx, "task"), now_ns)[TASK][OFFER]


def cause(database: Database, now_ns: int = NOW_NS) -> Cause:
    with database.read() as tx:
        return proof(tx, now_ns).standing.cause


def test_what_nothing_happened_to_is_proven(database: Database, weighed: str) -> None:
    with database.read() as tx:
        found = proof(tx)
    assert (found.standing.status, found.standing.cause) == (Status.PROVEN, Cause.NONE)
    assert (found.supply, found.authenticity) == (None, None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("{model: m,", "{model: m, upstream_model: m-2,"), Cause.PLACE),
        (("http://x/", "http://z/"), Cause.PLACE),
        (("floor: 0.6", "floor: 0.6, stale_after_days: 1"), Cause.AGE),
        (("offers: [{model: m,", "offers: [{model: n,"), Cause.GONE),
        (("floor: 0.6", "floor: 0.5"), Cause.NONE),
        (("input: 1 CNY", "input: 2 CNY"), Cause.NONE),
    ],
)
def test_what_the_file_changes(
    database: Database, put: Put, weighed: str, change: tuple[str, str], why: Cause
) -> None:
    put(TEXT.replace(*change), WEIGHED_NS + 1)
    assert cause(database) is why


def test_a_place_that_was_left_before_the_weighing_is_no_matter(
    database: Database, put: Put, weighed: str
) -> None:
    put(TEXT.replace("http://x/", "http://z/"), WEIGHED_NS - 1)
    assert cause(database) is Cause.NONE


def test_a_verdict_older_than_what_is_known_of_its_offer_accuses_nobody(
    database: Database, weighed: str
) -> None:
    with database.write() as tx:
        proofs.add_verdict(tx, verdict(weighed, BEGAN_NS - DAY_NS))
        found = proof(tx)
    assert instant_ns(found.verdict.decided_at) == BEGAN_NS - DAY_NS
    assert found.standing.status is Status.PROVEN


def test_another_form_is_stale_until_it_is_weighed_in_todays(
    database: Database, weighed: str
) -> None:
    with database.write() as tx:
        proofs.add_verdict(tx, verdict("0" * 16, offer="shop/m", lower=Decimal("0.1")))
        assert proof(tx).standing.status is Status.PROVEN
        tx.exec_driver_sql("DELETE FROM verdicts WHERE form_digest != '0000000000000000'")
        assert proof(tx).standing.cause is Cause.FORM


def test_flags_and_names_of_the_answering_model(database: Database, weighed: str) -> None:
    asked = (OFFER, "m")
    with database.write() as tx:
        answered.write(tx, asked, Sighting("m", WEIGHED_NS, WEIGHED_NS))
        assert proof(tx).standing.cause is Cause.NONE
        answered.write(tx, asked, Sighting("m-x", WEIGHED_NS + 5000, WEIGHED_NS + 5000))
        assert proof(tx).standing.cause is Cause.MODEL
        answered.write(tx, asked, Sighting("m", WEIGHED_NS, WEIGHED_NS + 9000))
        assert proof(tx).standing.cause is Cause.NONE
        odd = Oddity(Kind.MIXED, "m-x", "m")
        answered.raise_flag(tx, asked, odd, WEIGHED_NS + 5000)
        assert proof(tx).standing.cause is Cause.MODEL
        # Weighed after that, it is proven as what it is now.
        proofs.add_verdict(tx, verdict(weighed, WEIGHED_NS + 10**9))
        assert proof(tx).standing.cause is Cause.NONE


def test_a_drift_alarm_holds_until_it_is_taken_back_or_weighed_again(
    database: Database, weighed: str
) -> None:
    def drift(state: str, task: str = TASK) -> Measurement:
        return Measurement("drift", OFFER, NOW_NS - 1, state, {}, task)

    with database.write() as tx:
        measurements.add(tx, drift("drifted", "another"))
        assert proof(tx).standing.cause is Cause.NONE
        measurements.add(tx, drift("drifted"))
        assert proof(tx).standing.cause is Cause.DRIFT
        measurements.add(tx, drift("steady"))
        assert proof(tx).standing.cause is Cause.NONE


def test_supply_of_where_it_is_bought_now(database: Database, put: Put, weighed: str) -> None:
    demanding = TEXT.replace("floor: 0.6", "floor: 0.6, supply: {requests_per_minute: 100}")
    put(demanding, WEIGHED_NS + 1)
    body = {"requests_per_minute": 60, "tokens_per_s": None}
    with database.write() as tx:
        measurements.add(tx, Measurement("supply", OFFER, NOW_NS - 1, "limited", body))
        found = proof(tx)
        assert (found.standing.status, found.standing.cause) == (Status.NOT_PROVEN, Cause.SUPPLY)
        assert found.supply is not None and found.supply.state == "limited"
    put(demanding.replace("http://x/", "http://z/"), NOW_NS)
    with database.write() as tx:
        proofs.add_verdict(tx, verdict(weighed, NOW_NS + 10**9))
        found = proof(tx, NOW_NS + 2 * 10**9)
    assert (found.standing.status, found.supply) == (Status.PROVEN, None)


def test_the_snapshot_bears_no_stale_proof_and_is_due_when_the_next_one_ends(
    database: Database, weighed: str
) -> None:
    ends_ns = WEIGHED_NS + 90 * DAY_NS
    with database.read() as tx:
        before = compile_core(tx, ends_ns - 3600 * 10**9)
        after = compile_core(tx, ends_ns)
    (held,) = before.tasks[TASK].verdicts
    assert (held.status, held.reason, before.changes_at_ns) == ("proven", "", ends_ns)
    (gone,) = after.tasks[TASK].verdicts
    assert gone.status == "stale" and "90 days ago or more" in gone.reason
    assert after.changes_at_ns == ends_ns + DAY_NS


def test_what_is_stale_is_not_among_what_need_not_be_weighed_again(
    database: Database, weighed: str
) -> None:
    with database.read() as tx:
        tasks = objects.current(tx, "task")
        assert len(proving.fresh(proving.load(tx, tasks, NOW_NS))) == 1
        assert proving.fresh(proving.load(tx, tasks, NOW_NS + 99 * DAY_NS)) == []
        assert proving.next_change_ns({}) is None
        assert proving.past(tx, TASK)[0].offer == OFFER


def test_a_task_of_an_earlier_version_asks_for_what_was_asked_for_then() -> None:
    rules = proving.rules_of({"floor": "0.6", "digests": ["d"]})
    assert rules.stale_after == timedelta(days=90)
    assert not rules.demand


def test_numbers_that_are_none_are_not_known() -> None:
    body = {"requests_per_minute": True, "tokens_per_s": "30", "tokens_per_minute": 5}
    found = proving.supply_of(Measurement("supply", OFFER, 1000, "ok", body))
    assert found.requests_per_minute is found.tokens_per_s is None
    assert found.tokens_per_minute == 5.0
    assert instant_ns(found.at) == 1000
