"""The project's files as the tests of this folder look at them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "steelyard"


@cache
def modules() -> tuple[Path, ...]:
    """Every module we ship."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project, be it tracked or new, but for what is ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).stdout
    names = [name for name in listed.decode().split("\0") if name]
    if not names:  # an unpacked archive without git
        return tuple(p for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts)
    return tuple(ROOT / name for name in names if (ROOT / name).is_file())


def name_of(path: Path) -> str:
    """The file as people write it, from the root of the project."""
    return path.relative_to(ROOT).as_posix()
