"""Secrets that we make ourselves: keys and tokens."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sqlalchemy import Connection

from steelyard.domain.accounts import KEY_PREFIX, hash_secret
from steelyard.store import accounts, keys
from steelyard.store.revisions import Change

_HINT_CHARACTERS = 7


def new_key() -> str:
    """A new key's secret: 256 random bits behind the prefix that scanners know."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hint_of(secret: str) -> str:
    """The beginning of a secret, by which people tell keys apart; 24 random bits at most."""
    return secret[:_HINT_CHARACTERS] + "…"


def put_only_key(connection: Connection, change: Change, account: str, secret: str) -> None:
    """Makes a secret the only key of an account that steelyard itself keeps, and called like it."""
    account_id = accounts.tree(connection).id_by_path.get(account)
    if account_id is None:
        account_id = accounts.add(connection, change, None, account, "api")
    for old in keys.find(connection, account_id=account_id, name=account):
        keys.revoke(connection, change, old, "api")
    new = keys.NewKey(hash_secret(secret.encode()), hint_of(secret), account_id, account)
    keys.add(connection, change, new)


def ensure_token(path: Path) -> str:
    """The token in ``path``; made, mode 0600, if there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token
