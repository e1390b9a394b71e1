"""Accounts, keys and principals.

Accounts form a tree: organisation, department, product line. Ids never change; names may. Keys and
budgets hang on accounts; of a key only its hash is kept.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

KEY_PREFIX = "sk-"
"""What every key that we issue begins with, so that scanners for leaked secrets find it."""
OWN_ACCOUNTS = frozenset(("weighing", "probing", "verifying", "supplying"))
"""Paths of the accounts that steelyard's own calls are made under: their calls may say why they are
made and reach what is quarantined, so nobody else's may be called so."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Account:
    """A node of the tree."""

    account_id: str
    """Immutable, such as ``acc_3``."""
    parent_id: str | None
    name: str
    """Changeable; unique among siblings; lower-case letters, digits, ``.``, ``_``, ``-``."""
    created_at: datetime

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"account name {self.name!r}: lower-case letters, digits, '.', '_', '-', at most 63"
            )


@dataclass(frozen=True, slots=True)
class Key:
    """A virtual API key; the secret itself is shown once and never kept."""

    key_id: str
    secret_hash: bytes
    """SHA-256 of the secret, 32 bytes."""
    hint: str
    """First characters of the secret, for people to tell keys apart."""
    account_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    task: str = ""
    """Task assumed for ``model: auto`` when the call names none."""


def hash_secret(secret: bytes) -> bytes:
    """The 32 bytes under which a key is known.

    Plain SHA-256, not a slow password hash: a key is 256 random bits, which no dictionary holds,
    and this runs on every request.
    """
    return hashlib.sha256(secret).digest()
