from __future__ import annotations

import ast
import shlex
import stat
from pathlib import Path
from typing import Any

from steelyard.domain.errors import StoreUnavailable
from steelyard.supervisor.api import Api
from steelyard.supervisor.greeter import demo_key, greeting, proofs


class FakeApi(Api):
    """Makes keys without control."""

    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.asked: list[tuple[str, str]] = []

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        self.asked.append((method, path))
        if not self.is_up:
            raise StoreUnavailable("away")
        return {"secret": "sk-new"}


def test_demo_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    api = FakeApi()
    assert demo_key(api, tmp_path) == "sk-new"
    assert stat.S_IMODE((tmp_path / "demo.key").stat().st_mode) == 0o600
    assert demo_key(api, tmp_path) == "sk-new"
    assert api.asked == [("POST", "/api/accounts"), ("POST", "/api/keys")]


def test_a_key_whose_file_was_torn_by_a_kill_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "demo.key").touch()
    assert demo_key(FakeApi(), tmp_path) == "sk-new"
    assert (tmp_path / "demo.key").read_text() == "sk-new\n"


def test_a_key_that_cannot_be_kept_is_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "demo.key").mkdir()
    assert demo_key(FakeApi(), tmp_path) == "sk-new"


def test_without_control_there_is_no_demo_key_and_no_file(tmp_path: Path) -> None:
    assert demo_key(FakeApi(is_up=False), tmp_path) == ""
    assert not (tmp_path / "demo.key").exists()


def test_what_is_printed_can_be_pasted() -> None:
    text = greeting("http://127.0.0.1:8080", "sk-x", "small")
    _, curl, python = text.strip().split("\n\n")
    words = shlex.split(curl)
    assert words[:2] == ["curl", "http://127.0.0.1:8080/v1/chat/completions"]
    assert "Authorization: Bearer sk-x" in words
    assert '"model": "small"' in words[-1]
    ast.parse(python)
    assert 'api_key="sk-x"' in python


def test_only_proven_verdicts_are_news() -> None:
    rows = [{"status": "proven", "task": "a"}, {"status": "failed", "task": "b"}, "odd"]
    assert proofs({"data": rows}) == [rows[0]]
    assert proofs(None) == []
