import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.domain.tasks import Grade
from steelyard.weigh.runfile import (
    ANSWER_CHARS_KEPT,
    Record,
    RunFile,
    path_of,
    paths_of,
    read_records,
)

RECORD = Record(
    offer="local/small",
    form_digest="f" * 16,
    sample="a",
    grade=Grade(Fraction(2, 3), "wrong or missing: 人数", "{}"),
    finished_at=datetime(2026, 11, 21, 20, 0, 0, 123, tzinfo=UTC),
    answer="said \ud800 this",
    finish_reason="stop",
    input_tokens=10,
    output_tokens=3,
    cost_pico=10**20 + 1,
    currency="CNY",
    time_s=0.25,
    call_id="c-1",
    model_answered="small",
)
FAILED = replace(RECORD, sample="b", grade=Grade.unscored("timed out"), is_answered=False)


def write(path: Path, *records: Record) -> bytes:
    with RunFile(path) as file:
        for record in records:
            file.append(record)
    return path.read_bytes()


def read(path: Path) -> list[Record]:
    with RunFile(path) as file:
        return list(file.records.values())


def test_what_is_written_is_read_again_to_the_last_digit(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "one.jsonl"
    write(path, RECORD, FAILED)
    assert read(path) == [RECORD, FAILED]


def test_the_file_holds_answers_and_is_nobody_else_s(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write(path, RECORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_later_record_of_an_item_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    again = replace(FAILED, grade=Grade(Fraction(1)), is_answered=True)
    write(path, FAILED, again)
    assert read(path) == [again]


def test_any_torn_tail_is_cut_off_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    data = write(path, RECORD, FAILED)
    first = data.index(b"\n") + 1
    for end in (0, 1, first - 1, first, first + 1, len(data) - 1):
        path.write_bytes(data[:end])
        assert len(read(path)) == (end >= first)
        write(path, FAILED)
        assert FAILED in read(path)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[]",
        b'{"v": 2}',
        b"{}",
        b"\xff\xfe",
        b'{"v": 1, "grade": "1/0", "offer": "o"}',
    ],
)
def test_damage_in_the_middle_is_never_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "one.jsonl"
    data = write(path, RECORD)
    path.write_bytes(data + line + b"\n" + data)
    with pytest.raises(StoreUnavailable, match=r"one\.jsonl, line 2 cannot be read"):
        read(path)
    path.write_bytes(data)
    assert read(path) == [RECORD]  # the lock was given up


def test_an_instant_without_a_zone_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(write(path, RECORD).replace(b"+00:00", b""))
    with pytest.raises(StoreUnavailable, match="zone"):
        read(path)


def test_two_weighings_never_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with RunFile(path), pytest.raises(ConfigError, match="another weighing"):
        read(path)
    assert read(path) == []


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "one.jsonl"):
        with pytest.raises(StoreUnavailable, match="run file"):
            read(path)


def test_a_full_disk_leaves_whole_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.jsonl"
    whole = os.write
    with RunFile(path) as file:
        file.append(RECORD)
        monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:7]))
        with pytest.raises(StoreUnavailable, match="no room"):
            file.append(FAILED)
        monkeypatch.setattr(os, "write", whole)
        file.append(FAILED)
    assert read(path) == [RECORD, FAILED]


def test_an_error_of_the_disk_is_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with RunFile(tmp_path / "one.jsonl") as file:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            file.append(RECORD)


def test_of_a_long_answer_the_beginning_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write(path, replace(RECORD, answer="x" * (1 << 20)))
    assert len(read(path)[0].answer) == ANSWER_CHARS_KEPT


def test_a_file_that_is_being_written_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with RunFile(path) as file:
        file.append(RECORD)
        assert list(read_records(path)) == [RECORD]
        with path.open("ab") as torn:
            torn.write(b'{"v":1,"offer"')
        assert list(read_records(path)) == [RECORD]
    path.write_bytes(b'{"v":9}\n')
    with pytest.raises(StoreUnavailable, match="line 1"):
        list(read_records(path))
    with pytest.raises(StoreUnavailable, match="No such file"):
        list(read_records(tmp_path / "none.jsonl"))


def test_a_tasks_run_files_are_found_and_no_other_tasks(tmp_path: Path) -> None:
    marks = ("18ea4760483163a0", f"idle-{'f' * 16}", f"idle-{'f' * 16}-18ea4760483163a0")
    mine = [path_of(tmp_path, "shop/mood", mark) for mark in marks]
    assert mine[0].name == "shop-mood-18ea4760483163a0.jsonl"
    others = [path_of(tmp_path, task, marks[0]) for task in ("shop/mood-swing", "drift-shop/mood")]
    for path in (*mine, *others):
        path.touch()
    assert paths_of(tmp_path, "shop/mood") == sorted(mine)
    assert paths_of(tmp_path / "none", "shop/mood") == []
