"""What calls were booked at, asked of the ledger by those who made them."""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import Any

from steelyard.control.control import Control

_WITHIN_S = 3.0
_LOOK_S = 0.05


async def cost_of(control: Control, call_id: str) -> int:
    """What a call without a good answer was booked at, pico-units: it may be booked all the same.

    It is settled just as it is answered; 0 where the ledger knows nothing of it in time.
    """
    lines = await _settled(control, call_id)
    return sum(int(line["cost_pico"] or 0) for line in lines)


async def _settled(control: Control, call_id: str) -> list[dict[str, Any]]:
    # Imported when first asked: the ledger's libraries are heavy.
    reports = importlib.import_module("steelyard.ledger.reports")
    asked = reports.Reports(control.places.home, control.database)
    deadline_s = time.monotonic() + _WITHIN_S
    while True:
        lines: list[dict[str, Any]] = await asyncio.to_thread(asked.call, call_id)
        if lines and all(line["outcome"] != "open" for line in lines):
            return lines
        if time.monotonic() > deadline_s:
            return []
        await asyncio.sleep(_LOOK_S)
