from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.config.presets import default_text
from steelyard.domain.errors import ConfigError
from steelyard.supervisor.configuration import LARGE, Wanted, ensure_file, read_settings


def test_first_start_writes_the_defaults_and_later_ones_leave_the_file_alone(
    tmp_path: Path,
) -> None:
    file = ensure_file(tmp_path)
    assert file.read_text("utf-8") == default_text()
    file.write_text("workers: 3\n")
    ensure_file(tmp_path)
    assert file.read_text("utf-8") == "workers: 3\n"


def test_large_adds_one_line_once(tmp_path: Path) -> None:
    ensure_file(tmp_path)
    file = ensure_file(tmp_path, is_large=True)
    once = file.read_text("utf-8")
    assert once.count(f"\n    {LARGE}:") == 1
    ensure_file(tmp_path, is_large=True)
    assert file.read_text("utf-8") == once
    settings = read_settings(tmp_path, tmp_path, Wanted(), {})
    assert settings.has_demo_key


def test_large_without_a_place_says_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "steelyard.yaml").write_text("workers: 3\n")
    with pytest.raises(ConfigError, match="write .* under local.models"):
        ensure_file(tmp_path, is_large=True)


def test_command_line_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "steelyard.yaml").write_text("listen: '[::1]:9000'\nworkers: 3\n")
    from_file = read_settings(tmp_path, tmp_path, Wanted(), {})
    assert (from_file.host, from_file.port, from_file.workers) == ("::1", 9000, 3)
    assert not from_file.has_demo_key
    told = read_settings(tmp_path, tmp_path, Wanted("127.0.0.1", 0, 1), {})
    assert (told.host, told.port, told.workers) == ("127.0.0.1", 0, 1)


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        ensure_file(tmp_path / "missing")
