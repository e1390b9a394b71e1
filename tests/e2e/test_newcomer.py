"""The installed command as a newcomer meets it, before a scripted vendor: no models, no network."""

from __future__ import annotations

import os
import signal
import socket

import httpx
from newcomer_rig import Place, chat, until


def test_from_the_first_start_to_the_bill(place: Place) -> None:
    with place.serving():
        assert chat(place).choices[0].message.content
        assert any(event.choices for event in chat(place, stream=True))
        until(lambda: sum(row["attempts"] for row in place.json("ledger")) == 2)
        (by_account,) = place.json("ledger", "--by", "account")
        assert by_account["account_name"] == "demo"
        assert int(by_account["cost_pico"]) > 0
        lines = place.json("ledger", "--lines")
        assert {line["outcome"] for line in lines} == {"completed"}
        call = lines[0]["attempt_id"].rpartition("-")[0]
        (attempt,) = place.json("call", call)["attempts"]
        assert attempt["cost_pico"] == lines[0]["cost_pico"]
        address = place.told(r"listening on (http://\S+)")
        page = httpx.get(address, trust_env=False, headers={"accept-language": "zh-CN"})
        assert page.status_code == 200 and "demo" in page.text and "各账户费用" in page.text
        assert place.run("ask", "Hello", "--model", "scripted").stdout.strip()
    again = place.json("ledger", "--by", "account")
    assert again[0]["attempts"] == 3, "the ledger answers alike without a server"
    assert again[0]["open"] == 0


def test_keys_limits_and_a_second_start(running: Place) -> None:
    second = running.run("serve")
    assert second.returncode == 2
    assert "already runs" in second.stderr and second.stderr.count("\n") == 1
    made = running.run("key", "create", "demo", "--name", "other")
    secret = made.stdout.strip()
    address = running.told(r"listening on (http://\S+)")

    def status() -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.get(f"{address}/v1/models", headers=headers, trust_env=False).status_code

    assert status() == 200
    assert running.run("key", "revoke", "other").returncode == 0
    until(lambda: status() == 401, within_s=5)
    assert [row["name"] for row in running.json("key", "list")] == ["demo", "other"]
    assert running.json("limits", "list")[0]["account"] == "demo"
    assert [row["name"] for row in running.json("offers")] == ["near/scripted"]


def test_administration_on_an_address_of_its_own_asks_for_the_token(place: Place) -> None:
    file = place.home / "steelyard.yaml"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    file.write_text(f"admin: {{listen: '{address}'}}\n" + file.read_text())
    with place.serving(), httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
        assert client.get("/").status_code == 401
        assert client.get("/api/status").status_code == 401
        token = (place.home / "admin.token").read_text().strip()
        assert client.get("/", auth=("", token)).status_code == 200
        headers = {"authorization": f"Bearer {token}"}
        assert client.get("/api/status", headers=headers).json()["offers"] == 1


def test_port_that_is_taken_is_one_line(place: Place, vendor: str) -> None:
    port = vendor.rpartition(":")[2].partition("/")[0]
    ran = place.run("serve", "--port", port)
    assert ran.returncode == 2
    assert f"port {port}" in ran.stderr and ran.stderr.count("\n") == 1


def test_bad_configuration_is_told_with_its_place(place: Place) -> None:
    file = place.home / "steelyard.yaml"
    file.write_text(file.read_text().replace("weigh_when_idle", "weigh_when_idel"))
    for command in ("serve", "check"):
        ran = place.run(command)
        assert ran.returncode == 2
        assert "weigh_when_idel" in ran.stderr and "weigh_when_idle" in ran.stderr


def test_configuration_applies_while_it_runs(running: Place) -> None:
    def models() -> list[str]:
        return [row["model"] for row in running.json("offers") if row["state"] != "disabled"]

    file = running.home / "steelyard.yaml"
    before = file.read_text()
    try:
        file.write_text(before.replace("model: scripted", "model: renamed"))
        os.kill(running.pids()["supervisor"], signal.SIGHUP)
        until(lambda: models() == ["renamed"])
        file.write_text("workers: many\n")
        ran = running.run("apply")
        assert ran.returncode == 1 and "workers" in ran.stderr
        assert models() == ["renamed"]
    finally:
        file.write_text(before)
        assert running.run("apply").returncode == 0
    until(lambda: models() == ["scripted"])


def test_calls_go_on_when_any_process_is_killed(running: Place) -> None:
    def attempts() -> int:
        return sum(row["attempts"] for row in running.json("ledger"))

    booked = attempts()
    for name in ("worker-0", "control", "worker-1"):
        before = running.pids()[name]
        os.kill(before, signal.SIGKILL)
        until(lambda name=name, before=before: running.pids()[name] not in {0, before})  # type: ignore[misc]
    until(lambda: running.run("ask", "Hello", "--model", "scripted").returncode == 0)
    until(lambda: attempts() == booked + 1)


def test_without_a_server_commands_say_how_to_start_one(place: Place) -> None:
    ran = place.run("apply")
    assert ran.returncode == 1
    assert ran.stderr == f"error: no steelyard runs on {place.home}; start one: steelyard serve\n"
