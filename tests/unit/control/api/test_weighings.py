"""Weighings over the API: begun, followed with bounds, refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from control.weighing_rig import GOOD, ScriptedAsk, finished, weighing_control
from steelyard.control.app import make_app
from steelyard.control.weighing.weighings import Weighings


def test_a_weighing_is_begun_followed_and_ended(tmp_path: Path) -> None:
    control = weighing_control(tmp_path)

    async def work() -> None:
        ask = ScriptedAsk()
        ask.hang_after = 4
        app = make_app(control)
        app.state.weighings = weighings = Weighings(control, "", ask.make)
        headers = {"authorization": f"Bearer {control.admin_token}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://localhost", headers=headers
        ) as client:
            refused = await client.post("/api/weighings", json={"task": "moot"})
            assert refused.status_code >= 400
            assert "mood" in refused.json()["error"]["message"]
            wanted = {"task": "mood", "offers": [GOOD], "limit": 12}
            begun = await client.post("/api/weighings", json=wanted)
            assert (begun.status_code, begun.json()["weighings"]) == (202, [1])
            await ask.hanging.wait()
            (row,) = (await client.get("/api/weighings")).json()["data"]
            assert (row["items_done"], row["items_total"], row["ended_at"]) == (4, 12, None)
            assert float(row["lower"]) < float(row["upper"]) == 1
            await weighings.close()
            await finished(weighings)
            (row,) = (await client.get("/api/weighings")).json()["data"]
            assert (row["state"], row["lower"], row["upper"]) == ("stopped", None, None)
            stranger = await client.get("/api/weighings", headers={"authorization": "Bearer x"})
            assert stranger.status_code == 401

    asyncio.run(work())
    control.close()


def test_a_weighing_is_stopped_by_task_or_number(tmp_path: Path) -> None:
    control = weighing_control(tmp_path)

    async def work() -> None:
        ask = ScriptedAsk()
        ask.hang_after = 4
        app = make_app(control)
        app.state.weighings = weighings = Weighings(control, "", ask.make)
        headers = {"authorization": f"Bearer {control.admin_token}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://localhost", headers=headers
        ) as client:

            async def stop(**body: object) -> httpx.Response:
                return await client.post("/api/weighings/stop", json=body)

            for wrong in ({}, {"task": "mood", "weighing": 1}, {"weighing": -1}):
                assert (await stop(**wrong)).status_code == 400
            missing = await stop(weighing=1)
            assert (missing.status_code, missing.json()["error"]["code"]) == (
                404,
                "weighing_not_found",
            )
            await client.post("/api/weighings", json={"task": "mood", "offers": [GOOD]})
            await ask.hanging.wait()
            stopped = await stop(weighing=1)
            assert stopped.status_code == 202
            assert stopped.json() == {
                "stopped": [{"task": "mood", "weighings": [1], "is_background": False}]
            }
            (row,) = (await client.get("/api/weighings")).json()["data"]
            assert (row["state"], row["ended_at"]) == ("stopping", None)
            await stop(task="mood", now=True)
            await finished(weighings)
            (row,) = (await client.get("/api/weighings")).json()["data"]
            assert (row["state"], row["detail"]) == ("stopped", "stopped by admin")
            over = await stop(task="mood")
            assert (over.status_code, over.json()["error"]["code"]) == (409, "weighing_over")
            stranger = {"authorization": "Bearer x"}
            refused = await client.post("/api/weighings/stop", json={}, headers=stranger)
            assert refused.status_code == 401

    asyncio.run(work())
    control.close()
