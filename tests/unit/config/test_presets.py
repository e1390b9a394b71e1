"""The packaged vendors and the newcomer's file; each vendor meets the contract suite."""

from __future__ import annotations

import pytest

from steelyard.config.load import load_text
from steelyard.config.presets import default_text, packaged_vendors

WANTED = {
    "openai", "deepseek", "dashscope", "volcano-ark", "zhipu", "moonshot", "siliconflow",
    "openrouter", "ollama", "vllm", "local",
}  # fmt: skip


def test_all_of_them_are_there() -> None:
    assert set(packaged_vendors()) >= WANTED
    assert "steelyard.default" not in packaged_vendors()


def test_nobody_can_change_them() -> None:
    vendor = packaged_vendors()["openai"]
    with pytest.raises(Exception, match="frozen"):
        vendor.base_url = "http://evil"  # type: ignore[misc]


def test_the_newcomers_file_takes_its_port_from_the_environment() -> None:
    assert load_text(default_text(), "f", {}).listen == "127.0.0.1:8080"
    assert load_text(default_text(), "f", {"PORT": "9000"}).listen == "127.0.0.1:9000"
