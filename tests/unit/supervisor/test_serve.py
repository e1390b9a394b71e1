from __future__ import annotations

import threading
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.supervisor import home, sockets
from steelyard.supervisor.home import HomeLock
from steelyard.supervisor.serve import listen, serve
from steelyard.supervisor.settings import Settings
from supervisor.conftest import Notes


def test_second_supervisor_of_a_folder_starts_nothing(
    tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "_LOCK_WAIT_S", 0.0)
    settings = Settings(tmp_path / "home", tmp_path / "run", port=0)
    settings.home.mkdir()
    lock = HomeLock(settings.home)
    with pytest.raises(ConfigError, match="already runs"):
        serve(settings, notes)
    lock.release()
    assert notes.said == []


def test_port_taken_lets_go_of_the_lock(
    tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "BIND_WAIT_S", 0.0)
    with sockets.bind("127.0.0.1", 0, 1)[0] as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match="is taken"):
            serve(Settings(tmp_path / "home", tmp_path / "run", port=port), notes)
    HomeLock(tmp_path / "home").release()


def test_who_follows_a_killed_one_waits_for_its_workers_to_let_go_of_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "BIND_WAIT_S", 0.0)
    left_over = sockets.bind("127.0.0.1", 0, 1)[0]
    settings = Settings(tmp_path, tmp_path, port=left_over.getsockname()[1])
    with pytest.raises(ConfigError, match="is taken"):
        listen(settings)
    (tmp_path / "processes.json").touch()  # as only a kill leaves it
    closing = threading.Timer(0.3, left_over.close)
    closing.start()
    (listener,) = listen(settings)
    listener.close()
    closing.join()
