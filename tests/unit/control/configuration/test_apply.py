"""The file and the database: upserts, retirements, what is left alone, and nothing when nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from steelyard.config.presets import default_text
from steelyard.control.configuration import apply as apply_module
from steelyard.domain.accounts import hash_secret
from steelyard.store import accounts, keys, limits, objects, prices, revisions, settings
from steelyard.store.database import Database
from steelyard.store.schema import API, FILE

Put = Callable[..., list[str]]
NOW_NS = 1_773_144_000 * 10**9
SHOP = """
channels: {shop: {base_url: http://x/v1}}
offers:
  - {model: m, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: %s CNY/mtok}}
"""


def test_the_same_file_twice_makes_no_second_revision(database: Database, put: Put) -> None:
    assert put(default_text())
    with database.read() as tx:
        revision = revisions.latest(tx)
        lines = len(revisions.audit_lines(tx, 1000))
    assert put(default_text(), NOW_NS + 10**9) == []
    with database.read() as tx:
        assert revisions.latest(tx) == revision
        assert len(revisions.audit_lines(tx, 1000)) == lines


def test_a_changed_price_is_a_new_rate_and_the_old_one_ends(database: Database, put: Put) -> None:
    put(SHOP % 2)
    assert put(SHOP % 3, NOW_NS + 10**9) == ["offers changed"]
    with database.read() as tx:
        rates = prices.of_offers(tx)["shop/m"]
    assert [(r.item, str(r.amount), r.valid_to is None) for r in rates] == [
        ("input", "1", True),
        ("output", "2", False),
        ("output", "3", True),
    ]


def test_what_vanishes_is_retired_and_its_prices_stay(database: Database, put: Put) -> None:
    put(SHOP % 2)
    assert put("{}", NOW_NS + 10**9) == ["channels changed", "offers changed"]
    with database.read() as tx:
        assert objects.current(tx, "offer") == {}
        assert len(prices.of_offers(tx)["shop/m"]) == 2


def test_accounts_grow_move_nothing_and_end_from_the_leaves(database: Database, put: Put) -> None:
    text = "accounts: {acme: {policy: p, accounts: {support: {limits: [{requests: 5}]}, hr: }}}"
    put("policies: {p: {}}\n" + text)
    with database.read() as tx:
        tree = accounts.tree(tx)
        support = tree.find("acme/support")
        assert tree.by_id[tree.find("acme")].policy == "p"
        assert limits.of_scope(tx, f"account:{support}")[0].managed_by == FILE
        assert tree.by_id[support].managed_by == FILE
    put("accounts: {acme: {accounts: {support: }}}")
    with database.read() as tx:
        tree = accounts.tree(tx)
        assert tree.find("acme/support") == support
        assert set(tree.id_by_path) == {"acme", "acme/support"}
        assert limits.of_scope(tx, f"account:{support}") == []
        assert tree.by_id[tree.find("acme")].policy == ""
    put("{}")
    with database.read() as tx:
        assert accounts.tree(tx).by_id == {}


def test_an_account_of_the_file_with_others_below_is_handed_over_not_ended(
    database: Database, put: Put
) -> None:
    put("accounts: {acme: }")
    with database.write() as tx:
        acme = accounts.tree(tx).find("acme")
        change = revisions.begin(tx, NOW_NS, "admin", "")
        accounts.add(tx, change, acme, "mine", API)
    put("{}")
    with database.read() as tx:
        tree = accounts.tree(tx)
        assert set(tree.id_by_path) == {"acme", "acme/mine"}
        assert tree.by_id[acme].managed_by == API


def test_keys_of_the_file_hold_and_end_with_it(database: Database, put: Put) -> None:
    text = """
accounts: {acme: }
keys: {ci: {account: acme, secret: "${CI}", limits: [{money: 5 CNY, period: day}], task: a/b}}
"""
    put(text, env={"CI": "sk-one"})
    with database.read() as tx:
        (key,) = keys.find(tx, secret_hash=hash_secret(b"sk-one"))
        assert (key.name, key.task, key.managed_by) == ("ci", "a/b", FILE)
        assert limits.of_scope(tx, f"key:{key.key_id}")[0].limit.amount == 5 * 10**12
    assert put(text, NOW_NS + 1000, env={"CI": "sk-one"}) == []
    put(text, NOW_NS + 2000, env={"CI": "sk-two"})
    with database.read() as tx:
        assert keys.find(tx, secret_hash=hash_secret(b"sk-one"))[0].revoked_at_ns == NOW_NS + 2000
        assert keys.find(tx, secret_hash=hash_secret(b"sk-two"))[0].revoked_at_ns is None
    put("accounts: {acme: }", NOW_NS + 3000)
    with database.read() as tx:
        assert keys.count_live(tx) == 0


def test_limits_for_a_key_made_elsewhere_are_laid_on_it(database: Database, put: Put) -> None:
    put("accounts: {acme: }")
    with database.write() as tx:
        change = revisions.begin(tx, NOW_NS, "admin", "")
        acme = accounts.tree(tx).find("acme")
        made = keys.add(tx, change, keys.NewKey(b"k" * 32, "sk-k…", acme, "nightly"))
    put("accounts: {acme: }\nkeys: {nightly: {account: acme, limits: [{requests: 7}]}}")
    with database.read() as tx:
        assert limits.of_scope(tx, f"key:{made}")[0].limit.amount == 7
        assert keys.find(tx, by_id=made)[0].revoked_at_ns is None


def test_a_failure_in_the_middle_changes_nothing(
    database: Database, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr(apply_module, "_settings", fail)
    with pytest.raises(RuntimeError):
        put(SHOP % 2)
    with database.read() as tx:
        assert objects.current(tx, "offer") == {}
        assert revisions.latest(tx) == 0


def test_settings_follow_the_file(database: Database, put: Put) -> None:
    put("home_currency: USD\nweigh_when_idle: false")
    with database.read() as tx:
        assert settings.get(tx, "home_currency") == "USD"
        assert settings.get(tx, "engines") == []
