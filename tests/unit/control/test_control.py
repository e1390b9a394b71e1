"""The control plane as one object: starts, bad files, adopted keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.config.load import InvalidConfig
from steelyard.control.control import DEMO, Control
from steelyard.control.places import Places
from steelyard.domain.accounts import hash_secret
from steelyard.domain.errors import ConfigError
from steelyard.gateway import snapshot
from steelyard.store import accounts, keys

TEXT = """
demo_key: true
channels: {shop: {base_url: "http://x/v1", credential: "${KEY}"}}
offers: [{model: m, channel: shop, context: 9, rates: {input: 1 USD/mtok, output: 1 USD/mtok}}]
accounts: {demo: {limits: [{requests: 9}]}}
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path, 8080)


@pytest.fixture
def control(places: Places) -> Iterator[Control]:
    made = Control(places, {"KEY": "sk-shop"})
    yield made
    made.close()


def test_a_first_start_writes_the_newcomers_file(places: Places) -> None:
    control = Control(places, {})
    control.prepare()
    control.close()
    assert "smollm2" in places.config.read_text()
    assert len(json.loads(places.engine_wishes.read_text())["engines"]) == 2
    secrets = snapshot.load_secrets(places.snapshot)
    engines = {f"local/{e['name']}" for e in control.engines.wishes}
    assert set(secrets) == engines | {snapshot.ORDERS_KEY}


def test_the_demo_key_survives_a_lost_database(control: Control, places: Places) -> None:
    places.config.write_text(TEXT)
    places.demo_key.write_text("sk-demo-secret\n")
    control.prepare()
    with control.database.read() as tx:
        (key,) = keys.find(tx, secret_hash=hash_secret(b"sk-demo-secret"))
        assert (key.name, accounts.tree(tx).path(key.account_id)) == (DEMO, "demo")
    control.prepare()
    with control.database.read() as tx:
        assert keys.count_live(tx) == 1


def test_exchange_rates_come_for_the_currencies_in_use(control: Control, places: Places) -> None:
    places.config.write_text(TEXT)
    control.prepare()
    assert set(snapshot.load(places.snapshot).exchange) == {"USD/CNY", "CNY/USD"}
    assert not control.refresh_exchange()


def test_a_bad_file_is_refused_said_and_forgiven(control: Control, places: Places) -> None:
    places.config.write_text(TEXT)
    control.prepare()
    held = control.config
    places.config.write_text("chanels: {}")

    async def read() -> list[str]:
        return await control.read_config()

    with pytest.raises(InvalidConfig):
        asyncio.run(read())
    assert "did you mean 'channels'" in control.config_problem
    assert control.config is held
    places.config.write_text(TEXT)
    assert asyncio.run(read()) == []
    assert control.config_problem == ""


def test_what_is_wrong_stands_in_the_line_that_the_supervisor_shows(
    control: Control, places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    places.config.write_text("chanels: {}")
    control.prepare()
    places.config.write_text("chanels: {}\nofers: []\n")
    with pytest.raises(InvalidConfig):
        asyncio.run(control.read_config())
    one, two = (r.getMessage() for r in caplog.records if "not applied" in r.getMessage())
    assert one.startswith("steelyard.yaml not applied, the old state holds: ")
    assert one.endswith("did you mean 'channels'?")
    assert "holds: 2 mistakes: " in two
    assert two.endswith("did you mean 'offers'?")
    assert "\n" not in one + two


def test_a_file_that_the_store_refuses_does_not_keep_control_down(
    control: Control, places: Places
) -> None:
    with_key = f"{TEXT}\nkeys: {{ci: {{account: demo, secret: sk-ci-0123456789abcdef}}}}\n"
    for text in (with_key, TEXT):
        places.config.write_text(text)
        control.prepare()
    # A secret that was revoked holds no more; whoever writes it again has to hear so.
    places.config.write_text(with_key)
    control.prepare()
    assert "already" in control.config_problem
    with pytest.raises(ConfigError, match="already"):
        asyncio.run(control.read_config())
