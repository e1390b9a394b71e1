"""The repository's promises, on SQLite: history, ownership, ids that never change, rates that are
superseded and never edited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from steelyard.domain.budgets import Period, Unit
from steelyard.domain.errors import Forbidden, InvalidRequest
from steelyard.domain.rates import ExchangeRate
from steelyard.domain.tasks import Verdict
from steelyard.store import accounts, keys, limits, objects, prices, proofs, revisions, settings
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade
from steelyard.store.revisions import Change
from steelyard.store.schema import API, FILE

NS = 10**9
NOON_NS = 1_770_000_000 * NS


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    database = Database(tmp_path / "control.db")
    upgrade(database)
    with database.write() as connection:
        yield connection
    database.close()


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


class TestObjects:
    def test_a_change_ends_the_old_row_and_keeps_it(self, tx: Connection) -> None:
        first = step(tx)
        assert objects.put(tx, first, "channel", "a", {"x": 1}, managed_by=API)
        assert not objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=API)
        second = step(tx)
        assert objects.put(tx, second, "channel", "a", {"x": 2}, managed_by=API)
        assert objects.current(tx, "channel")["a"].body == {"x": 2}
        rows = tx.execute(text("SELECT revision_from, revision_to FROM objects ORDER BY 1"))
        assert [tuple(row) for row in rows] == [
            (first.revision, second.revision),
            (second.revision, None),
        ]

    def test_only_the_file_changes_what_the_file_manages(self, tx: Connection) -> None:
        objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=FILE)
        with pytest.raises(Forbidden, match="managed by steelyard.yaml"):
            objects.put(tx, step(tx), "channel", "a", {"x": 2}, managed_by=API)
        with pytest.raises(Forbidden, match="managed by steelyard.yaml"):
            objects.retire(tx, step(tx), "channel", "a", API)

    def test_what_vanished_from_the_file_ends_and_the_rest_is_left_alone(
        self, tx: Connection
    ) -> None:
        objects.put(tx, step(tx), "channel", "mine", {"x": 0}, managed_by=API)
        assert objects.replace_managed(tx, step(tx), "channel", {"a": {"x": 1}, "b": {"x": 2}})
        assert objects.replace_managed(tx, step(tx), "channel", {"b": {"x": 2}})
        assert not objects.replace_managed(tx, step(tx), "channel", {"b": {"x": 2}})
        assert set(objects.current(tx, "channel")) == {"b", "mine"}

    def test_the_file_may_claim_a_name(self, tx: Connection) -> None:
        objects.put(tx, step(tx), "channel", "a", {"x": 1}, managed_by=API)
        assert objects.replace_managed(tx, step(tx), "channel", {"a": {"x": 1}})
        assert objects.current(tx, "channel")["a"].managed_by == FILE


class TestAccounts:
    def test_ids_stay_when_names_change_and_are_never_used_again(self, tx: Connection) -> None:
        org = accounts.add(tx, step(tx), None, "acme", API)
        dep = accounts.add(tx, step(tx), org, "support", API)
        tree = accounts.tree(tx)
        assert tree.path(dep) == "acme/support"
        assert tree.id_path(dep) == f"{org}/{dep}"
        accounts.change(tx, step(tx), tree.by_id[org], API, name="apex")
        assert accounts.tree(tx).find("apex/support") == dep
        accounts.retire(tx, step(tx), tree.by_id[dep], API)
        assert dep not in accounts.tree(tx).by_id
        assert accounts.add(tx, step(tx), org, "support", API) != dep

    def test_siblings_have_different_names(self, tx: Connection) -> None:
        org = accounts.add(tx, step(tx), None, "acme", API)
        accounts.add(tx, step(tx), org, "acme", API)
        with pytest.raises(InvalidRequest, match="exists there already"):
            accounts.add(tx, step(tx), None, "acme", API)

    def test_what_is_not_there_is_said(self, tx: Connection) -> None:
        with pytest.raises(InvalidRequest, match="no account 'nobody'"):
            accounts.tree(tx).find("nobody")
        with pytest.raises(InvalidRequest, match="no account 'acc_9'"):
            accounts.add(tx, step(tx), "acc_9", "x", API)
        for bad in ("acc_", "acc_x", "key_1", "acc_٣"):
            with pytest.raises(InvalidRequest, match="no account id"):
                accounts.number(bad)

    def test_a_node_with_others_below_does_not_end(self, tx: Connection) -> None:
        org = accounts.add(tx, step(tx), None, "acme", API)
        accounts.add(tx, step(tx), org, "support", API)
        with pytest.raises(InvalidRequest, match="has accounts below it"):
            accounts.retire(tx, step(tx), accounts.tree(tx).by_id[org], API)

    def test_the_tree_is_not_endless(self, tx: Connection) -> None:
        parent = None
        for depth in range(accounts.DEPTH_MAX):
            parent = accounts.add(tx, step(tx), parent, f"a{depth}", API)
        with pytest.raises(InvalidRequest, match="deep"):
            accounts.add(tx, step(tx), parent, "too-deep", API)


def key(tx: Connection, letter: bytes = b"a", name: str = "k", **more: object) -> str:
    new = keys.NewKey(letter * 32, f"sk-{letter.decode()}…", "acc_1", name)
    return keys.add(tx, step(tx), new._replace(**more))


class TestKeys:
    @pytest.fixture(autouse=True)
    def account(self, tx: Connection) -> None:
        accounts.add(tx, step(tx), None, "acme", API)

    def test_a_secret_and_a_name_are_used_once(self, tx: Connection) -> None:
        key(tx)
        with pytest.raises(InvalidRequest, match="is key key_1 already"):
            key(tx, name="other")
        with pytest.raises(InvalidRequest, match="has a key 'k' already"):
            key(tx, b"b")

    def test_a_name_is_free_again_after_its_key_was_revoked(self, tx: Connection) -> None:
        key(tx)
        (old,) = keys.find(tx, name="k")
        assert keys.revoke(tx, step(tx), old, API)
        (old,) = keys.find(tx, name="k")
        assert not keys.revoke(tx, step(tx), old, API)
        assert key(tx, b"b") == "key_2"
        assert keys.revoked_since(tx, NOON_NS) == [b"a" * 32]

    def test_only_live_keys_are_streamed_by_hash_with_their_limits(self, tx: Connection) -> None:
        key(tx, b"c", "c")
        key(tx, b"a", "a")
        key(tx, b"b", "b", expires_at_ns=NOON_NS - 1)
        key(tx, b"d", "d")
        keys.revoke(tx, step(tx), keys.find(tx, name="d")[0], API)
        day = limits.Terms(Unit.MONEY, 10**20, Period.DAY, "CNY")
        minute = limits.Terms(Unit.REQUESTS, 5, Period.MINUTE)
        limits.replace(tx, step(tx), "key:key_2", [day, minute], API)
        streamed = list(keys.live_with_limits(tx, NOON_NS))
        assert [stored.name for stored, _ in streamed] == ["a", "c"]
        assert [limit.amount for limit in streamed[0][1]] == [10**20, 5]
        assert streamed[0][1][0].scope == "key:key_2"
        assert streamed[1][1] == ()

    def test_keys_come_in_pages(self, tx: Connection) -> None:
        for letter in b"abc":
            key(tx, bytes([letter]), chr(letter))
        first = keys.page(tx, "acc_1", None, 2)
        assert [stored.name for stored in first] == ["a", "b"]
        assert [s.name for s in keys.page(tx, None, first[-1].key_id, 2)] == ["c"]

    def test_a_key_is_found_by_id_name_or_the_beginning_of_its_secret(self, tx: Connection) -> None:
        key(tx, hint="sk-abcd…")
        for wanted in ("key_1", "k", "sk-abcdefg"):
            assert [found.key_id for found in keys.matching(tx, wanted)] == ["key_1"]
        assert keys.matching(tx, "key_2") == []

    def test_a_hash_of_another_length_is_refused(self, tx: Connection) -> None:
        with pytest.raises(IntegrityError):
            key(tx, b"aa")


class TestLimits:
    @pytest.fixture(autouse=True)
    def account(self, tx: Connection) -> None:
        accounts.add(tx, step(tx), None, "acme", API)

    def test_an_amount_beyond_64_bits_survives(self, tx: Connection) -> None:
        year = limits.Terms(Unit.MONEY, 10**25 + 1, Period.TOTAL, "CNY", "Asia/Shanghai")
        limits.replace(tx, step(tx), "account:acc_1", [year], API)
        (stored,) = limits.of_scope(tx, "account:acc_1")
        assert stored.limit.amount == 10**25 + 1
        assert stored.limit.zone == "Asia/Shanghai"

    def test_a_changed_amount_keeps_the_id_and_another_period_does_not(
        self, tx: Connection
    ) -> None:
        day = limits.Terms(Unit.MONEY, 5, Period.DAY, "CNY")

        def put(*terms: limits.Terms) -> list[int]:
            limits.replace(tx, step(tx), "account:acc_1", terms, API)
            return [s.limit.limit_id for s in limits.of_scope(tx, "account:acc_1")]

        assert put(day) == [1]
        assert put(day._replace(amount=9)) == [1]
        assert put(day._replace(period=Period.MONTH)) == [2]
        assert put() == []

    def test_the_files_limits_and_the_apis_stand_side_by_side(self, tx: Connection) -> None:
        day = limits.Terms(Unit.MONEY, 5, Period.DAY, "CNY")
        limits.replace(tx, step(tx), "account:acc_1", [day], FILE)
        limits.replace(tx, step(tx), "account:acc_1", [day._replace(amount=3)], API)
        limits.replace(tx, step(tx), "account:acc_1", [], FILE)
        assert [s.limit.amount for s in limits.of_scope(tx, "account:acc_1")] == [3]
        assert limits.currencies(tx) == {"CNY"}


class TestRates:
    def terms(self, amount: int | str | None, since_ns: int = 0) -> prices.Terms:
        value = Fraction(amount) if amount is not None else None
        return prices.Terms(since_ns, value, "CNY", "mtok", "a page")

    def record(self, tx: Connection, at_ns: int, **items: list[prices.Terms]) -> bool:
        return prices.record(tx, step(tx, at_ns), "o", items)

    def timeline(self, tx: Connection, item: str = "input") -> list[tuple[int, int | None, str]]:
        def seconds(at: datetime | None) -> int | None:
            return int(at.timestamp()) if at is not None else None

        return [
            (int(r.valid_from.timestamp()), seconds(r.valid_to), str(r.amount))
            for r in prices.of_offers(tx)["o"]
            if r.item == item
        ]

    def test_first_prices_may_begin_in_the_past_and_the_future(self, tx: Connection) -> None:
        assert self.record(tx, 100 * NS, input=[self.terms(1, 10 * NS), self.terms(2, 200 * NS)])
        assert self.timeline(tx) == [(10, 200, "1"), (200, None, "2")]

    def test_the_same_again_is_no_news(self, tx: Connection) -> None:
        both = [self.terms(1, 10 * NS), self.terms(2, 200 * NS)]
        self.record(tx, 100 * NS, input=both)
        assert not self.record(tx, 150 * NS, input=both)
        assert not self.record(tx, 300 * NS, input=both)

    def test_a_change_holds_from_now_and_the_past_stays(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms("1/3", 10 * NS), self.terms(9, 400 * NS)])
        before = prices.of_offers(tx)["o"][0]
        assert self.record(tx, 200 * NS, input=[self.terms(2, 10 * NS)])
        assert self.timeline(tx) == [(10, 200, "1/3"), (200, None, "2")]
        after = prices.of_offers(tx)["o"][0]
        assert (after.rate_id, after.amount) == (before.rate_id, before.amount)

    def test_a_price_that_vanished_ends_and_may_come_back(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)], output=[self.terms(2)])
        assert self.record(tx, 200 * NS, output=[self.terms(2)])
        assert not self.record(tx, 250 * NS, output=[self.terms(2)])
        assert self.record(tx, 300 * NS, input=[self.terms(1)], output=[self.terms(2)])
        assert self.timeline(tx) == [(100, 200, "1"), (300, None, "1")]
        assert self.timeline(tx, "output") == [(100, None, "2")]

    def test_a_further_item_of_a_known_offer_never_begins_in_the_past(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)])
        self.record(tx, 200 * NS, input=[self.terms(1)], cache_read=[self.terms("0.1", 10 * NS)])
        assert self.timeline(tx, "cache_read") == [(200, None, "1/10")]

    def test_rows_cannot_be_edited_or_deleted_by_anybody(self, tx: Connection) -> None:
        self.record(tx, 100 * NS, input=[self.terms(1)])
        for statement in ("UPDATE rates SET numerator = '2'", "DELETE FROM rates"):
            with pytest.raises(IntegrityError, match="superseded, never"):
                tx.execute(text(statement))

    def test_exchange_rates_are_dated_and_the_newest_that_held_counts(self, tx: Connection) -> None:
        def rate(day: int) -> ExchangeRate:
            at = datetime(2026, 3, day, tzinfo=UTC)
            return ExchangeRate(f"ecb-{day}", "USD", "CNY", Fraction(70 + day, 10), at, "ecb")

        assert prices.add_exchange_rates(tx, [rate(1), rate(3)]) == 2
        assert prices.add_exchange_rates(tx, [rate(1), rate(4)]) == 1
        at = int(datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp()) * NS
        found = prices.exchange_rate(tx, "USD", "CNY", at)
        assert found == rate(3)
        assert prices.exchange_rate(tx, "CNY", "USD", at) is None
        assert prices.exchange_rate(tx, "USD", "CNY", 0) is None


class TestProofs:
    def verdict(self, **more: object) -> Verdict:
        values: dict[str, object] = {
            "task": "shop/a",
            "offer": "c/m",
            "form_digest": "f" * 16,
            "floor": Decimal("0.65"),
            "total": Fraction(41, 2),
            "n": 30,
            "n_unscored": 1,
            "lower": Decimal("0.5"),
            "upper": Decimal("0.8"),
            "confidence": Decimal("0.95"),
            "cost_pico": 10**25,
            "currency": "CNY",
            "time_s": 1.5,
            "decided_at": datetime(2026, 3, 1, tzinfo=UTC),
            "model_answered": "m",
        }
        return Verdict(**{**values, **more})  # type: ignore[arg-type]

    def test_the_newest_verdict_of_each_form_counts_and_is_exact(self, tx: Connection) -> None:
        proofs.add_verdict(tx, self.verdict(n=29))
        proofs.add_verdict(tx, self.verdict())
        other = self.verdict(form_digest="0" * 16)
        proofs.add_verdict(tx, other)
        assert proofs.latest_verdicts(tx) == [self.verdict(), other]

    def test_weighings_show_how_far_they_are(self, tx: Connection) -> None:
        number = proofs.begin_weighing(tx, "shop/a", "c/m", 100, NOON_NS)
        proofs.update_weighing(tx, number, items_done=7, state="stopped", ended_at_ns=NOON_NS)
        (row,) = proofs.recent_weighings(tx, 5)
        assert (row["items_done"], row["state"]) == (7, "stopped")


def test_settings_are_any_json(tx: Connection) -> None:
    settings.put(tx, "engines", [{"name": "m"}])
    settings.put(tx, "engines", [])
    assert settings.get(tx, "engines") == []
    assert settings.get(tx, "none", 3) == 3


def test_the_audit_log_says_who_did_what(tx: Connection) -> None:
    change = step(tx)
    revisions.note(tx, change, "add", "account/acc_1", name="acme")
    (line,) = revisions.audit_lines(tx, 10)
    assert (line["actor"], line["action"], line["detail"]) == ("test", "add", '{"name": "acme"}')
    assert revisions.latest(tx) == change.revision
