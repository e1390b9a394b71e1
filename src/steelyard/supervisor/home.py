"""The state folder: its lock, its runtime folder, and the worker incarnations it has handed out.

Layout: ``docs/design/interfaces.md``. Whoever holds the lock is the only supervisor of the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError

_LOCK_WAIT_S = 1.0
"""A supervisor that was killed has let go of its lock within this time: a process that is just
writing to the disk ends when that is done."""
SOCKET_PATH_BYTES_MAX = 107
"""What ``sun_path`` holds on Linux, without the closing zero (unix(7))."""
_JOURNAL = re.compile(r"[0-9a-f]{8}")
_LONGEST_SOCKET_NAME = "worker-9999.http"


def default_home(environment: Mapping[str, str]) -> Path:
    """The state folder that ``STEELYARD_HOME`` names, else ``~/.steelyard``; absolute."""
    named = environment.get("STEELYARD_HOME")
    return Path(named).expanduser().absolute() if named else Path.home() / ".steelyard"


def runtime_path(home: Path, environment: Mapping[str, str]) -> Path:
    """Where the sockets of ``home`` lie: short, and the same for everyone who asks.

    Socket paths are bounded by the kernel, the state folder's own path is not.
    """
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    base = environment.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir():
        path = Path(base) / f"steelyard-{digest}"
        if len(os.fsencode(path / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return path
    return Path("/tmp") / f"steelyard-{os.getuid()}-{digest}"  # noqa: S108 - checked by make_private


def make_private(folder: Path) -> None:
    """Makes ``folder`` with mode 0700, or holds an existing one to that.

    Raises:
        ConfigError: it belongs to somebody else or is no folder, as one laid out in ``/tmp`` by
            another user would be.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ConfigError(f"{folder} is not a folder of this user; remove it")
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)


def is_laid_by_another(folder: Path) -> bool:
    """Whether the folder is somebody else's trap: its name in ``/tmp`` can be guessed by all.

    Who talks to what lies in such a folder hands his secrets over.
    """
    try:
        status = folder.lstat()
    except OSError:
        return False
    return not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid()


class HomeLock:
    """The exclusive lock of a state folder; the kernel lets go of it when the process dies."""

    def __init__(self, home: Path) -> None:
        """Takes the lock.

        Raises:
            ConfigError: another supervisor holds it, or the folder cannot be written.
        """
        self._home = home
        try:
            self._fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot write to {home}: {error.strerror}") from error
        try:
            self._take()
        except BlockingIOError as error:
            owner = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise ConfigError(
                f"steelyard already runs on {home} (process {owner});"
                " stop it, or set STEELYARD_HOME to another folder"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _take(self) -> None:
        deadline_s = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    raise
            time.sleep(0.05)

    def release(self) -> None:
        """Lets go of the lock; the file stays, so that everyone locks the same inode."""
        os.close(self._fd)

    def next_incarnation(self) -> int:
        """A number that no worker of this folder has had before, on disk before it is returned.

        Raises:
            ConfigError: the file holds something else than a number.
        """
        path = self._home / "incarnation"
        # A file that was lost or came back from a backup must not bring numbers back.
        used = [f.name for f in self._home.glob("journal/*") if _JOURNAL.fullmatch(f.name)]
        last = max((int(name, 16) for name in used), default=0)
        try:
            last = max(last, int(path.read_text("ascii")))
        except FileNotFoundError:
            pass
        except ValueError as error:
            raise ConfigError(
                f"{path} is damaged; write into it the highest folder name in journal/ as a"
                " decimal number"
            ) from error
        write_durably(path, f"{last + 1}\n".encode())
        return last + 1


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replaces ``path`` as a whole; it is on disk when this returns."""
    beside = path.with_name(f".{path.name}.new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(fd, mode)
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_state(path: Path, state: Any) -> None:
    """Replaces a JSON file in the runtime folder as a whole; need not survive a reboot."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(state, indent=1) + "\n", "utf-8")
    beside.replace(path)


def read_state(path: Path) -> Any:
    """What a JSON file in the runtime folder says; None while it is not there or half written."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
