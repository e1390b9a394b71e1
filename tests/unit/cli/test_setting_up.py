from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from cli.conftest import FakeApi, as_json


def test_check_for_programs(run: Callable[..., Result], home: Path) -> None:
    (home / "steelyard.yaml").write_text("workers: many\n")
    result = run("check", "--json")
    assert result.exit_code == 2
    assert '"line": 1' in result.stdout
    good = home / "good.yaml"
    good.write_text("workers: 2\n")
    assert as_json(run("check", str(good), "--json")) == {"ok": True, "findings": []}
    assert run("check", str(good)).stdout == f"{good}: good\n"


def test_apply_tells_what_changed(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["POST /api/config/apply"] = {"revision": 3, "changes": ["offers changed"]}
    assert run("apply").stdout == "offers changed\nrevision 3\n"
    api.answers["POST /api/config/apply"] = {"revision": 3, "changes": []}
    assert run("apply").stdout == "nothing changed\nrevision 3\n"


def test_schema_knows_the_keys(run: Callable[..., Result]) -> None:
    assert "offers" in as_json(run("schema"))["properties"]
