"""What ``steelyard.yaml`` may say about weighing: what it may cost, how long proof holds."""

from __future__ import annotations

from pydantic import Field

from steelyard.config.section import MoneyText, Section
from steelyard.config.vendor import Url


class Fleet(Section):
    """Machines of a Ray cluster that ask a weighing's questions; needs ``steelyard[ray]``."""

    address: str = Field(min_length=1, max_length=512)
    """Of the cluster's head, such as ``10.0.0.5:6379`` or ``ray://10.0.0.5:10001``; ``local``
    starts a cluster of this machine alone."""
    askers: int = Field(default=4, ge=1, le=1024)
    """Processes that ask, spread over the machines."""
    gateway: Url | None = None
    """Address of the gateway as those machines reach it; by default the one on this machine."""


class Weighing(Section):
    """How offers are weighed, and for how long a verdict holds."""

    money: MoneyText | None = None
    """Most that one weighing may cost where nobody says otherwise, such as ``5 CNY``."""
    stale_after_days: int = Field(default=90, ge=1, le=3650)
    """Age at which a verdict proves nothing any more."""
    fleet: Fleet | None = None
    """Where the questions of a weighing on demand are asked from; by default from here."""
