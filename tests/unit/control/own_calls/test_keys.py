"""The key of weighings: kept, and replaced when it holds no more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.weighing_rig import weighing_control
from steelyard.control.control import Control
from steelyard.control.own_calls.keys import ACCOUNT, weighing_key
from steelyard.domain.accounts import hash_secret
from steelyard.store import keys, revisions


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = weighing_control(tmp_path)
    yield made
    made.close()


def test_it_is_made_once_and_belongs_to_the_account_weighing(control: Control) -> None:
    first = asyncio.run(weighing_key(control))
    assert asyncio.run(weighing_key(control)) == first
    with control.database.read() as connection:
        (key,) = keys.find(connection, secret_hash=hash_secret(first.encode()))
    assert key.name == ACCOUNT


@pytest.mark.parametrize("loss", ["file", "revoked"])
def test_a_lost_or_revoked_key_is_replaced(control: Control, loss: str) -> None:
    first = asyncio.run(weighing_key(control))
    if loss == "file":
        (control.places.home / "weigh.key").unlink()
    else:
        with control.database.write() as connection:
            change = revisions.begin(connection, 1, "test", "revoked")
            (key,) = keys.find(connection, secret_hash=hash_secret(first.encode()))
            keys.revoke(connection, change, key, "api")
    second = asyncio.run(weighing_key(control))
    assert second != first
    with control.database.read() as connection:
        live = [k for k in keys.find(connection, name=ACCOUNT) if k.revoked_at_ns is None]
    assert [k.secret_hash for k in live] == [hash_secret(second.encode())]
