"""The record: what it holds survives, nothing in it is asked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.record import Record, read, unfinished
from steelyard.control.authenticity.schedule import Slot
from steelyard.domain.errors import Overloaded, StoreUnavailable

ONE, TWO = Slot("suspect", "open-en-00", 0), Slot("reference", "open-en-00", 1)
HEAD = {"suspect": "shop/m", "began_ns": 10}
HEARD = Heard(
    text="a \udcff lone surrogate",
    finish_reason="stop",
    prompt_tokens=3,
    first_s=0.25,
    logprobs=[("a", -0.1), ("b", float("-inf"))],
    model="m",
    call_id="c-1-1",
    cost_pico=12,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "authenticity" / "one.jsonl"


def write(path: Path) -> None:
    with Record(path) as record:
        record.begin(HEAD)
        record.send(ONE, 99)
        record.hear(ONE, HEARD)
        record.send(TWO, 50)


def test_what_was_written_comes_back_and_only_its_owner_reads_it(path: Path) -> None:
    write(path)
    with Record(path) as again:
        assert (again.head, again.heard, again.sent) == (HEAD, {ONE: HEARD}, {ONE: 99, TWO: 50})
        assert again.verdict == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_torn_line_is_cut_off_and_what_follows_stands_on_its_own(path: Path) -> None:
    write(path)
    with path.open("ab") as file:
        file.write(b'{"heard": ["refer')
    assert read(path).heard == {ONE: HEARD}
    with Record(path) as again:
        again.hear(TWO, Heard(text="b"))
    assert set(read(path).heard) == {ONE, TWO}


def test_one_run_at_a_time_writes_it(path: Path) -> None:
    with Record(path), pytest.raises(Overloaded), Record(path):
        pass


def test_somebody_elses_file_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"v": 9, "head": {}}\n')
    with pytest.raises(StoreUnavailable, match="line 1"), Record(path):
        pass
    path.write_text("no JSON\n")
    with pytest.raises(StoreUnavailable, match="move it away"):
        read(path)
    with pytest.raises(StoreUnavailable):
        read(path.with_name("none.jsonl"))


def test_the_same_test_is_found_again_until_it_has_a_verdict_or_is_old(path: Path) -> None:
    write(path)
    (path.parent / "two.jsonl").write_text("no JSON\n")
    folder = path.parent
    assert unfinished(folder, {"suspect": "shop/m"}, 5) == path
    assert unfinished(folder, {"suspect": "shop/n"}, 5) is None
    assert unfinished(folder, {"suspect": "shop/m"}, 11) is None
    before = read(path).digest()
    with Record(path) as record:
        record.end(7)
    assert unfinished(folder, {"suspect": "shop/m"}, 5) is None
    assert read(path).verdict == 7
    assert read(path).digest() == before
    with path.open("ab") as file:
        file.write(b'{"sent": ["suspect", "a", 0], "bound_pico": "1"}\n')
    assert read(path).digest() == before  # what stands behind the verdict is no part of it
