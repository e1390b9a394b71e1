"""Files of lines: whole lines or none, whatever dies or fills up."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from steelyard.weigh.linefile import LineFile, encoded, offset_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "one.jsonl"


def opened(path: Path) -> tuple[LineFile, dict[bytes, int]]:
    file = LineFile(path)
    file.open()
    return file, {line: place for place, line in file.lines()}


def test_lines_come_back_from_where_they_lie(path: Path) -> None:
    file, found = opened(path)
    assert found == {}
    places = [file.append(line) for line in (b"first\n", b"second\n")]
    assert [offset_of(place) for place in places] == [0, 6]
    assert file.read(places[1]) == b"second\n"
    file.close()
    file.close()
    again, found = opened(path)
    assert found == {b"first\n": places[0], b"second\n": places[1]}
    assert again.size == 13
    again.close()


def test_it_is_its_owners_alone(path: Path) -> None:
    file, _ = opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(BlockingIOError):
        opened(path)
    LineFile(path).open(is_locked=False)
    file.close()
    opened(path)[0].close()


def test_a_torn_line_is_cut_off(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"first\nsec")
    file, found = opened(path)
    assert list(found) == [b"first\n"]
    file.append(b"third\n")
    file.close()
    assert path.read_bytes() == b"first\nthird\n"


def test_a_line_without_room_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = opened(path)
    file.append(b"first\n")
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:3]))
    with pytest.raises(OSError, match="no room for a whole line"):
        file.append(b"second\n")
    monkeypatch.undo()
    place = file.append(b"third\n")
    assert file.read(place) == b"third\n"
    assert path.read_bytes() == b"first\nthird\n"
    file.close()


def test_a_new_file_takes_the_place_of_an_old_one(path: Path) -> None:
    old, _ = opened(path)
    old.append(b"old\n")
    new, _ = opened(path.with_suffix(".new"))
    place = new.append(b"new\n")
    new.take_place_of(old)
    assert (path.read_bytes(), new.path, new.read(place)) == (b"new\n", path, b"new\n")
    assert list(path.parent.iterdir()) == [path]
    new.close()


def test_a_lone_surrogate_is_escaped() -> None:
    for text in ("人", "said \ud800"):
        assert json.loads(encoded({"text": text})) == {"text": text}
    assert encoded({"text": "人"}) == '{"text":"人"}\n'.encode()
