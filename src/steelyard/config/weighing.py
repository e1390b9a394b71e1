"""What ``steelyard.yaml`` may say about weighing: what it may cost, how long proof holds."""

from __future__ import annotations

from pydantic import Field

from steelyard.config.section import MoneyText, Section


class Weighing(Section):
    """How offers are weighed, and for how long a verdict holds."""

    money: MoneyText | None = None
    """Most that one weighing may cost where nobody says otherwise, such as ``5 CNY``."""
    stale_after_days: int = Field(default=90, ge=1, le=3650)
    """Age at which a verdict proves nothing any more."""
