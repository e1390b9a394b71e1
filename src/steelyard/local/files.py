"""The folder of model files: what is there, whether it is sound, and how it gets there.

The supervisor and the command line call ``ModelStore``. A file stands under its final name only
after its SHA-256 was found right; a stamp beside it spares later starts the hashing. Nothing here
loads a model.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from steelyard.domain.errors import ModelError
from steelyard.local.models import LocalModel
from steelyard.local.packages import PackageSource
from steelyard.local.sources import (
    CHUNK_BYTES,
    GGUF_MAGIC,
    FileSource,
    HubSource,
    Progress,
    Source,
    SourceFailed,
    SourceSettings,
)

_SPARE_BYTES = 64 << 20
"""Disk that a pull leaves free for the journal and everything else."""


def default_folder(env: Mapping[str, str]) -> Path:
    """Return the model folder: STEELYARD_CACHE, else XDG_CACHE_HOME, else ``~/.cache``."""
    if own := env.get("STEELYARD_CACHE"):
        return Path(own).expanduser() / "models"
    home = env.get("HOME") or str(Path.home())
    return Path(env.get("XDG_CACHE_HOME") or f"{home}/.cache") / "steelyard" / "models"


def silent(done: int, total: int, stage: str) -> None:
    """Report no progress."""


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class ModelStore:
    """The model files in one folder.

    Several processes may use one folder at a time: a pull holds a lock on its model, and a second
    one waits and then finds the file.
    """

    def __init__(
        self,
        folder: Path,
        settings: SourceSettings | None = None,
        *,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self.folder = folder
        self._settings = settings or SourceSettings()
        self._free_bytes = free_bytes

    def path(self, model: LocalModel) -> Path:
        """Return where the file of ``model`` lies or will lie."""
        return model.own_path or self.folder / model.file

    def is_present(self, model: LocalModel) -> bool:
        """Tell whether a file of the right size is there, without reading it."""
        path = self.path(model)
        return path.is_file() and path.stat().st_size == model.bytes_total

    def verify(self, model: LocalModel, progress: Progress = silent) -> Path:
        """Return the path of a sound model file; hash it unless its stamp fits.

        Raises:
            ModelError: code ``model_missing`` or ``model_damaged``, with what mends it.
        """
        path = self.path(model)
        if not path.is_file():
            raise ModelError(f"{path} is missing; {_mend(model)}", code="model_missing")
        if model.own_path is not None:
            _check_magic(path)
            return path
        if not self._is_stamped(model):
            size = path.stat().st_size
            if size != model.bytes_total:
                reason = f"has {size} bytes instead of {model.bytes_total}"
            elif _sha256(path, model.bytes_total, progress) != model.sha256:
                reason = "does not have the pinned SHA-256"
            else:
                self._stamp(model)
                return path
            raise ModelError(
                f"{path} is damaged: it {reason}; {_mend(model)}", code="model_damaged"
            )
        return path

    def pull(
        self, model: LocalModel, progress: Progress = silent, source: str | None = None
    ) -> Path:
        """Return the path of the model file after bringing it here if it is not sound already.

        Args:
            model: what to bring; a file of the user's own is only checked.
            progress: told about every step.
            source: the one source to ask, before that of the settings.

        Raises:
            ModelError: code ``model_no_source`` (nobody hands it out), ``model_no_space``.
        """
        if model.own_path is not None:
            return self.verify(model)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock(model):
            try:
                return self.verify(model, progress)
            except ModelError:
                return self._pull(model, progress, source or self._settings.only)

    def _pull(self, model: LocalModel, progress: Progress, only: str | None) -> Path:
        failures: list[str] = []
        sources = self._sources()
        for source in sources:
            if only not in {None, source.name}:
                continue
            if not source.has(model):
                failures.append(f"{source.name}: does not carry it")
                continue
            try:
                self._take(source, model, progress)
            except SourceFailed as error:
                failures.append(f"{source.name}: {error}")
                continue
            except OSError as error:
                reason = f"{self.folder}: {error.strerror or error}"
                raise ModelError(
                    f"cannot store {model.name} in {reason}; make room or set STEELYARD_CACHE",
                    code="model_no_space",
                ) from error
            for other in sources:
                other.forget(model, self.folder)
            return self.path(model)
        raise ModelError(
            f"cannot fetch {model.name} ({'; '.join(failures)}); "
            "connect to the network, or set STEELYARD_MODEL_PATH to a copy of the file",
            code="model_no_source",
        )

    def _take(self, source: Source, model: LocalModel, progress: Progress) -> None:
        """Fetch from one source, verify, and put the file into place."""
        self._check_space(source.space_bytes(model, self.folder) + _SPARE_BYTES, model)
        complete = source.fetch(model, self.folder, progress)
        if _sha256(complete, model.bytes_total, progress) != model.sha256:
            # Kept bytes would fail again at the next try, so it begins anew.
            source.forget(model, self.folder)
            raise SourceFailed("handed out a file with another SHA-256 than pinned")
        _to_disk(complete)
        complete.replace(self.path(model))
        self._stamp(model)

    def _check_space(self, need: int, model: LocalModel) -> None:
        free = self._free_bytes(self.folder)
        if free < need:
            raise ModelError(
                f"{model.name} needs {_mb(need)} MB of disk in {self.folder}, {_mb(free)} MB are "
                "free; make room or set STEELYARD_CACHE to a folder on another disk",
                code="model_no_space",
            )

    def _sources(self) -> list[Source]:
        settings = self._settings
        return [
            FileSource(settings.path),
            HubSource("huggingface", settings),
            HubSource("modelscope", settings),
            PackageSource(settings),
        ]

    def _stamp(self, model: LocalModel) -> None:
        stamp = self._stamp_path(model)
        fresh = stamp.with_suffix(".new")
        fresh.write_text(self._stamp_text(model), "ascii")
        fresh.replace(stamp)

    def _is_stamped(self, model: LocalModel) -> bool:
        stamp = self._stamp_path(model)
        return stamp.is_file() and stamp.read_bytes() == self._stamp_text(model).encode()

    def _stamp_text(self, model: LocalModel) -> str:
        """Return what a file that is still the verified one would be stamped with."""
        found = self.path(model).stat()
        fields = {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": model.sha256}
        return json.dumps(fields) + "\n"

    def _stamp_path(self, model: LocalModel) -> Path:
        return self.folder / f"{model.file}.verified"

    @contextmanager
    def _lock(self, model: LocalModel) -> Iterator[None]:
        with (self.folder / f".{model.file}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file closes, also by a crash
            yield


def _check_magic(path: Path) -> None:
    with path.open("rb") as reader:
        if reader.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise ModelError(
                f"{path} is not a GGUF model file; name one that is", code="model_damaged"
            )


def _mend(model: LocalModel) -> str:
    if model.own_path is not None:
        return "correct the path"
    return f"fetch it with: steelyard models pull {model.alias or model.name}"


def _sha256(path: Path, total: int, progress: Progress) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as reader:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            progress(reader.tell(), total, "verify")
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    """Make the bytes survive a power cut before the name says that they are there."""
    with path.open("r+b") as writer:
        os.fsync(writer.fileno())


def _mb(count: int) -> int:
    return -(-count // 10**6)
