"""A small snapshot, made from plain values, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steelyard.domain.accounts import hash_secret
from steelyard.gateway import keytable, snapshot
from steelyard.gateway.snapshot import (
    AccountEntry,
    ChannelEntry,
    Core,
    ExchangeEntry,
    KeyRecord,
    Meter,
    OfferEntry,
    PolicyEntry,
    TaskEntry,
)
from steelyard.gateway.view import View
from steelyard.pricebook.book import flat

END = 2**63 - 1
MONEY = Meter("account:acc_1", "money", 1000, "CNY", "account demo, month")
RPM = Meter("key:key_1", "requests", 10, "", "key demo, minute")
PERIOD = flat((0, END), (1, 2, 1, 1, 2, 0), ("r-in", "r-out"))
FEATURES = frozenset({"tools", "stream"})


def channel(name: str = "c1", **changes: Any) -> ChannelEntry:
    fields = {
        "name": name,
        "vendor": "v",
        "kind": "official",
        "base_url": f"http://{name}.example:81/v1",
        "dialect": "openai_chat",
        "credential": "",
        "residency": "cn",
    }
    return ChannelEntry(**{**fields, **changes})


def offer(name: str = "c1/m", **changes: Any) -> OfferEntry:
    fields = {
        "name": name,
        "model": "m",
        "channel": name.partition("/")[0],
        "upstream_model": "served",
        "context_tokens": 1000,
        "output_tokens_max": 100,
        "features": FEATURES,
        "tokens_per_byte": 0.5,
        "currency": "CNY",
        "periods": (PERIOD,),
        "rank_input": 1.0,
        "rank_output": 2.0,
    }
    return OfferEntry(**{**fields, **changes})


def core(*offers: OfferEntry, **changes: Any) -> Core:
    offers = offers or (offer(),)
    models: dict[str, list[OfferEntry]] = {}
    for entry in offers:
        models.setdefault(entry.model, []).append(entry)
    fields = {
        "format": snapshot.FORMAT,
        "revision": 7,
        "compiled_at_ns": 1,
        "home_currency": "CNY",
        "channels": {name: channel(name) for name in ("c1", "c2", "c3")},
        "models": {name: snapshot.raw(tuple(entries)) for name, entries in models.items()},
        "offers": snapshot.raw({entry.name: entry.model for entry in offers}),
        "tasks": {},
        "accounts": {"acc_1": snapshot.raw(AccountEntry("acc_0/acc_1", (MONEY,), "careful"))},
        "policies": {"careful": PolicyEntry("careful", attempts_max=2)},
        "aliases": {"nick": "m", "self": "self", "gone": "nowhere"},
        "exchange": {"USD/CNY": ExchangeEntry("ecb-1", 7, 1), "CNY/USD": ExchangeEntry("e2", 1, 7)},
        "public_ids": tuple(models),
    }
    return Core(**{**fields, **changes})


KEYS = {
    b"sk-one": KeyRecord("key_1", "acc_1", meters=(RPM,)),
    b"sk-old": KeyRecord("key_2", "acc_1", expires_at_ns=100),
    b"sk-lost": KeyRecord("key_3", "acc_gone"),
    b"sk-task": KeyRecord("key_4", "acc_1", task="t"),
}


def save(folder: Path, made: Core | None = None) -> None:
    """Writes a whole snapshot."""
    snapshot.write(folder, made or core())
    rows = sorted((hash_secret(secret), record) for secret, record in KEYS.items())
    keytable.write(folder / snapshot.KEYS_FILE, rows, len(rows))


def view(*offers: OfferEntry, **changes: Any) -> View:
    """A view without keys."""
    return View(core(*offers, **changes), None, {"vendor": "sk-vendor"})


def task(name: str = "t", **changes: Any) -> TaskEntry:
    return TaskEntry(name, 0.9, **changes)
