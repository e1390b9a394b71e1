"""Keys and tokens."""

from __future__ import annotations

import stat
from pathlib import Path

from steelyard.control.secret import ensure_token, hint_of, new_key, put_only_key
from steelyard.domain.accounts import hash_secret
from steelyard.store import accounts, keys, revisions
from steelyard.store.database import Database


def test_keys_are_long_random_and_recognisable() -> None:
    found = {new_key() for _ in range(100)}
    assert len(found) == 100
    assert all(key.startswith("sk-") and len(key) == 46 for key in found)


def test_a_hint_gives_little_away() -> None:
    assert hint_of("sk-abcdefghijklmnop") == "sk-abcd…"


def test_a_token_is_made_once_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = ensure_token(path)
    assert len(token) >= 43
    assert ensure_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_account_of_our_own_has_one_key_at_a_time(database: Database) -> None:
    with database.write() as connection:
        change = revisions.begin(connection, 1, "test", "keys")
        for secret in ("sk-first", "sk-second"):
            put_only_key(connection, change, "weighing", secret)
        account_id = accounts.tree(connection).id_by_path["weighing"]
        found = keys.find(connection, account_id=account_id, name="weighing")
    live = [key for key in found if key.revoked_at_ns is None]
    assert [key.secret_hash for key in live] == [hash_secret(b"sk-second")]
    assert len(found) == 2
