"""Drift over the API: what is watched, looks on demand, who may not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from control.drift.test_job import PAID, Rig
from control.weighing_rig import GOOD, until
from steelyard.control.app import make_app


def test_watches_are_listed_looked_at_and_accepted(tmp_path: Path) -> None:
    rig = Rig(tmp_path, PAID % ("1 CNY", ""))

    async def work() -> None:
        app = make_app(rig.control)
        app.state.drift = rig.watch
        headers = {"authorization": f"Bearer {rig.control.admin_token}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://localhost", headers=headers
        ) as client:
            begun = await client.post("/api/drift/look", json={"task": "mood"})
            assert begun.status_code == 202
            assert begun.json()["looks"] == [{"task": "mood", "offer": GOOD}]
            await until(lambda: not rig.watch._asked)
            found = (await client.get("/api/drift")).json()
            (row,) = found["data"]
            assert (row["offer"], row["looks"], row["items"]) == (GOOD, 1, 10)
            assert found["paid_today"] == {"CNY": "100"}
            assert row["next_at"] > row["at"]
            assert "watch" not in row
            named = {"task": "mood", "offer": GOOD}
            refused = await client.post("/api/drift/acknowledge", json=named)
            assert (refused.status_code, refused.json()["error"]["code"]) == (
                404,
                "drift_not_found",
            )
            nothing = await client.post("/api/drift/look", json={"task": "moot"})
            assert nothing.status_code == 404
            assert "did you mean" in nothing.json()["error"]["message"]
            unknown = await client.post("/api/drift/acknowledge", json={**named, "offer": "x"})
            assert unknown.json()["error"]["code"] == "offer_not_found"
            stranger = {"authorization": "Bearer x"}
            for method, path in (
                ("GET", ""),
                ("POST", "/look"),
                ("POST", "/acknowledge"),
            ):
                answer = await client.request(method, f"/api/drift{path}", headers=stranger)
                assert answer.status_code == 401

    asyncio.run(work())
    rig.control.close()
