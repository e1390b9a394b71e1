from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steelyard.cli import offline
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.domain.errors import StoreUnavailable
from steelyard.supervisor.api import ApiError


def test_nothing_was_ever_booked(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nothing is booked"):
        offline.get(tmp_path, tmp_path, "/api/ledger", {})


@pytest.fixture
def _one_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped book is made once for all questions of a test: it takes a second or two."""
    make, kept = offline._shipped_book, tmp_path / "book"

    @contextmanager
    def made() -> Iterator[Path]:
        if not kept.exists():
            with make() as folder:
                shutil.copytree(folder, kept)
            assert not folder.exists()
        yield kept

    monkeypatch.setattr(offline, "_shipped_book", made)


@pytest.mark.usefixtures("_one_book")
def test_the_market_is_known_before_anything_ran(tmp_path: Path) -> None:
    home = tmp_path / "none"
    asked = {"input": "1M", "output": "200k", "model": "qwen-long"}
    found = offline.get(home, home, "/api/prices/compare", asked)
    (row,) = found["priced"]
    assert (row["vendor"], row["home_amount"]) == ("Alibaba", "0.9")
    claims = offline.get(home, home, "/api/prices/claims", {})
    assert (len(claims["data"]), claims["unexplained"]) == (11, 0)
    query = {"source": "facts", "dry_run": "1"}
    assert offline.post(home, home, "/api/prices/import", b"facts: []\n", query)["state"] == "ready"
    with pytest.raises(StoreUnavailable, match="nothing is booked"):
        offline.post(home, home, "/api/prices/import", b"facts: []\n", {"source": "facts"})
    assert not home.exists()


def test_answers_as_control_would(tmp_path: Path) -> None:
    (tmp_path / "steelyard.yaml").write_text("accounts: {demo: }\n")
    control = Control(Places(tmp_path, tmp_path, 1), {})
    control.prepare()
    control.close()
    before = time.time_ns()
    assert offline.get(tmp_path, tmp_path, "/api/ledger", {"by": "account"})["data"] == []
    accounts = offline.get(tmp_path, tmp_path, "/api/accounts", {})["data"]
    assert [row["path"] for row in accounts] == ["demo"]
    with pytest.raises(ApiError, match="cannot group by"):
        offline.get(tmp_path, tmp_path, "/api/ledger", {"by": "mood"})
    assert (tmp_path / "steelyard.yaml").stat().st_mtime_ns < before, "nothing was written"


def test_a_list_is_taken_over_while_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "steelyard.yaml").write_text("{}\n")
    control = Control(Places(tmp_path, tmp_path, 1), {})
    control.prepare()
    control.close()
    data = b"facts: []\n"
    query = {"source": "facts", "name": "mine.yaml"}
    path = "/api/prices/import"
    assert offline.post(tmp_path, tmp_path, path, data, query)["state"] == "taken"
    assert offline.post(tmp_path, tmp_path, path, data, query)["state"] == "same"
    names = [
        row["name"] for row in offline.get(tmp_path, tmp_path, "/api/prices/lists", {})["data"]
    ]
    assert "mine.yaml" in names
    with pytest.raises(ApiError, match="text"):
        offline.post(tmp_path, tmp_path, "/api/config/check", {})
