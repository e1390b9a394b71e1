"""Recorded answers to the probes, so that a reference need not be asked (and paid) again.

A pool is one ``.json.gz`` file: what was recorded when, from which file by which engine, with which
sampling; then per channel the answers. Those that steelyard carries lie in ``weigh/pools``.

Called by the live side and the bench. A reference is only as good as its sampling: compare answers
with a pool only if the suspect was asked with the same parameters.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["GENUINE", "POOLS_FOLDER", "Channel", "Pool", "read_pool", "shipped_pools", "write_pool"]

POOLS_FOLDER = Path(__file__).parent.parent / "pools"
GENUINE = "genuine"
"""Channel of the reference."""
_SCHEMA = 1
_BYTES_MAX = 256 * 2**20
"""Of a pool when unpacked: a small file may hold a huge one."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What was recorded from one source."""

    about: Mapping[str, str]
    """Where it is from: ``file``, ``sha256``, ``engine``, ``date`` (UTC), and what was done."""
    answers: tuple[ProbeAnswer, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """Recordings of one model, and of others that are sold in its name."""

    model: str
    """Name of the model that channel ``genuine`` is."""
    licence: str
    sampling: Mapping[str, float]
    """Parameters of every call beside ``max_tokens`` and those of ``Probe.sampling``."""
    channels: Mapping[str, Channel]

    @property
    def genuine(self) -> tuple[ProbeAnswer, ...]:
        """The reference: answers of the very model."""
        return self.channels[GENUINE].answers


def shipped_pools() -> dict[str, Path]:
    """Pools that come with steelyard, by name of their model."""
    return {
        path.name.removesuffix(".json.gz"): path for path in sorted(POOLS_FOLDER.glob("*.json.gz"))
    }


def read_pool(path: Path) -> Pool:
    """The pool in a file.

    Raises:
        ConfigError: no such file, or it is no pool.
    """
    try:
        with gzip.open(path) as file:
            text = file.read(_BYTES_MAX + 1)
        if len(text) > _BYTES_MAX:
            raise ConfigError(f"{path.name}: more than {_BYTES_MAX >> 20} MiB when unpacked")
        data = json.loads(text)
        if data["schema"] != _SCHEMA:
            raise ConfigError(f"{path.name}: schema {data['schema']} is not known, only {_SCHEMA}")
        channels = {
            name: Channel(entry["about"], tuple(_answer(row) for row in entry["answers"]))
            for name, entry in data["channels"].items()
        }
        pool = Pool(data["model"], data["licence"], data["sampling"], channels)
    except (
        *(OSError, EOFError, zlib.error, RecursionError),
        *(ValueError, TypeError, KeyError, AttributeError),
    ) as error:
        raise ConfigError(f"{path} is no pool of recorded answers") from error
    if GENUINE not in pool.channels:
        raise ConfigError(f"{path} has no channel {GENUINE}")
    return pool


def write_pool(path: Path, pool: Pool) -> None:
    """Writes a pool; equal pools give equal bytes."""
    data = {
        "schema": _SCHEMA,
        "model": pool.model,
        "licence": pool.licence,
        "sampling": dict(pool.sampling),
        "channels": {
            name: {"about": dict(channel.about), "answers": [_row(a) for a in channel.answers]}
            for name, channel in pool.channels.items()
        },
    }
    # ASCII, since an answer may hold half a surrogate pair.
    path.write_bytes(gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0))


def _row(answer: ProbeAnswer) -> list[Any]:
    """An answer as a list, since names of fields would be most of the file."""
    return [
        answer.probe_id,
        answer.text,
        answer.finish_reason,
        answer.prompt_tokens,
        answer.completion_tokens,
        answer.first_s,
        answer.total_s,
        answer.logprobs,
    ]


def _answer(row: list[Any]) -> ProbeAnswer:
    probe_id, text, finish_reason, prompt_tokens, completion_tokens, first_s, total_s, tops = row
    return ProbeAnswer(
        probe_id=probe_id,
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        first_s=first_s,
        total_s=total_s,
        logprobs=None if tops is None else tuple((token, value) for token, value in tops),
    )
