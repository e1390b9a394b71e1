"""Recorded answers are kept for as long as what rests on them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from steelyard.control.authenticity import reference
from steelyard.control.authenticity.reference import keep_pool, kept_pool, path_of
from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.pool import Channel, Pool, write_pool
from steelyard.weigh.authenticity.probes import ProbeAnswer

POOL = Pool("m", "", {"temperature": 1}, {"genuine": Channel({}, (ProbeAnswer("x", "a"),))})


def test_a_pool_outlives_the_file_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.json.gz"
    write_pool(file, POOL)
    kept = keep_pool(str(file), tmp_path / "kept")
    assert kept.pool == POOL
    assert kept.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(reference, "shipped_pools", lambda: {"m": file})
    assert keep_pool("m", tmp_path / "kept") == kept
    file.unlink()
    assert kept_pool(kept.digest, tmp_path / "kept") == POOL
    copy = path_of(tmp_path / "kept", kept.digest)
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.write_bytes(b"changed")
    with pytest.raises(ConfigError, match="gone, or were changed"):
        kept_pool(kept.digest, tmp_path / "kept")


def test_what_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no offer, no file"):
        keep_pool("nothing", tmp_path)
    (tmp_path / "x").write_text("x")
    with pytest.raises(ConfigError, match="no pool"):
        keep_pool(str(tmp_path / "x"), tmp_path)
