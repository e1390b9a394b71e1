from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.supervisor import home


def test_home_is_named_by_the_environment_or_lies_in_the_users_folder() -> None:
    assert home.default_home({"STEELYARD_HOME": "/srv/steelyard"}) == Path("/srv/steelyard")
    assert home.default_home({}) == Path.home() / ".steelyard"


def test_runtime_folder_stays_short_however_long_the_state_folder_is(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 200) / ("e" * 100)
    long_runtime = tmp_path / ("r" * 90)
    long_runtime.mkdir()
    for environment in ({}, {"XDG_RUNTIME_DIR": str(long_runtime)}):
        path = home.runtime_path(deep, environment)
        assert len(os.fsencode(path / "worker-9999.http")) <= home.SOCKET_PATH_BYTES_MAX


def test_runtime_folder_differs_by_state_folder_and_is_the_same_for_everyone() -> None:
    one, other = home.runtime_path(Path("/a"), {}), home.runtime_path(Path("/b"), {})
    assert one != other
    assert one == home.runtime_path(Path("/a"), {})


def test_runtime_folder_prefers_the_sessions_own(tmp_path: Path) -> None:
    session = Path("/tmp") / f"steelyard-test-{os.getpid()}"
    session.mkdir()
    try:
        path = home.runtime_path(tmp_path, {"XDG_RUNTIME_DIR": str(session)})
        assert path.parent == session
    finally:
        session.rmdir()


def test_private_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    home.make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folder_laid_out_by_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "trap").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="not a folder of this user"):
        home.make_private(tmp_path / "trap")


def test_second_lock_names_the_first_ones_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "_LOCK_WAIT_S", 0.0)
    lock = home.HomeLock(tmp_path)
    with pytest.raises(ConfigError, match=rf"already runs .*process {os.getpid()}\)"):
        home.HomeLock(tmp_path)
    lock.release()
    home.HomeLock(tmp_path).release()


def test_who_is_started_while_the_killed_one_still_ends_waits_for_it(tmp_path: Path) -> None:
    killed = home.HomeLock(tmp_path)
    ending = threading.Timer(0.2, killed.release)
    ending.start()
    home.HomeLock(tmp_path).release()
    ending.join()


def test_lock_does_not_outlive_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from steelyard.supervisor.home import HomeLock\n"
    )
    code += "lock = HomeLock(Path(sys.argv[1])); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    home.HomeLock(tmp_path).release()


def test_incarnations_never_repeat(tmp_path: Path) -> None:
    lock = home.HomeLock(tmp_path)
    assert [lock.next_incarnation() for _ in range(3)] == [1, 2, 3]
    lock.release()
    lock = home.HomeLock(tmp_path)
    assert lock.next_incarnation() == 4
    assert (tmp_path / "incarnation").read_text() == "4\n"
    lock.release()


def test_incarnations_do_not_come_back_with_an_old_or_lost_file(tmp_path: Path) -> None:
    for name in ("0000001f", ".0000002f-1", "lock"):
        (tmp_path / "journal" / name).mkdir(parents=True)
    lock = home.HomeLock(tmp_path)
    assert lock.next_incarnation() == 0x20
    (tmp_path / "incarnation").write_text("7\n")
    assert lock.next_incarnation() == 0x20
    lock.release()


def test_damaged_incarnation_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    lock = home.HomeLock(tmp_path)
    (tmp_path / "incarnation").write_text("twelve")
    with pytest.raises(ConfigError, match="highest folder name in journal/"):
        lock.next_incarnation()
    lock.release()


def test_state_files_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "engines.json"
    assert home.read_state(path) is None
    home.write_state(path, {"a": [1]})
    assert home.read_state(path) == {"a": [1]}
    path.write_text('{"a":')
    assert home.read_state(path) is None
