"""What calls were booked at, asked of the ledger by those who made them."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

from steelyard.control.control import Control
from steelyard.domain.tallies import Tally, Used
from steelyard.domain.usage import COUNTS, NO_USAGE, Usage
from steelyard.weigh.asking import Booked

_WITHIN_S = 3.0
_LOOK_S = 0.05
_ATTEMPT = "attempt"


async def cost_of(control: Control, call_id: str) -> int:
    """What a call without a good answer was booked at, pico-units: it may be booked all the same.

    It is settled just as it is answered; 0 where the ledger knows nothing of it in time.
    """
    return (await booked_of(control, call_id)).cost_pico


async def booked_of(control: Control, call_id: str) -> Booked:
    """What a call was booked at, and for what; see ``cost_of``."""
    lines = await _settled(control, call_id)
    return Booked(sum(int(line["cost_pico"] or 0) for line in lines), used_in(lines))


def used_in(lines: Iterable[Mapping[str, Any]]) -> Tally | None:
    """What the attempts of a call used, by its lines in the ledger; None where that is not said."""
    found = []
    is_booked = False
    for line in lines:
        if line["kind"] != _ATTEMPT:
            return None
        is_booked = True
        if line["usage_source"] != NO_USAGE:
            extras = zip(line["extra_items"] or (), line["extra_counts"] or (), strict=True)
            counts = (line[name] for name in Usage._fields[:COUNTS])
            found.append(Used(Usage._make((*counts, tuple(extras))), line["tier"] or ""))
    return Tally.over(found) if is_booked else None


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
