"""What a suspect is compared with: an offer that is asked now, or answers recorded before.

A pool that a test rests on is copied beside its record, named by its digest: the evidence must be
there for as long as the verdict is, whatever becomes of the file that somebody named.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import ConfigError, StoreUnavailable
from steelyard.weigh.authenticity.pool import Pool, read_pool, shipped_pools

_FOLDER = "pools"


class Kept(NamedTuple):
    """A pool, and where it lies for good."""

    pool: Pool
    digest: str
    """SHA-256 of the file, hexadecimal."""


def keep_pool(named: str, folder: Path) -> Kept:
    """Finds a pool by the name of one that is shipped, or by its path, and keeps a copy.

    Raises:
        ConfigError: there is none.
        StoreUnavailable: it cannot be copied.
    """
    path = shipped_pools().get(named) or Path(named)
    if not path.is_file():
        shipped = ", ".join(shipped_pools()) or "none"
        raise ConfigError(
            f"{named[:256]!r} is no offer, no file, and no pool that is shipped ({shipped})."
        )
    pool = read_pool(path)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    copy = path_of(folder, digest)
    if not copy.exists():
        try:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = copy.with_suffix(".new")
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            beside.replace(copy)
        except OSError as error:
            raise StoreUnavailable(f"{copy.name}: {error.strerror}") from error
    return Kept(pool, digest)


def kept_pool(digest: str, folder: Path) -> Pool:
    """The pool of that digest, as it was when it was kept.

    Raises:
        ConfigError: it is gone, or was changed.
    """
    path = path_of(folder, digest)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise ConfigError(f"the recorded answers {digest[:12]} are gone, or were changed")
    return read_pool(path)


def path_of(folder: Path, digest: str) -> Path:
    """Where the pool of that digest is kept."""
    return folder / _FOLDER / f"{digest}.json.gz"
