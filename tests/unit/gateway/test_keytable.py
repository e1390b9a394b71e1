import hashlib
from pathlib import Path

import pytest

from gateway.plain_core import RPM
from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway import keytable
from steelyard.gateway.keytable import KeyTable
from steelyard.gateway.snapshot import KeyRecord


def _rows(count: int) -> list[tuple[bytes, KeyRecord]]:
    return sorted(
        (hashlib.sha256(b"%d" % n).digest(), KeyRecord(f"key_{n}", "acc_1", expires_at_ns=n))
        for n in range(count)
    )


def test_fifty_thousand_keys_are_found_and_strangers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "keys.table"
    rows = _rows(50_000)
    assert keytable.write(path, iter(rows), len(rows)) == 50_000
    table = KeyTable(path)
    assert table.count == 50_000
    assert all(table.find(secret_hash) == record for secret_hash, record in rows)
    assert all(table.find(hashlib.sha256(b"x%d" % n).digest()) is None for n in range(5_000))
    assert table.find(b"\x00" * 32) is table.find(b"\xff" * 32) is None
    table.close()
    assert [p.name for p in tmp_path.iterdir()] == ["keys.table"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("guess", [0, 1, 1_000_000])
def test_any_guess_of_the_count_gives_a_sound_table(tmp_path: Path, count: int, guess: int) -> None:
    path = tmp_path / "keys.table"
    rows = _rows(count)
    keytable.write(path, rows, min(guess, 4096))
    table = KeyTable(path)
    assert [table.find(secret_hash) for secret_hash, _ in rows] == [record for _, record in rows]
    table.close()


def test_all_of_a_record_comes_back(tmp_path: Path) -> None:
    record = KeyRecord("key_1", "acc_1", "shop/intent", 12, (RPM, RPM))
    row = (b"\x7f" * 32, record)
    keytable.write(tmp_path / "k", [row], 1)
    table = KeyTable(tmp_path / "k")
    assert table.find(b"\x7f" * 32) == record
    table.close()


def test_a_reader_keeps_the_table_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keytable.write(path, _rows(2), 2)
    before = KeyTable(path)
    keytable.write(path, [], 0)
    assert before.find(_rows(2)[0][0]) is not None
    after = KeyTable(path)
    assert after.find(_rows(2)[0][0]) is None
    before.close()
    after.close()


@pytest.mark.parametrize(
    "rows",
    [
        [(b"b" * 32, KeyRecord("k", "a")), (b"a" * 32, KeyRecord("k", "a"))],
        [(b"a" * 32, KeyRecord("k", "a"))] * 2,
        [(b"a" * 31, KeyRecord("k", "a"))],
    ],
)
def test_rows_must_ascend(tmp_path: Path, rows: list[tuple[bytes, KeyRecord]]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        keytable.write(tmp_path / "k", rows, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keytable.write(path, _rows(100), 100)
    sound = path.read_bytes()
    for damaged in (b"", b"x", sound[:-1], sound[:40], sound + b"x", b"OTHER" + sound[5:]):
        path.write_bytes(damaged)
        with pytest.raises(StoreUnavailable, match="key table"):
            KeyTable(path)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        KeyTable(tmp_path / "missing")
