from __future__ import annotations

import os
from pathlib import Path

import pytest

from steelyard.supervisor import logs


def write(log: logs.Log, text: str) -> None:
    fd = log.open()
    os.write(fd, text.encode())
    os.close(fd)


def test_only_important_lines_are_shown_and_each_once(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "logs" / "worker-0.log")
    assert log.look() == []
    write(log, "10:00 INFO started\n10:01 ERROR snapshot not taken\nValueError: no\n")
    assert log.look() == ["10:01 ERROR snapshot not taken", "ValueError: no"]
    assert log.look() == []
    write(log, "10:02 WARNING slow\n")
    assert log.look() == ["10:02 WARNING slow"]


def test_a_flood_is_shown_in_part_only(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "w.log")
    letters = "abcdefghij"
    write(log, "".join(f"ERROR {a}{b}\n" for a in letters for b in letters))
    assert log.look() == [f"ERROR j{b}" for b in "fghij"]


def test_a_fault_of_every_call_is_told_once_a_minute(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "w.log")
    write(log, "10:00 ERROR call c-1-1 failed\n10:00 ERROR call c-1-2 failed\n")
    assert log.look() == ["10:00 ERROR call c-1-1 failed"]
    for _ in range(logs.LOOKS_SILENT - 1):
        write(log, "10:01 ERROR call c-2-7 failed\n")
        assert log.look() == []
    write(log, "10:02 ERROR call c-2-8 failed\n")
    assert log.look() == ["10:02 ERROR call c-2-8 failed"]


def test_file_stays_bounded_while_the_child_goes_on_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 1000)
    log = logs.Log(tmp_path / "w.log")
    fd = log.open()
    os.write(fd, b"x" * 1500 + b"\n")
    log.look()
    os.write(fd, b"ERROR after\n")
    os.close(fd)
    assert log.path.read_bytes() == b"ERROR after\n"
    assert (tmp_path / "w.log.1").stat().st_size == 1501
    assert log.look() == ["ERROR after"]


def test_last_words_of_a_child(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "w.log")
    assert log.last_line() == ""
    write(log, "Traceback\n  File x\nModuleNotFoundError: no such thing\n\n")
    assert log.last_line() == "ModuleNotFoundError: no such thing"


def test_what_was_there_before_the_start_is_not_news(tmp_path: Path) -> None:
    (tmp_path / "w.log").write_text("ERROR of last week\n")
    assert logs.Log(tmp_path / "w.log").look() == []


def test_a_log_that_cannot_be_set_aside_is_cut_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 1000)
    (tmp_path / "w.log.1").mkdir()  # stands for a disk that is full
    log = logs.Log(tmp_path / "w.log")
    write(log, "ERROR " + "x" * 1500 + "\n")
    assert len(log.look()) == 1
    assert log.path.stat().st_size == 0


def test_a_log_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    log = logs.Log(tmp_path / "w.log")
    log.path.mkdir()
    assert log.look() == []
    assert log.last_line() == ""
