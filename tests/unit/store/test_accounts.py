"""The tree: ids that never change, names that may."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from steelyard.domain.errors import InvalidRequest
from steelyard.store import accounts, revisions
from steelyard.store.revisions import Change
from steelyard.store.schema import API

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


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
