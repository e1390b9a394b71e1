"""The stand-ins for control; a worker that runs over them has its integration tests."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec

from steelyard.domain.accounts import hash_secret
from steelyard.gateway import keytable, snapshot
from steelyard.testing.worker import KEY, Setup, StandInControl


def test_a_setup_is_a_snapshot_as_control_would_write_it(tmp_path: Path) -> None:
    Setup(["http://a/v1", "http://b/v1"], offers_per_channel=2, more_models=1).write(tmp_path)
    core = snapshot.load(tmp_path)
    assert sorted(core.channels) == ["channel-0", "channel-1"]
    assert sorted(core.models) == ["model-a", "other-0"]
    with_keys = keytable.KeyTable(tmp_path / snapshot.KEYS_FILE)
    assert with_keys.find(hash_secret(KEY.encode())) is not None
    assert with_keys.find(hash_secret(b"sk-nobody")) is None


def test_the_stand_in_grants_up_to_its_limit_and_then_denies(tmp_path: Path) -> None:
    async def work() -> list[list[Any]]:
        control = StandInControl({"account:a": 10}, step=4)
        await control.start(tmp_path / "link")
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "link"))

        def send(*fields: object) -> None:
            body = msgspec.msgpack.encode(fields)
            writer.write(len(body).to_bytes(4, "little") + body)

        send("hello", 1, 0, 1, 0)
        answers = []
        for request, need in enumerate((1, 12)):
            send("lease", request, "account:a", "money", need, time.time_ns())
            while True:
                length = int.from_bytes(await reader.readexactly(4), "little")
                answer = msgspec.msgpack.decode(await reader.readexactly(length))
                if answer[0] in ("lease", "denied"):
                    break
            answers.append(answer)
        writer.close()
        await control.stop()
        return answers

    granted, denied = asyncio.run(asyncio.wait_for(work(), 10))
    assert granted[0] == "lease"
    assert 1 <= int(granted[3]) <= 10
    assert denied[0] == "denied"
