"""Who asks for weighings and looks: a client of the gateway, made when something shall be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from steelyard.control.control import Control
from steelyard.control.own_calls.booked import booked_of
from steelyard.weigh.asking import Ask


class Asker(Ask, Protocol):
    """An ``Ask`` that must be closed; ``control.own_calls.asking.GatewayAsk`` is the real one."""

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether the gateway knows the key by now."""

    async def close(self) -> None:
        """Lets go of connections."""


MakeAsker = Callable[[str, str, asyncio.Event | None], Asker]
"""From address, key and the event that a foreground call sets; None for who gives way to nobody."""


def gateway_asker(control: Control, url: str, key: str, busy: asyncio.Event | None) -> Asker:
    """What really asks; with ``control`` given it is a ``MakeAsker``."""
    # Imported when first needed: its HTTP client costs a sixth of control's start.
    from steelyard.control.own_calls.asking import GatewayAsk  # noqa: PLC0415

    # A question without an answer may be booked all the same, and is the weighing's money then.
    return GatewayAsk(url, key, busy, partial(booked_of, control))
