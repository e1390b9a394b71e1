from pathlib import Path

import msgspec
import pytest

from gateway.plain_core import core, task
from steelyard.domain.errors import SchemaMismatch, StoreUnavailable
from steelyard.gateway import snapshot


def test_a_core_comes_back_whole(tmp_path: Path) -> None:
    made = core(tasks={"t": task(settings={"temperature": 0.0, "stop": ["\n"]})})
    snapshot.write(tmp_path, made)
    found = snapshot.load(tmp_path)
    assert snapshot.decode_offers(found.models["m"]) == snapshot.decode_offers(made.models["m"])
    assert found.tasks == made.tasks
    assert found.exchange == made.exchange
    assert [p.name for p in tmp_path.iterdir()] == [snapshot.CORE_FILE]


def test_a_loaded_core_can_be_written_again(tmp_path: Path) -> None:
    snapshot.write(tmp_path, core())
    snapshot.write(tmp_path, snapshot.load(tmp_path))
    assert snapshot.load(tmp_path).revision == 7


def test_another_format_is_named(tmp_path: Path) -> None:
    snapshot.write(tmp_path, core(format=99))
    with pytest.raises(SchemaMismatch, match="99"):
        snapshot.load(tmp_path)


def test_missing_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no snapshot yet"):
        snapshot.load(tmp_path)
    assert snapshot.load_secrets(tmp_path) == {}
    assert snapshot.load_revoked(tmp_path) == []
    for name in (snapshot.CORE_FILE, snapshot.SECRETS_FILE, snapshot.REVOKED_FILE):
        (tmp_path / name).write_bytes(b"\xc1")
    for load in (snapshot.load, snapshot.load_secrets, snapshot.load_revoked):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            load(tmp_path)


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    snapshot.write_secrets(tmp_path, {"vendor": "sk"})
    path = tmp_path / snapshot.SECRETS_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert snapshot.load_secrets(tmp_path) == {"vendor": "sk"}
    snapshot.write_revoked(tmp_path, [b"h" * 32])
    assert snapshot.load_revoked(tmp_path) == [b"h" * 32]


def test_what_an_older_writer_left_out_takes_its_default() -> None:
    short = msgspec.msgpack.encode(["key_1", "acc_1"])
    record = msgspec.msgpack.decode(short, type=snapshot.KeyRecord)
    assert record == snapshot.KeyRecord("key_1", "acc_1")
