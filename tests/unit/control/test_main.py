"""The entry: a database of a later version ends it with one clear line."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from steelyard.control.main import main
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade


def test_a_newer_database_is_one_line_and_exit_2(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "umask", lambda _: 0)  # this process goes on with other tests
    database = Database(tmp_path / "control.db")
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with caplog.at_level(logging.CRITICAL):
        code = main(["--home", str(tmp_path), "--runtime", str(tmp_path), "--port", "1"])
    assert code == 2
    assert "made by a newer steelyard" in caplog.text


def test_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--home" in capsys.readouterr().err
