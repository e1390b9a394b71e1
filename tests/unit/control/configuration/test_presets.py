"""What people are told of vendors: presets and one's own, with who uses them."""

from __future__ import annotations

import pytest

from steelyard.config.load import load_text
from steelyard.config.presets import packaged_vendors
from steelyard.control.configuration.presets import vendor_rows
from steelyard.domain.errors import RequestError

OWN = """
vendors:
  mine: {base_url: "https://{zone}.mine.example/v1", parameters: {zone: where}, title: Mine}
  openai: {base_url: https://relay.example/v1, title: Our relay, source: us}
channels:
  b: {vendor: mine, parameters: {zone: z}}
  a: {vendor: mine, parameters: {zone: z}}
"""


def test_all_packaged_vendors_are_told_but_the_engines_of_this_machine() -> None:
    rows = {row["name"]: row for row in vendor_rows(None)}
    assert set(rows) == set(packaged_vendors()) - {"local"}
    row = rows["minimax"]
    assert row["dialects"] == ["openai_chat", "anthropic_messages"]
    assert [(site["name"], site["residency"]) for site in row["regions"]] == [
        ("cn", "cn"),
        ("intl", ""),
    ]
    assert row["errors"] > 10
    assert row["models"]["MiniMax-M3"] == {"context": 1_000_000}
    assert not any(row["needs"] for row in rows.values())
    assert rows["yi"]["is_legacy"]
    assert all(row["source"] for row in rows.values())


def test_ones_own_stand_beside_them_or_in_their_place() -> None:
    config = load_text(OWN, "s.yaml", {})
    (mine,) = vendor_rows(config, "mine")
    assert (mine["origin"], mine["channels"]) == ("steelyard.yaml", ["a", "b"])
    assert mine["parameters"] == {"zone": "where"}
    (relay,) = vendor_rows(config, "openai")
    assert (relay["title"], relay["channels"]) == ("Our relay", [])
    (other,) = vendor_rows(config, "deepseek")
    assert other["origin"] == "packaged"


@pytest.mark.parametrize("name", ["nobody", "local"])
def test_an_unknown_name_is_told(name: str) -> None:
    with pytest.raises(RequestError, match=f"no vendor is called '{name}'") as caught:
        vendor_rows(None, name)
    assert (caught.value.code, caught.value.status) == ("not_found", 404)
