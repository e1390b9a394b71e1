"""Applies steelyard.yaml to the database: upserts what it says, retires what vanished from it.

One transaction and at most one revision: a file that says nothing new changes nothing. What was
made through the API is left alone, unless the file now claims its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from steelyard.config.model import Account, Config
from steelyard.control.configuration import resolve, taskbook
from steelyard.control.secret import hint_of
from steelyard.domain.accounts import hash_secret
from steelyard.store import accounts, keys, limits, objects, prices, revisions, settings
from steelyard.store.database import Database
from steelyard.store.revisions import Change
from steelyard.store.schema import FILE


def apply(database: Database, config: Config, now_ns: int) -> list[str]:
    """Makes the database say what the file says; returns what changed, for people.

    Raises:
        StoreUnavailable: the database cannot be written; nothing changed then.
        ConfigError: a task cannot be used.
    """
    with database.write() as connection:
        attempt = connection.begin_nested()
        change = revisions.begin(connection, now_ns, FILE, "steelyard.yaml applied")
        changed = _apply_all(connection, change, config)
        if changed:
            attempt.commit()
        else:
            attempt.rollback()
    return changed


def _apply_all(connection: Connection, change: Change, config: Config) -> list[str]:
    parts: tuple[tuple[str, Callable[[Connection, Change, Config], bool]], ...] = (
        ("vendors", _objects("vendor", resolve.vendors_used)),
        ("channels", _objects("channel", resolve.channels)),
        ("offers", _offers),
        ("tasks", _objects("task", taskbook.bodies)),
        ("policies", _objects("policy", resolve.policies)),
        ("aliases", _objects("alias", lambda c: {a: {"model": m} for a, m in c.aliases.items()})),
        ("accounts", _accounts),
        ("keys", _keys),
        ("settings", _settings),
    )
    return [f"{name} changed" for name, part in parts if part(connection, change, config)]


def _objects(
    kind: str, bodies: Callable[[Config], Mapping[str, Mapping[str, Any]]]
) -> Callable[[Connection, Change, Config], bool]:
    def put_all(connection: Connection, change: Change, config: Config) -> bool:
        return objects.replace_managed(connection, change, kind, bodies(config))

    return put_all


def _offers(connection: Connection, change: Change, config: Config) -> bool:
    wanted = resolve.offers(config)
    bodies = {name: body for name, (body, _) in wanted.items()}
    is_changed = objects.replace_managed(connection, change, "offer", bodies)
    for name, (_, terms) in wanted.items():
        is_changed |= prices.record(connection, change, name, terms)
    return is_changed


def _accounts(connection: Connection, change: Change, config: Config) -> bool:
    before = accounts.tree(connection)
    kept: set[str] = set()
    is_changed = _grow(connection, change, (None, config.accounts), before, kept)
    gone = [n for n in before.by_id.values() if n.managed_by == FILE and n.account_id not in kept]
    # The deepest first, since an account with others below it cannot end.
    for node in sorted(gone, key=lambda n: -len(before.chain(n.account_id))):
        if _has_foreign_below(before, node.account_id):
            accounts.change(connection, change, node, FILE, managed_by="api")
            continue
        for key in keys.find(connection, account_id=node.account_id):
            keys.revoke(connection, change, key, FILE)
        limits.replace(connection, change, f"account:{node.account_id}", (), FILE)
        accounts.retire(connection, change, node, FILE)
    return is_changed or bool(gone)


def _grow(
    connection: Connection,
    change: Change,
    branch: tuple[str | None, Mapping[str, Account | None]],
    before: accounts.Tree,
    kept: set[str],
) -> bool:
    """Makes the accounts of one branch of the file; notes their ids in ``kept``."""
    parent_id, wanted = branch
    is_changed = False
    for name, given in wanted.items():
        account = given or Account()
        node = next(
            (n for n in before.by_id.values() if (n.parent_id, n.name) == (parent_id, name)), None
        )
        if node is None:
            account_id = accounts.add(connection, change, parent_id, name, FILE)
            is_changed = True
        else:
            account_id = node.account_id
        policy = account.policy or ""
        if (node.policy, node.managed_by) != (policy, FILE) if node else bool(policy):
            node = node or accounts.tree(connection).by_id[account_id]
            accounts.change(connection, change, node, FILE, policy=policy, managed_by=FILE)
            is_changed = True
        kept.add(account_id)
        terms = resolve.limit_terms(account.limits)
        is_changed |= limits.replace(connection, change, f"account:{account_id}", terms, FILE)
        below = (account_id, account.accounts)
        is_changed |= _grow(connection, change, below, before, kept)
    return is_changed


def _has_foreign_below(tree: accounts.Tree, account_id: str) -> bool:
    return any(
        node.managed_by != FILE and any(n.account_id == account_id for n in tree.chain(other))
        for other, node in tree.by_id.items()
    )


def _keys(connection: Connection, change: Change, config: Config) -> bool:
    tree = accounts.tree(connection)
    bodies: dict[str, dict[str, Any]] = {}
    is_changed = False
    held: set[str] = set()
    for name, wanted in config.keys.items():
        account_id = tree.find(wanted.account)
        bodies[name] = {"account": wanted.account, "task": wanted.task}
        if wanted.secret is not None:
            secret = wanted.secret.get_secret_value()
            is_changed |= _put_secret(connection, change, secret, (account_id, name, wanted.task))
            held.add(hash_secret(secret.encode()).hex())
        for key in keys.find(connection, account_id=account_id, name=name):
            if key.revoked_at_ns is not None:
                continue
            terms = resolve.limit_terms(wanted.limits)
            is_changed |= limits.replace(connection, change, f"key:{key.key_id}", terms, FILE)
            if key.task != wanted.task:
                keys.set_task(connection, change, key, wanted.task)
                is_changed = True
    for key in keys.managed_by_file(connection):
        if key.secret_hash.hex() not in held:
            is_changed |= keys.revoke(connection, change, key, FILE)
    return objects.replace_managed(connection, change, "key", bodies) or is_changed


def _put_secret(
    connection: Connection, change: Change, secret: str, what: tuple[str, str, str]
) -> bool:
    secret_hash = hash_secret(secret.encode())
    if any(k.revoked_at_ns is None for k in keys.find(connection, secret_hash=secret_hash)):
        return False
    account_id, name, task = what
    for old in keys.find(connection, account_id=account_id, name=name):
        keys.revoke(connection, change, old, FILE)
    new = keys.NewKey(secret_hash, hint_of(secret), account_id, name, task, managed_by=FILE)
    keys.add(connection, change, new)
    return True


def _settings(connection: Connection, change: Change, config: Config) -> bool:
    wanted = {
        "home_currency": config.home_currency,
        "weigh_when_idle": config.weigh_when_idle,
        "engines": resolve.engines(config),
    }
    is_changed = False
    for name, value in wanted.items():
        if settings.get(connection, name) != value:
            settings.put(connection, name, value)
            is_changed = True
    return is_changed
