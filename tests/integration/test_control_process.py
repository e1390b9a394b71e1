"""The control process as its neighbours see it: files, API, link, signals, a busy database."""

from __future__ import annotations

import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_rig import CONFIG, SHOP_KEY, ControlProcess, FakeWorker

from steelyard.domain.accounts import hash_secret
from steelyard.gateway import snapshot
from steelyard.gateway.keytable import KeyTable

CNY = 10**12


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    process = ControlProcess(tmp_path_factory.mktemp("control"))
    process.start()
    yield process
    assert process.stop() == 0
    assert SHOP_KEY not in process.log.read_text()


@pytest.fixture
def worker(control: ControlProcess) -> Iterator[FakeWorker]:
    FakeWorker.number = getattr(FakeWorker, "number", 0) + 1
    linked = FakeWorker(control, FakeWorker.number)
    yield linked
    linked.close()


def account(control: ControlProcess, name: str, *limits: dict[str, object]) -> str:
    with control.client() as api:
        made = api.post("/api/accounts", json={"name": name}).json()["id"]
        put = api.put(f"/api/accounts/{made}/limits", json={"limits": list(limits)})
        assert put.status_code == 200, put.text
    return f"account:{made}"


def test_what_workers_serve_from_is_there_and_secrets_are_the_owners_alone(
    control: ControlProcess,
) -> None:
    folder = control.home / "snapshot"
    core = snapshot.load(folder)
    (offer,) = snapshot.decode_offers(core.models["m"])
    assert offer.name == "shop/m"
    assert offer.periods[0].cards[0].prices[:2] == (10**6, 2 * 10**6)
    assert core.channels["shop"].credential == "shop"
    secrets = snapshot.load_secrets(folder)
    assert secrets.pop(snapshot.ORDERS_KEY) and secrets == {"shop": SHOP_KEY}
    for file in (
        folder / "secrets.msgpack",
        control.home / "admin.token",
        control.home / "control.db",
    ):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_holds_when_it_is_shown_and_no_more_when_it_is_revoked(
    control: ControlProcess, worker: FakeWorker
) -> None:
    with control.client() as api:
        made = api.post("/api/keys", json={"account": "acme", "name": "k1"})
        assert made.status_code == 201
        secret = made.json()["secret"]
        secret_hash = hash_secret(secret.encode())
        record = KeyTable(control.home / "snapshot/keys.table").find(secret_hash)
        assert record is not None
        assert record.key_id == made.json()["id"]
        assert secret not in api.get("/api/keys").text
        began_s = time.monotonic()
        assert api.delete("/api/keys/k1").json() == {"revoked": [record.key_id]}
        assert worker.receive("revoked")[1] == [secret_hash]
        assert time.monotonic() - began_s < 1.0
        control.until(
            lambda: KeyTable(control.home / "snapshot/keys.table").find(secret_hash) is None
        )
    assert secret not in control.log.read_text()


def test_leases_are_granted_refused_and_given_back(
    control: ControlProcess, worker: FakeWorker
) -> None:
    scope = account(control, "lean", {"money": "10 CNY", "period": "day"})
    kind, _, lease_id, granted, window_end_ns, currency = worker.ask(scope, "money", 6 * CNY)
    assert (kind, granted, currency) == ("lease", 6 * CNY, "CNY")
    assert window_end_ns > time.time_ns()
    other = FakeWorker(control, 1001)
    refused = other.ask(scope, "money", 5 * CNY)
    assert refused[2] == "insufficient_quota"
    assert "Account lean has no room" in refused[3]
    worker.send("shrink", lease_id, CNY)
    assert worker.receive("trim")[1] == scope  # the other's need was told to this worker
    control.until(lambda: other.ask(scope, "money", 5 * CNY)[0] == "lease")
    other.close()


def test_a_trim_helps_the_one_who_is_short_at_once(
    control: ControlProcess, worker: FakeWorker
) -> None:
    scope = account(control, "trimmed", {"money": "10 CNY", "period": "day"})
    _, _, lease_id, *_ = worker.ask(scope, "money", 9 * CNY)
    other = FakeWorker(control, 1002)
    other.send("lease", 1, scope, "money", 5 * CNY, time.time_ns())
    assert worker.receive("trim")[1] == scope
    worker.send("shrink", lease_id, 0)
    assert other.receive("lease", "denied")[0] == "lease"
    other.close()


def test_a_lost_link_closes_no_lease(control: ControlProcess) -> None:
    scope = account(control, "dead", {"money": "10 CNY", "period": "day"})
    gone = FakeWorker(control, 1003)
    gone.ask(scope, "money", 9 * CNY)
    gone.close()
    other = FakeWorker(control, 1004)
    assert other.ask(scope, "money", 2 * CNY)[0] == "denied"
    other.close()


def test_requests_are_limited_by_the_minute(control: ControlProcess, worker: FakeWorker) -> None:
    for name in ("slow", "slow-too"):  # once more where the minute turned in between
        scope = account(control, name, {"requests": 3})
        minute = time.time() // 60
        assert worker.ask(scope, "requests", 3)[3] == 3
        refused = worker.ask(scope, "requests", 1)
        if time.time() // 60 == minute:
            break
    assert refused[2] == "rate_limit_exceeded"
    assert 0 < refused[4] <= 60


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\x7f",
        b"\x03\x00\x00\x00abc",
        b"\x01\x00\x00\x00\x90",
        b"\x06\x00\x00\x00\x91\xa4busy",
    ],
    ids=["huge", "garbage", "empty", "before hello"],
)
def test_nonsense_on_the_link_costs_only_that_link(
    control: ControlProcess, worker: FakeWorker, frame: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(control.runtime / "control.link"))
        raw.sendall(frame)
        assert raw.recv(1) == b""
    assert worker.ask("account:acc_999999", "money", 1)[0] == "lease"


@pytest.mark.parametrize(
    "fields",
    [("lease", 1, "account:1; drop", "money", 1, 0), ("lease", 1, "account:acc_1", "tea", 1, 0)],
)
def test_a_lease_frame_of_nonsense_ends_its_link_too(
    control: ControlProcess, fields: tuple[object, ...]
) -> None:
    bad = FakeWorker(control, 1005)
    bad.send(*fields)
    with pytest.raises(ConnectionError):
        bad.receive("lease", "denied")
    bad.close()


def test_the_file_applies_when_it_changes_and_a_bad_one_leaves_the_old_state(
    control: ControlProcess, worker: FakeWorker
) -> None:
    folder = control.home / "snapshot"
    try:
        control.config.write_text(CONFIG.replace("output: 2 CNY", "output: 3 CNY"))
        control.until(
            lambda: (
                snapshot.decode_offers(snapshot.load(folder).models["m"])[0]
                .periods[-1]
                .cards[0]
                .prices[1]
                == 3 * 10**6
            )
        )
        assert len(snapshot.decode_offers(snapshot.load(folder).models["m"])[0].periods) == 2
        worker.receive("snapshot")
        control.config.write_text(CONFIG + "chanels: {}\n")
        with control.client() as api:
            control.until(lambda: "did you mean 'channels'" in api.get("/api/config").text)
            assert api.get("/api/status").json()["config_problem"]
            refused = api.post("/api/config/apply")
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "config_error"
            assert refused.json()["error"]["findings"][0]["line"] == CONFIG.count("\n") + 1
        assert "m" in snapshot.load(folder).models
        assert "not applied, the old state holds" in control.log.read_text()
    finally:
        control.config.write_text(CONFIG)
    with control.client() as api:
        control.until(lambda: api.get("/api/config").json()["problem"] == "")


def test_engines_reports_reach_the_workers(control: ControlProcess, worker: FakeWorker) -> None:
    (control.runtime / "engines.state.json").write_text('{"x": {"state": "up", "port": 4711}}')
    while "local/x" not in (urls := worker.receive("base_urls")[1]):
        pass
    assert urls == {"local/x": "http://127.0.0.1:4711/v1"}


def test_a_locked_database_delays_and_does_not_kill(
    control: ControlProcess, worker: FakeWorker
) -> None:
    scope = account(control, "patient", {"money": "10 CNY", "period": "day"})
    locker = sqlite3.connect(control.home / "control.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    worker.send("lease", 1, scope, "money", 1, time.time_ns())
    with control.client() as api:
        assert api.get("/api/status").status_code == 200
    time.sleep(0.3)
    locker.execute("ROLLBACK")
    locker.close()
    assert worker.receive("lease", "denied")[0] == "lease"


def test_an_unwritable_file_at_the_start_leaves_what_was_applied_before(tmp_path: Path) -> None:
    process = ControlProcess(tmp_path)
    process.start()
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL
    process.config.write_text("offers: nonsense")
    process.start()
    with process.client() as api:
        assert [offer["name"] for offer in api.get("/api/offers").json()["data"]] == ["shop/m"]
        assert "offers" in api.get("/api/status").json()["config_problem"]
    secrets = snapshot.load_secrets(process.home / "snapshot")
    assert secrets["shop"] == SHOP_KEY
    assert process.stop() == 0
