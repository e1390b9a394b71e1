"""The configuration as a start needs it: the file is there, and what of it the supervisor obeys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steelyard.config.load import load
from steelyard.config.presets import default_text
from steelyard.domain.errors import ConfigError
from steelyard.supervisor.settings import Settings, cores

FILE = "steelyard.yaml"
LARGE = "qwen2.5-coder-1.5b-instruct"
_MEDIUM_LINE = re.compile(r"^( +)qwen2\.5-coder-0\.5b-instruct:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says over the file."""

    host: str | None = None
    port: int | None = None
    workers: int | None = None
    drain_s: float = 30.0
    is_large: bool = False


def read_settings(
    home: Path, runtime: Path, wanted: Wanted, environment: Mapping[str, str]
) -> Settings:
    """The settings of a run; writes the file with its defaults if there is none.

    Raises:
        ConfigError: the file has mistakes, or cannot be read or written.
    """
    file = ensure_file(home, wanted.is_large)
    config = load(file, environment)
    host, _, port = config.listen.rpartition(":")
    return Settings(
        home=home,
        runtime=runtime,
        host=wanted.host or host.strip("[]") or "0.0.0.0",  # noqa: S104 - ":8080" says so
        port=int(port) if wanted.port is None else wanted.port,
        workers=wanted.workers or config.workers or cores(),
        drain_s=wanted.drain_s,
        has_demo_key=config.demo_key,
    )


def ensure_file(home: Path, is_large: bool = False) -> Path:
    """The configuration file, written with its defaults on a first start.

    Raises:
        ConfigError: it cannot be written, or has no place for the large model.
    """
    file = home / FILE
    try:
        before = file.read_text("utf-8") if file.exists() else None
        text = default_text() if before is None else before
        text = _with_large(text, file) if is_large else text
        if text != before:
            file.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    return file


def _with_large(text: str, file: Path) -> str:
    if re.search(rf"^ +{re.escape(LARGE)}:", text, re.MULTILINE):
        return text
    medium = _MEDIUM_LINE.search(text)
    if medium is None:
        raise ConfigError(f"--large finds no place in {file}; write {LARGE} under local.models")
    return f"{text[: medium.end()]}\n{medium[1]}{LARGE}: {{}}{text[medium.end() :]}"
