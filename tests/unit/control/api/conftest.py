"""The application in this process, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from migrated import copy_migrated

from steelyard.control.app import make_app
from steelyard.control.control import Control
from steelyard.control.places import Places

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: m, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: 2.5 CNY/mtok}}
accounts: {acme: {limits: [{money: 10 CNY, period: day}]}}
"""

Ask = Callable[..., httpx.Response]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    (tmp_path / "steelyard.yaml").write_text(CONFIG)
    copy_migrated(tmp_path, has_prices=True)
    made = Control(Places(tmp_path, tmp_path, 8080), {})
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def ask(control: Control) -> Iterator[Ask]:
    """Asks as the admin; ``token=`` for somebody else."""
    runner = asyncio.Runner()  # one loop for all questions of a test

    def send(method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            loop = asyncio.get_running_loop()
            jobs = [
                loop.create_task(control.publisher.run_core()),
                loop.create_task(control.publisher.run_keys()),
            ]
            transport = httpx.ASGITransport(app=make_app(control), raise_app_exceptions=False)
            headers = {"authorization": f"Bearer {token or control.admin_token}"}
            headers |= more.pop("headers", {})
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=headers
            ) as client:
                answer = await client.request(method, path, **more)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            return answer

        return runner.run(run())

    yield send
    runner.close()
