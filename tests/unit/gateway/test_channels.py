import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.plain_core import channel, core
from steelyard.domain.errors import ConfigError, UpstreamUnavailable
from steelyard.gateway.channels import Channels
from steelyard.gateway.view import View
from steelyard.wire.timers import TimerWheel

PATH = "/chat/completions"


def run(test: Callable[[Channels], None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        wheel = TimerWheel(loop)
        channels = Channels(wheel, loop)
        test(channels)
        channels.close()
        wheel.close()

    asyncio.run(scenario())


def view(revision: int = 1, **changes: Any) -> View:
    made = msgspec.structs.replace(core(), revision=revision)
    return View(made, None, changes.get("secrets", {"vendor": "sk-vendor"}))


def test_a_way_has_what_every_request_begins_with() -> None:
    def test(channels: Channels) -> None:
        entry = channel(credential="vendor", timeout_first_byte_s=3.0, timeout_total_s=9.0)
        way = channels.way(entry, PATH, view())
        lines = way.head.decode().split("\r\n")
        assert lines[:2] == ["POST /v1/chat/completions HTTP/1.1", "host: c1.example:81"]
        assert "accept-encoding: identity" in lines
        assert "authorization: Bearer sk-vendor" in lines
        assert way.head.endswith(b"\r\n")
        assert not way.head.endswith(b"\r\n\r\n")
        # Without streaming the first byte comes with the last.
        assert (way.stream_timeouts.first_byte_s, way.plain_timeouts.first_byte_s) == (3.0, 9.0)

    run(test)


def test_a_missing_secret_sends_no_credential() -> None:
    def test(channels: Channels) -> None:
        for name in ("", "unknown"):
            way = channels.way(channel(name or "c2", credential=name), PATH, view())
            assert b"authorization" not in way.head

    run(test)


def test_warm_connections_outlive_a_snapshot_and_a_new_secret_does_not_wait() -> None:
    def test(channels: Channels) -> None:
        entry = channel(credential="vendor")
        first = channels.way(entry, PATH, view())
        assert channels.way(entry, PATH, view()) is first
        second = channels.way(entry, PATH, view(2, secrets={"vendor": "sk-new"}))
        assert second.pool is first.pool
        assert b"sk-new" in second.head
        channels.forget()
        assert channels.way(entry, PATH, view(2)).pool is first.pool
        moved = channel(credential="vendor", base_url="http://elsewhere.example/v1")
        assert channels.way(moved, PATH, view(3)).pool is not first.pool

    run(test)


def test_an_engine_has_its_address_from_control() -> None:
    def test(channels: Channels) -> None:
        engine = channel(base_url="")
        with pytest.raises(UpstreamUnavailable, match="not up yet"):
            channels.way(engine, PATH, view())
        channels.told({"c1": "http://127.0.0.1:9000/v1"})
        assert b"host: 127.0.0.1:9000" in channels.way(engine, PATH, view()).head

    run(test)


def test_a_useless_address_is_told() -> None:
    def test(channels: Channels) -> None:
        with pytest.raises(ConfigError, match="base_url"):
            channels.way(channel(base_url="ftp://x"), PATH, view())

    run(test)
