from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline
from steelyard.cli.prices import claims
from steelyard.domain.errors import ConfigError


def reading(**more: Any) -> dict[str, Any]:
    base = {"says": "it", "reading": "", "shown": "1 %", "fits": None, "problem": "", "inputs": []}
    return {**base, **more}


FOUND = {
    "data": [
        {
            "id": "one",
            "published": "2024-05-21",
            "text": "Something was said.",
            "status": "holds with condition",
            "limits": ["m: 800,000 tpm"],
            "differences": ["one: 1, not 2"],
            "computed": [
                reading(
                    reading="input",
                    fits=True,
                    inputs=[{"what": "m input", "value": "1 CNY/mtok", "reference": "b1"}],
                ),
                reading(fits=False),
                reading(shown=None, problem="no price"),
            ],
        }
    ],
    "unexplained": 1,
}


@pytest.fixture
def prices(api: FakeApi) -> Callable[..., Result]:
    app = typer.Typer()
    app.callback()(lambda: None)
    claims.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_claims_are_shown_with_what_they_come_to(
    prices: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["GET /api/prices/claims"] = FOUND
    shown = prices("claims").stdout
    for part in (
        "2024-05-21 Something was said.",
        "input: 1 % (as claimed)",
        "m input = 1 CNY/mtok",
        "it: 1 % (not so)",
        "it: unknown: no price",
        "under the limit of m: 800,000 tpm",
        "not as expected: one: 1, not 2",
        "1 claims, 1 not as their file expects",
    ):
        assert part in shown
    assert shown.count("holds with condition") == 1
    assert as_json(prices("claims", "--json")) == FOUND


def test_ones_own_claims_are_sent(
    prices: Callable[..., Result],
    api: FakeApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("claims: []")
    api.answers["POST /api/prices/claims"] = FOUND
    assert as_json(prices("claims", "--file", str(file), "--json")) == FOUND
    assert api.asked[-1][2] == {"text": "claims: []"}
    api.is_up = False
    monkeypatch.setattr(offline, "get", lambda _h, _r, _p, query: {**FOUND, "query": query})
    sent = as_json(prices("claims", "--file", str(file), "--json"))["query"]
    assert sent == {"text": "claims: []"}


def test_a_file_that_cannot_be_read_is_named(prices: Callable[..., Result], tmp_path: Path) -> None:
    result = prices("claims", "--file", str(tmp_path / "none.yaml"))
    assert isinstance(result.exception, ConfigError) and "none.yaml" in result.exception.message
