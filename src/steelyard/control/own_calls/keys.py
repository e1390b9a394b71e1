"""Keys that control itself calls under, so that its calls are booked like anybody's traffic."""

from __future__ import annotations

import os

from sqlalchemy import Connection

from steelyard.control.control import Control
from steelyard.control.secret import new_key, put_only_key
from steelyard.domain.accounts import hash_secret
from steelyard.store import keys
from steelyard.store.revisions import Change

ACCOUNT = "weighing"
KNOWN_WITHIN_S = 15.0
"""Workers hear of a new key in far less; who waits longer waits for a gateway that is not there."""


async def weighing_key(control: Control) -> str:
    """The secret of the key for weighings; see ``own_key``.

    Raises:
        StoreError: the database cannot be used.
    """
    return await own_key(control, ACCOUNT, "weigh.key")


async def own_key(control: Control, account: str, file_name: str) -> str:
    """The secret of a key of ``account``; made once, kept in the state folder, of mode 0600.

    A key that was revoked, or whose file was lost, is replaced.

    Raises:
        StoreError: the database cannot be used.
    """
    path = control.places.home / file_name
    secret = path.read_text("ascii").strip() if path.exists() else ""
    secret_hash = hash_secret(secret.encode())
    known = await control.read(lambda c: keys.find(c, secret_hash=secret_hash))
    if secret and any(key.revoked_at_ns is None for key in known):
        return secret
    secret = new_key()

    def work(connection: Connection, change: Change) -> None:
        put_only_key(connection, change, account, secret)

    await control.write(account, f"a key for {account}", work)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    control.publisher.core.want()
    control.publisher.keys.want()
    return secret
