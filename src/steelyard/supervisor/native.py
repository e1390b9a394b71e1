"""Finds the compiled copy of the request path, if one was built from this very source.

`make native` compiles the modules that every call passes with mypyc into a folder beside the
environment's packages. Workers run from it when its digest fits the source; otherwise they run the
source as it is, with the same results and about twice the CPU. So a compiled copy can be absent,
and it can never be out of date.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

SWITCH = "STEELYARD_NATIVE"
"""Environment variable; ``off`` has workers run the source."""
DIGEST_FILE = "digest"
_PACKAGES = ("domain", "pricebook", "dialects", "wire", "journal", "gateway")
"""What a worker is made of."""


def native_folder() -> Path:
    """Where the compiled copy lies: in the environment that it was built for."""
    return Path(sys.prefix) / "steelyard-native"


def source_digest(package: Path) -> str:
    """SHA-256 over interpreter and source of a worker, as hex digits.

    Args:
        package: the folder of the package ``steelyard``.
    """
    digest = hashlib.sha256(sys.version.encode())
    for part in _PACKAGES:
        for file in sorted((package / part).rglob("*.py")):
            digest.update(file.relative_to(package).as_posix().encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def compiled_copy(environment: Mapping[str, str]) -> Path | None:
    """The folder to import a worker from, or None: there is no copy of this very source."""
    if environment.get(SWITCH, "") == "off":
        return None
    folder = native_folder()
    try:
        built_from = (folder / DIGEST_FILE).read_text("ascii").strip()
    except OSError:
        return None
    return folder if built_from == source_digest(Path(__file__).parents[1]) else None


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a worker process: with the compiled copy first, if there is one."""
    folder = compiled_copy(environment)
    if folder is None:
        return dict(environment)
    paths = [str(folder), *filter(None, [environment.get("PYTHONPATH", "")])]
    return {**environment, "PYTHONPATH": ":".join(paths)}
