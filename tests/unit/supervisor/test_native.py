"""A compiled copy is used when it was built from this very source, and never else."""

from pathlib import Path

import pytest

from steelyard.supervisor import native


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled copy of the source under test."""
    monkeypatch.setattr(native, "native_folder", lambda: tmp_path)
    package = Path(native.__file__).parents[1]
    (tmp_path / native.DIGEST_FILE).write_text(native.source_digest(package) + "\n")
    return tmp_path


def test_workers_import_a_fitting_copy_first(copy: Path) -> None:
    environment = native.worker_environment({"PYTHONPATH": "/elsewhere", "HOME": "/root"})
    assert environment == {"PYTHONPATH": f"{copy}:/elsewhere", "HOME": "/root"}
    assert native.worker_environment({}) == {"PYTHONPATH": str(copy)}


def test_a_copy_of_another_source_is_passed_over(copy: Path) -> None:
    (copy / native.DIGEST_FILE).write_text("0" * 64)
    assert native.compiled_copy({}) is None
    assert native.worker_environment({"HOME": "/root"}) == {"HOME": "/root"}


def test_the_copy_can_be_switched_off_and_be_missing(copy: Path) -> None:
    assert native.compiled_copy({native.SWITCH: "off"}) is None
    (copy / native.DIGEST_FILE).unlink()
    assert native.compiled_copy({}) is None


def test_the_digest_sees_every_change_of_a_worker(tmp_path: Path) -> None:
    (tmp_path / "wire").mkdir()
    file = tmp_path / "wire" / "sse.py"
    file.write_text("a = 1\n")
    before = native.source_digest(tmp_path)
    file.write_text("a = 2\n")
    changed = native.source_digest(tmp_path)
    (tmp_path / "wire" / "more.py").write_text("")
    assert len({before, changed, native.source_digest(tmp_path)}) == 3
