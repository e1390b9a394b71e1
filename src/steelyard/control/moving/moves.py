"""A move: planned as a whole, and looked at, before anything is written.

``plan`` reads steelyard.yaml as it is, puts the entries into it and holds the result to all checks
of the configuration. Writing it is the command's; accounts and keys go through ``control.api``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.config.check import offer_name
from steelyard.config.document import DocumentError, parse
from steelyard.config.load import InvalidConfig, load_text
from steelyard.config.model import Config
from steelyard.config.presets import default_text
from steelyard.config.secrets_file import SECRETS_FILE, line_of, with_secrets
from steelyard.control.configuration import resolve
from steelyard.control.configuration.apply import apply
from steelyard.control.moving import merging
from steelyard.control.moving.inventory import Account, Inventory, Key
from steelyard.control.moving.part import (
    Part,
    Sizes,
    build,
    name_of,
    renamed,
    secrets_of,
    variables_of,
)
from steelyard.control.prices import book as price_book
from steelyard.control.prices import lists as price_lists
from steelyard.domain.budgets import Unit
from steelyard.domain.instants import instant_of
from steelyard.domain.money import format_pico
from steelyard.store.database import Database
from steelyard.store.limits import Terms
from steelyard.store.migrate import upgrade
from steelyard.store.objects import Stored

KEYS_AT_ONCE = 1_000
"""In one write to the database, which leases of running calls wait for."""
_UNSET = "https://unset.invalid"
"""Stands for a variable that this process does not have, while the file is checked."""


class Plan(NamedTuple):
    """What a move would do."""

    part: str
    """The entries as a file of their own."""
    merged: merging.Merged | None
    """The configuration file with them; None where it cannot be added to."""
    secrets: dict[str, str]
    """Values for ``secrets.env`` that it does not have yet, by variable."""
    why_not: str = ""
    """Why the file cannot be added to."""


def plan(
    inventory: Inventory, home: Path, env: Mapping[str, str], sizes: Sizes, now_ns: int
) -> Plan:
    """What moving ``inventory`` into the state folder ``home`` would do; writes nothing.

    Raises:
        InvalidConfig: the file has mistakes, by itself or with the entries in it.
        SecretsError: the secrets' file cannot be used.
    """
    file = home / "steelyard.yaml"
    before = file.read_text("utf-8") if file.exists() else default_text()
    renamed(inventory, _channels(before))
    secrets = secrets_of(inventory)
    env = with_secrets(home / SECRETS_FILE, env)
    for name in sorted(set(variables_of(inventory)) - set(env)):
        inventory.notes.add("variable", name)
    checked = {name: _UNSET for name in variables_of(inventory)} | secrets | dict(env)
    part = build(inventory, sizes)
    alone = load_text(merging.text_of(part), "the imported part", checked)
    _price(part, alone, inventory, (home / "control.db", now_ns))
    fresh = {name: value for name, value in secrets.items() if name not in env}
    text = merging.text_of(part)
    try:
        merged = merging.merge(before, part, inventory.notes)
    except merging.CannotMerge as error:
        return Plan(text, None, fresh, str(error))
    load_text(merged.text, str(file), checked, resolve.RULES, home)
    return Plan(text, merged, fresh)


def secrets_text(before: str, secrets: Mapping[str, str]) -> str:
    """The text of ``secrets.env`` with further values in it."""
    start = before if not before or before.endswith("\n") else before + "\n"
    return start + "".join(line_of(name, value) for name, value in secrets.items())


def prepare(home: Path, env: Mapping[str, str], now_ns: int) -> None:
    """Makes the database of a state folder say what its file says, where no control does.

    Raises:
        InvalidConfig: the file has mistakes.
        StoreError: the database cannot be used.
    """
    database = Database(home / "control.db")
    try:
        upgrade(database)
        apply(database, resolve.load_config(home / "steelyard.yaml", env), now_ns)
    finally:
        database.close()


def batches(inventory: Inventory) -> Iterator[dict[str, Any]]:
    """Accounts and keys as bodies for ``POST /api/moving``, the accounts first."""
    accounts = [_account(account) for account in inventory.accounts]
    yield {"source": inventory.source, "accounts": accounts, "keys": []}
    keys = (_key(key) for key in inventory.keys)
    while some := list(islice(keys, KEYS_AT_ONCE)):
        yield {"source": inventory.source, "accounts": [], "keys": some}


def _channels(text: str) -> Mapping[str, Any]:
    try:
        value = parse(text, "steelyard.yaml").value
    except DocumentError as error:
        raise InvalidConfig(error.findings) from error
    channels = value.get("channels") if isinstance(value, dict) else None
    return channels if isinstance(channels, dict) else {}


def _price(part: Part, alone: Config, inventory: Inventory, where: tuple[Path, int]) -> None:
    """Gives offers the old gateway's prices where the price book has none; notes what is left."""
    wanted = {offer_name(offer) for offer in alone.offers if offer.rates is None}
    bodies = {name: body for name, (body, _) in resolve.offers(alone).items() if name in wanted}
    stored = {name: Stored(name, body, "file", 0) for name, body in bodies.items()}
    priced: set[str] = set()
    if any(body["follows_list"] for body in bodies.values()):
        with _book(*where) as connection:
            found = price_book.offer_prices(connection, stored)
        now = instant_of(where[1])
        priced = {
            name
            for name, price in found.items()
            if price.rates and not price_book.prices_missing(price.rates, now)
        }
    entries = {name_of(entry): entry for entry in part.offers}
    for name in sorted(wanted - priced):
        if name in part.rates:
            entries[name]["rates"] = dict(part.rates[name])
            inventory.notes.add("old prices", name)
        else:
            inventory.notes.add("no price", name)


@contextmanager
def _book(file: Path, now_ns: int) -> Iterator[Connection]:
    """The price book of the state folder, or the shipped one where nothing ran there yet."""
    with tempfile.TemporaryDirectory(prefix="steelyard-") as folder:
        has_run = file.exists()
        database = Database(file if has_run else Path(folder) / "control.db")
        try:
            if not has_run:
                upgrade(database)
                price_lists.seed(database, now_ns)
            with database.read() as connection:
                yield connection
        finally:
            database.close()


def _account(account: Account) -> dict[str, Any]:
    return {
        "path": account.path,
        "policy": account.policy,
        "limits": [_limit(terms) for terms in account.limits],
    }


def _key(key: Key) -> dict[str, Any]:
    expires = key.expires_at_ns
    return {
        "hash": key.secret_hash.hex(),
        "hint": key.hint,
        "account": key.account,
        "name": key.name,
        "expires_at": instant_of(expires).isoformat() if expires is not None else None,
        "is_revoked": key.is_revoked,
        "limits": [_limit(terms) for terms in key.limits],
    }


def _limit(terms: Terms) -> dict[str, Any]:
    if terms.unit is Unit.REQUESTS:
        return {"requests": terms.amount}
    money = f"{format_pico(terms.amount)} {terms.currency}"
    return {"money": money, "period": terms.period.value}
