from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.conftest import FakeApi
from steelyard.cli import vendors
from steelyard.config.load import load_text
from steelyard.control.configuration.presets import vendor_rows
from steelyard.control.configuration.resolve import RULES
from steelyard.domain.errors import ConfigError, RequestError


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(vendors.app, list(arguments))

    return invoke


def test_vendors_are_listed_with_what_a_channel_needs(
    run: Callable[..., Result], api: FakeApi
) -> None:
    rows = [
        row | {"needs": ["dialect"] if row["name"] == "coze" else []} for row in vendor_rows(None)
    ]
    api.answers["GET /api/vendors"] = {"data": rows}
    lines = run().stdout.splitlines()
    (azure,) = (line for line in lines if line.startswith("azure-openai"))
    assert "openai_chat openai_responses" in azure
    assert "API key, resource" in azure
    (openai,) = (line for line in lines if line.startswith("openai "))
    assert "chat completions embeddings image_edit image_generation speech" in openai
    (coze,) = (line for line in lines if line.startswith("coze"))
    assert "not yet: a dialect" in coze
    assert any(line.startswith("yi (legacy)") for line in lines)
    assert len(json.loads(run("--json").stdout)) == len(vendor_rows(None))


def test_one_vendor_is_told_whole(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["GET /api/vendors"] = {"data": vendor_rows(None, "minimax")}
    shown = run("--name", "minimax").stdout
    for part in ("https://api.minimax.io/v1", "reasoning:think_tag", "MiniMax-M3", "1000000"):
        assert part in shown
    assert api.asked[-1][3] == {"name": "minimax"}
    api.answers["GET /api/vendors"] = {"data": vendor_rows(None, "gemini")}
    assert "longest output" not in run("--name", "gemini").stdout


@pytest.mark.parametrize("vendor", sorted(row["name"] for row in vendor_rows(None)))
def test_what_to_write_into_the_configuration_is_right(
    run: Callable[..., Result], api: FakeApi, vendor: str
) -> None:
    api.answers["GET /api/vendors"] = {"data": vendor_rows(None, vendor)}
    _, _, example = run("--name", vendor).stdout.partition("in steelyard.yaml, for example:\n")
    text = example.replace("TOKENS", "1000").replace("VALUE", "value")
    environment = {name: "k" for name in re.findall(r"\$\{(\w+)\}", text)}
    config = load_text(text, "steelyard.yaml", environment, RULES)
    assert list(config.channels) == [vendor] and len(config.offers) == 1


def test_it_needs_no_running_steelyard(
    run: Callable[..., Result], api: FakeApi, home: Path
) -> None:
    api.is_up = False
    (row,) = json.loads(run("--name", "zhipu", "--json").stdout)
    assert row["credential"] == "API key of the form id.secret"
    home.mkdir(parents=True, exist_ok=True)
    file = home / "steelyard.yaml"
    file.write_text("vendors: {mine: {base_url: 'https://m.example/v1'}}\n", "utf-8")
    assert json.loads(run("--name", "mine", "--json").stdout)[0]["origin"] == "steelyard.yaml"
    assert isinstance(run("--name", "nobody").exception, RequestError)
    file.write_text("vendors: 7\n", "utf-8")
    assert isinstance(run().exception, ConfigError)
