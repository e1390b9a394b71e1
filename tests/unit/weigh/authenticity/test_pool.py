import gzip
import json
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity import pool
from steelyard.weigh.authenticity.pool import (
    Channel,
    Pool,
    read_pool,
    shipped_pools,
    write_pool,
)
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe

ANSWERS = (
    ProbeAnswer("open-en-00", "Dog 狗", "stop", 41, 2, None, 0.5, (("Dog", -1.5), ("L", -2.0))),
    ProbeAnswer("open-zh-00", "\ud83d", None),
)
POOL = Pool("m", "Apache-2.0", {"temperature": 1}, {"genuine": Channel({"file": "m"}, ANSWERS)})


def test_a_pool_comes_back_as_it_was_and_equal_pools_are_equal_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json.gz", tmp_path / "other.json.gz"
    write_pool(one, POOL)
    write_pool(other, POOL)
    assert read_pool(one) == POOL
    assert one.read_bytes() == other.read_bytes()
    assert POOL.genuine == ANSWERS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        gzip.compress(b"{}"),
        gzip.compress(b"[]"),
        gzip.compress(b'{"schema":2}'),
        gzip.compress(b"\xff"),
        gzip.compress(b'{"schema":1}')[:-9],
    ],
    # Packed bytes hold the time of packing, and as names of tests would differ between processes.
    ids=["nothing", "not packed", "no schema", "a list", "another schema", "no text", "cut"],
)
def test_a_file_that_is_no_pool_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json.gz"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        read_pool(path)


def test_a_missing_file_and_a_pool_without_reference_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_pool(tmp_path / "none.json.gz")
    path = tmp_path / "bare.json.gz"
    bare = {"schema": 1, "model": "m", "licence": "", "sampling": {}, "channels": {}}
    path.write_bytes(gzip.compress(json.dumps(bare).encode()))
    with pytest.raises(ConfigError, match="no channel genuine"):
        read_pool(path)


@pytest.mark.parametrize("name", sorted(shipped_pools()))
def test_a_shipped_pool_fits_the_shipped_probes(name: str) -> None:
    pool = read_pool(shipped_pools()[name])
    assert pool.model == name
    for channel in pool.channels.values():
        assert channel.about.keys() >= {"file", "sha256", "engine", "date"}
        for answer in channel.answers:
            assert find_probe(answer.probe_id).max_tokens >= (answer.completion_tokens or 0)
    opens = [a for a in pool.genuine if find_probe(a.probe_id).kind is Kind.OPEN]
    assert len(opens) >= 500


def test_a_small_file_that_holds_a_huge_one_or_a_torn_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(bytes(1_000_000)))
    monkeypatch.setattr(pool, "_BYTES_MAX", 999_999)
    with pytest.raises(ConfigError, match="when unpacked"):
        read_pool(path)
    path.write_bytes(path.read_bytes()[:20] + b"\xff" * 40)
    with pytest.raises(ConfigError, match="no pool"):
        read_pool(path)
    path.write_bytes(gzip.compress(b"[" * 100_000))
    with pytest.raises(ConfigError, match="no pool"):
        read_pool(path)
