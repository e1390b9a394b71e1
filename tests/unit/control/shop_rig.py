"""A steelyard of one shop, whose calls are written into journals and booked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from migrated import copy_migrated

from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.domain.entries import Intent, Settlement
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: m, channel: shop, upstream_model: chat, context: 9, rates: {input: 1 CNY/mtok}}
"""
AT_NS = 1_795_293_793 * 10**9
HOUR_NS = 3600 * 10**9


def shop_control(home: Path) -> Control:
    """Control of that steelyard; whoever asks for it closes it."""
    (home / "steelyard.yaml").write_text(CONFIG)
    copy_migrated(home, has_prices=True)
    made = Control(Places(home, home, 8080), {})
    made.prepare()
    return made


def book(
    control: Control, incarnation: int, calls: Iterable[tuple[Intent, Settlement]], now_ns: int
) -> None:
    """Writes a worker's calls into its journal and has the scribe book them."""
    folder = control.places.home / "journal"
    folder.mkdir(exist_ok=True)
    journal = Journal(folder, incarnation, 2**20)
    for intent, settlement in calls:
        journal.append_intent(intent)
        journal.append_settlement(settlement)
    journal.close()
    with Scribe(control.places.home, control.database) as scribe:
        scribe.run_once(now_ns)
