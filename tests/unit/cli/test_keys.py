from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

from cli.conftest import FakeApi, as_json

ROW = {
    "id": "key_1",
    "hint": "sk-abcd…",
    "name": "chat",
    "account": "acme",
    "task": "",
    "created_at": "2026-11-21T10:00:00+00:00",
    "expires_at": None,
    "revoked_at": None,
}


def test_create_prints_the_secret_alone_on_standard_output(
    run: Callable[..., Result], api: FakeApi
) -> None:
    api.answers["POST /api/keys"] = {**ROW, "secret": "sk-secret"}
    result = run("key", "create", "acme", "--name", "chat", "--expires", "2030-01-01")
    assert result.stdout == "sk-secret\n"
    body = api.asked[0][2]
    assert (body["account"], body["name"]) == ("acme", "chat")
    assert body["expires_at"].startswith("2030-01-01T00:00:00")


def test_list_tells_which_keys_hold(run: Callable[..., Result], api: FakeApi) -> None:
    revoked = {**ROW, "id": "key_2", "revoked_at": "2026-11-22T10:00:00+00:00"}
    api.answers["GET /api/keys"] = {"data": [ROW, revoked]}
    result = run("key", "list", "--account", "acme")
    assert "holds" in result.stdout and "revoked 2026-11-22" in result.stdout
    assert api.asked[0][3] == {"account": "acme"}
    assert as_json(run("key", "list", "--json")) == [ROW, revoked]


def test_revoke(run: Callable[..., Result], api: FakeApi) -> None:
    api.answers["DELETE /api/keys/chat"] = {"revoked": ["key_1"]}
    assert run("key", "revoke", "chat").stdout == "revoked key_1\n"
