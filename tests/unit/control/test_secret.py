"""Keys and tokens."""

from __future__ import annotations

import stat
from pathlib import Path

from steelyard.control.secret import ensure_token, hint_of, new_key


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
