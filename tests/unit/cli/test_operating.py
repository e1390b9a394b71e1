from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from steelyard import __version__
from steelyard.supervisor import serve as supervisor


def test_version(run: Callable[..., Result]) -> None:
    assert run("version").stdout == f"steelyard {__version__}\n"


def test_serve_hands_its_options_to_the_supervisor(
    run: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def serve(settings: Any, teller: Any) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(supervisor, "serve", serve)
    result = run("serve", "--port", "0", "--workers", "3", "--drain", "1.5")
    assert result.exit_code == 0, result.output
    assert (seen[0].home, seen[0].port, seen[0].workers, seen[0].drain_s) == (home, 0, 3, 1.5)
    assert seen[0].has_demo_key
    assert (home / "steelyard.yaml").exists()
