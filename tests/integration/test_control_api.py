"""The admin API: every mistake a clear answer in one shape, nothing secret anywhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_rig import CONFIG, SHOP_KEY, ControlProcess


@pytest.fixture(scope="module")
def admin_port() -> int:
    """Free a moment before control takes it, and not since the tests were collected."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory, admin_port: int) -> Iterator[ControlProcess]:
    text = CONFIG + f"admin: {{listen: '127.0.0.1:{admin_port}', hosts: [admin.example]}}\n"
    process = ControlProcess(tmp_path_factory.mktemp("api"), text)
    process.start()
    yield process
    assert process.stop() == 0
    assert SHOP_KEY not in process.log.read_text()


@pytest.fixture
def api(control: ControlProcess) -> Iterator[httpx.Client]:
    with control.client() as client:
        yield client


READS = [
    "accounts", "keys", "offers", "prices", "verdicts", "weighings", "config", "config/schema",
    "audit", "status", "ledger", "ledger/lines",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_everything_is_for_the_admin_only_and_holds_no_secret(
    control: ControlProcess, api: httpx.Client, path: str
) -> None:
    answer = api.get(f"/api/{path}")
    assert answer.status_code == 200
    assert SHOP_KEY not in answer.text
    for token in ("wrong", ""):
        with control.client(token or "x") as stranger:
            headers = {"authorization": ""} if not token else {}
            refused = stranger.get(f"/api/{path}", headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        (("POST", "accounts", {"name": "Bad Name"}), 400, "lower-case letters"),
        (("POST", "accounts", {"name": "a", "nam": 1}), 400, "nam: Extra inputs"),
        (("POST", "accounts", {}), 400, "name: Field required"),
        (("POST", "accounts", {"name": "acme"}), 400, "exists there already"),
        (("POST", "accounts", {"name": "a", "parent": "nobody"}), 400, "no account 'nobody'"),
        (("PATCH", "accounts/acme", {"name": "apex"}), 403, "managed by steelyard.yaml"),
        (("PATCH", "accounts/nobody", {"name": "apex"}), 400, "no account"),
        (("POST", "keys", {"account": "nobody", "name": "k"}), 400, "no account"),
        (("POST", "keys", {"account": "acme", "name": ""}), 400, "at least 1 character"),
        (("DELETE", "keys/none", None), 400, "no live key 'none'"),
        (("PUT", "accounts/acme/limits", {"limits": [{}]}), 400, "either money or requests"),
        (("PUT", "keys/none/limits", {"limits": []}), 400, "no live key"),
        (("POST", "weighings", {"task": "no/such"}), 400, "no task no/such"),
        (("GET", "calls/nonsense", None), 400, "no call id"),
        (("GET", "calls/c-1-1", None), 404, "No such call"),
        (("GET", "ledger?by=weather", None), 400, "cannot group by 'weather'"),
        (("GET", "ledger?since=then", None), 400, "such as 2026-11-21"),
        (("GET", "ledger/lines?limit=x", None), 400, "a whole number"),
        (("GET", "nothing", None), 404, "no such thing here"),
        (("PUT", "keys", None), 405, "no such thing here"),
    ],
)
def test_mistakes_have_one_shape(
    api: httpx.Client, request_: tuple[str, str, Any], status: int, said: str
) -> None:
    method, path, body = request_
    answer = api.request(method, f"/api/{path}", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert said in error["message"]
    assert error["code"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff", b'{"name": 5}'])
def test_bodies_of_nonsense(api: httpx.Client, content: bytes) -> None:
    answer = api.post("/api/accounts", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_body_that_never_ends_is_cut_off(api: httpx.Client) -> None:
    answer = api.post("/api/accounts", content=b" " * (17 << 20))
    assert answer.status_code == 413


def test_the_life_of_an_account(api: httpx.Client) -> None:
    org = api.post("/api/accounts", json={"name": "org"}).json()
    dep = api.post("/api/accounts", json={"name": "dep", "parent": "org"}).json()
    assert dep["path"] == "org/dep"
    renamed = api.patch("/api/accounts/org/dep", json={"name": "division"}).json()
    assert renamed == {"id": dep["id"], "path": "org/division"}
    limit = {"money": "5 CNY", "period": "month", "zone": "Asia/Shanghai"}
    put = api.put(f"/api/accounts/{org['id']}/limits", json={"limits": [limit]}).json()
    assert put["data"][0]["text"] == "5.00 CNY per month"
    rows = {row["path"]: row for row in api.get("/api/accounts").json()["data"]}
    assert rows["org"]["limits"][0]["used"] == "0.00"
    assert rows["acme"]["limits"][0]["managed_by"] == "file"
    two = {"limits": [limit, {**limit, "money": "1 USD", "period": "day"}]}
    assert "one currency" in api.put("/api/accounts/org/limits", json=two).text


def test_the_life_of_a_key(api: httpx.Client) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    body = {"account": "acme", "name": "temp", "task": "a/b", "expires_at": soon.isoformat()}
    made = api.post("/api/keys", json=body).json()
    assert made["secret"].startswith(made["hint"].removesuffix("…"))
    assert len(made["secret"]) == 46
    again = api.post("/api/keys", json=body)
    assert again.json()["error"]["code"] == "key_exists"
    put = api.put("/api/keys/temp/limits", json={"limits": [{"requests": 5}]})
    assert put.json()["scope"] == f"key:{made['id']}"
    (row,) = [r for r in api.get("/api/keys?account=acme").json()["data"] if r["name"] == "temp"]
    assert row["limits"][0]["amount"] == 5
    past = {**body, "name": "late", "expires_at": "2020-01-01T00:00:00+00:00"}
    assert "in the past" in api.post("/api/keys", json=past).text
    assert api.delete(f"/api/keys/{made['secret']}").json() == {"revoked": [made["id"]]}
    assert "secret" not in api.get("/api/audit").text


def test_offers_and_prices_read_well(api: httpx.Client) -> None:
    (offer,) = api.get("/api/offers").json()["data"]
    assert offer["prices"] == {"input": "1 CNY/mtok", "output": "2 CNY/mtok"}
    assert (offer["state"], offer["kind"]) == ("up", "self_hosted")
    rates = api.get("/api/prices?offer=shop/m").json()["data"]
    assert {rate["item"] for rate in rates} == {"input", "output"}
    assert all(rate["source"] == "steelyard.yaml" for rate in rates)


def test_a_file_is_checked_before_it_is_applied(api: httpx.Client) -> None:
    answer = api.post("/api/config/check", json={"text": "listen: x\nchanels: {}"}).json()
    assert not answer["ok"]
    assert [found["line"] for found in answer["findings"]] == [1, 2]
    good = api.post("/api/config/check", json={"text": "channels: {}"}).json()
    assert good == {"ok": True, "findings": []}


def test_the_admin_address_serves_under_its_names_only(
    control: ControlProcess, admin_port: int
) -> None:
    token = (control.home / "admin.token").read_text().strip()
    url = f"http://127.0.0.1:{admin_port}/api/status"
    headers = {"authorization": f"Bearer {token}"}

    def status(**more: str) -> int:
        return httpx.get(url, headers={**headers, **more}, trust_env=False).status_code

    assert status() == 200
    assert status(host="admin.example:443") == 200
    assert status(host="evil.example") == 403
    assert status(authorization="Bearer x") == 401


def test_a_taken_admin_address_is_said_and_the_rest_works(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = CONFIG + f"admin: {{listen: '127.0.0.1:{port}'}}\n"
        process = ControlProcess(tmp_path, text)
        process.start()
        assert process.stop() == 0
    assert "cannot be had" in process.log.read_text()
