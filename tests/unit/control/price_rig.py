"""A control with a model of a price list, another offer of it, a month of use, and a price cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from migrated import copy_migrated

from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import TAKEN, Order
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.tasks import Verdict
from steelyard.domain.usage import Usage
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.store import accounts, objects, price_events, proofs
from steelyard.store.price_events import PriceEvent
from steelyard.testing.records import make_intent, make_settlement

NOW_NS = instant_ns(datetime(2026, 11, 21, tzinfo=UTC))
TASK = "shop/review-sentiment"
CONFIG = """
weigh_when_idle: false
vendors: {mine: {title: Mine AI, base_url: "http://m/v1"}}
channels: {m: {vendor: mine}, o: {base_url: "http://o/v1"}}
offers:
  - {model: chat, channel: m, context: 9000}
  - model: chat
    channel: o
    context: 9000
    rates: {input: 3 CNY/mtok, output: 3 CNY/mtok}
    valid_from: 2024-01-01
accounts: {acme: {limits: [{money: 10 CNY, period: day}]}}
"""
HEAD = (
    "vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to,source,"
    "note\n"
)
MAY = "2024-05-15"
TOMORROW = "2026-11-22"


def row(item: str, price: str, days: str = MAY, model: str = "chat", when: str = "") -> str:
    """A line; ``days`` is the first one, and after a slash the first one left out."""
    begin, _, end = days.partition("/")
    dated = f"{price},{begin},{end},a page,date=announced"
    return f"Mine AI,official,{model},CNY,per_1m_tokens,{item},{when},{dated}\n"


_OTHERS = (
    row("output", "8")
    + row("input", "20", model="chat-max")
    + row("output", "40", model="chat-max")
)
BASE = HEAD + row("input", "4") + _OTHERS
CUT = HEAD + row("input", "4", f"{MAY}/{TOMORROW}") + row("input", "1", TOMORROW) + _OTHERS


def take(control: Control, text: str, at_ns: int, **more: bool | str) -> int:
    order = Order("prices.csv", text.encode(), **more)  # type: ignore[arg-type]
    outcome = price_lists.take(control.database, order, at_ns, "admin")
    assert outcome.state == TAKEN, outcome.findings
    return outcome.list_number


@contextmanager
def shop(folder: Path, more: str = "") -> Iterator[Control]:
    """A control whose list has been known for long, and that has a month of use."""
    (folder / "control.db").write_bytes(_database(more))
    with _opened(folder, more) as control:
        yield control


@cache
def _database(more: str) -> bytes:
    """What lies in the database of such a control; made once."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        copy_migrated(folder, has_prices=True)
        with _opened(folder, more) as control:
            take(control, BASE, NOW_NS - 60 * DAY_NS)
        return (folder / "control.db").read_bytes()


@contextmanager
def _opened(folder: Path, more: str) -> Iterator[Control]:
    (folder / "steelyard.yaml").write_text(CONFIG + more)
    control = Control(Places(folder, folder, 8080), {})
    control.prepare()
    try:
        yield control
    finally:
        control.close()


def use(control: Control, *usages: Usage, offer: str = "m/chat", days_ago: int = 3) -> None:
    """Books calls of the account ``acme``."""
    with control.database.read() as tx:
        account_id = accounts.tree(tx).find("acme")
    folder = control.places.home / "journal"
    folder.mkdir(exist_ok=True)
    incarnation = 18 + days_ago
    journal = Journal(folder, incarnation, 2**15)
    called_at_ns = NOW_NS - days_ago * DAY_NS
    for number, usage in enumerate(usages, 1):
        intent = make_intent(
            number,
            incarnation=incarnation,
            called_at_ns=called_at_ns,
            account_id=account_id,
            account_path=account_id,
            offer=offer,
        )
        journal.append_intent(intent)
        journal.append_settlement(make_settlement(intent, usage=usage))
    journal.close()
    with Scribe(control.places.home, control.database) as scribe:
        scribe.run_once(NOW_NS)


def prove(control: Control, offer: str) -> None:
    with control.database.write() as tx:
        (digest, *_) = objects.current(tx, "task")[TASK].body["digests"]
        proofs.add_verdict(
            tx,
            Verdict(
                task=TASK,
                offer=offer,
                form_digest=digest,
                floor=Decimal("0.8"),
                total=Fraction(100),
                n=100,
                n_unscored=0,
                lower=Decimal("0.97"),
                upper=Decimal(1),
                confidence=Decimal("0.95"),
                cost_pico=0,
                currency="CNY",
                time_s=1.0,
                decided_at=datetime(2026, 11, 1, tzinfo=UTC),
                model_answered="chat",
            ),
        )


def event_of(control: Control) -> PriceEvent:
    """The newest event."""
    with control.database.read() as tx:
        return price_events.load(tx)[0]
