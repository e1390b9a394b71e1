"""Compiles what the database says into the files workers serve from.

The core is small and written whole; the key table is streamed row by row, because a million keys
must fit neither memory nor a pause. Everything is written beside and renamed by ``gateway``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from steelyard.control.configuration.channels import channel_entry
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured, proving, quarantine
from steelyard.control.snapshot.offerings import Home, next_change_ns, offer_entry
from steelyard.control.snapshot.public_models import public_facts
from steelyard.domain.accounts import OWN_ACCOUNTS
from steelyard.domain.budgets import Limit, Period, Unit
from steelyard.domain.money import Money
from steelyard.domain.rates import ExchangeRate, Rate
from steelyard.gateway import keytable, snapshot
from steelyard.gateway.snapshot import (
    AccountEntry,
    Core,
    ExchangeEntry,
    KeyRecord,
    Meter,
    OfferEntry,
    PolicyEntry,
    TaskEntry,
)
from steelyard.pricebook.book import END_NS
from steelyard.store import (
    accounts,
    keys,
    limits,
    objects,
    price_events,
    revisions,
    settings,
)
from steelyard.store import exchange as exchange_rates
from steelyard.store.objects import Stored

log = logging.getLogger(__name__)


SUPPLYING = "supplying"
"""Account, and policy, of calls that measure supply."""


def compile_core(connection: Connection, now_ns: int) -> Core:
    """The core of a snapshot as of ``now_ns`` (UTC)."""
    home = settings.get(connection, "home_currency", "CNY")
    offers = measured.offers(connection)
    rates = price_book.offer_rates(connection, offers)
    exchange = _exchange(connection, home, rates, now_ns)
    channels = {
        name: channel_entry(name, stored.body)
        for name, stored in objects.current(connection, "channel").items()
    }
    unapproved = price_events.unapproved_ids(connection)
    approved = price_book.offer_rates(connection, offers, unapproved) if unapproved else rates
    ranks = Home(home, exchange, approved)
    held = quarantine.held(connection, offers)
    models: dict[str, list[OfferEntry]] = {}
    for name, stored in offers.items():
        if stored.body["enabled"] and stored.body["channel"] in channels:
            entry = offer_entry(name, stored.body, rates.get(name, ()), now_ns, ranks)
            if name in held:
                entry = msgspec.structs.replace(entry, is_quarantined=True)
            models.setdefault(entry.model, []).append(entry)
    tasks = objects.current(connection, "task")
    proven = proving.load(connection, tasks, now_ns)
    aliases = {n: s.body["model"] for n, s in objects.current(connection, "alias").items()}
    return Core(
        format=snapshot.FORMAT,
        revision=revisions.latest(connection),
        compiled_at_ns=now_ns,
        home_currency=home,
        channels=channels,
        models={model: snapshot.raw(tuple(entries)) for model, entries in models.items()},
        offers=snapshot.raw({e.name: e.model for entries in models.values() for e in entries}),
        tasks=_tasks(tasks, proven),
        accounts=_accounts(connection),
        policies=_policies(connection),
        aliases=aliases,
        exchange=exchange,
        public_ids=tuple(sorted({*models, *(a for a, m in aliases.items() if m in models)})),
        public_facts={model: public_facts(entries, now_ns) for model, entries in models.items()},
        changes_at_ns=min(
            next_change_ns([e for entries in models.values() for e in entries], now_ns),
            proving.next_change_ns(proven) or END_NS,
        ),
    )


def write_keys(connection: Connection, folder: Path, now_ns: int) -> int:
    """Replaces the key table; returns how many keys it holds."""
    rows = (
        (key.secret_hash, key_record(key, own))
        for key, own in keys.live_with_limits(connection, now_ns)
    )
    count = keys.count_live(connection)
    return keytable.write(folder / snapshot.KEYS_FILE, rows, count)


def key_record(key: keys.LiveKey, own: tuple[Limit, ...]) -> KeyRecord:
    """A key as the key table holds it."""
    return KeyRecord(
        keys.key_id(key.key_number),
        accounts.account_id(key.account_number),
        key.task,
        key.expires_at_ns or 0,
        meters(own, f"key {key.name}") if own else (),
    )


def meters(of_scope: Iterable[Limit], who: str) -> tuple[Meter, ...]:
    """What calls count against: one meter per unit for all hard limits of one scope together.

    A worker holds one lease per scope and unit; that it fits every period is control's business.
    Soft limits refuse nobody, so calls do not count against them: reports show them.
    """
    hard = [limit for limit in of_scope if limit.is_hard]
    found = []
    for unit in Unit:
        same = sorted((li for li in hard if li.unit is unit), key=lambda li: li.amount)
        if same:
            label = f"{who} ({', '.join(describe(limit) for limit in same)})"
            least = same[0]
            found.append(Meter(least.scope, unit.value, least.amount, least.currency, label))
    return tuple(found)


def describe(limit: Limit) -> str:
    """A limit for people: ``100.00 CNY per day``."""
    if limit.unit is Unit.REQUESTS:
        return f"{limit.amount} requests per minute"
    money = str(Money(limit.amount, limit.currency))
    return f"{money} in all" if limit.period is Period.TOTAL else f"{money} per {limit.period}"


def currencies(connection: Connection) -> set[str]:
    """Every currency in which something is priced, limited or compared."""
    found = {settings.get(connection, "home_currency", "CNY")}
    priced = price_book.offer_rates(connection, objects.current(connection, "offer"))
    found |= {rate.currency for rates in priced.values() for rate in rates}
    return found | limits.currencies(connection)


def _exchange(
    connection: Connection, home: str, rates: Mapping[str, tuple[Rate, ...]], now_ns: int
) -> dict[str, ExchangeEntry]:
    used = {home, *limits.currencies(connection)}
    used |= {rate.currency for of_offer in rates.values() for rate in of_offer}
    found = {}
    for base, quote in permutations(sorted(used), 2):
        rate = exchange_rates.newest(connection, base, quote, now_ns)
        if rate is not None:
            found[f"{base}/{quote}"] = _exchange_entry(rate)
    return found


def _exchange_entry(rate: ExchangeRate) -> ExchangeEntry:
    return ExchangeEntry(rate.rate_id, rate.value.numerator, rate.value.denominator)


def _accounts(connection: Connection) -> dict[str, msgspec.Raw]:
    tree = accounts.tree(connection)
    of_scope = limits.of_accounts(connection)
    found = {}
    for account_id in tree.by_id:
        chain = tree.chain(account_id)
        held: tuple[Meter, ...] = ()
        policy = ""
        for node in chain:
            own = of_scope.get(f"account:{node.account_id}", [])
            held += meters((s.limit for s in own), f"account {tree.path(node.account_id)}")
            policy = node.policy or policy
        path = tree.path(account_id)
        is_ours = path in OWN_ACCOUNTS
        if path == SUPPLYING:
            policy = policy or SUPPLYING
        entry = AccountEntry(tree.id_path(account_id), held, policy, is_ours)
        found[account_id] = snapshot.raw(entry)
    return found


def _policies(connection: Connection) -> dict[str, PolicyEntry]:
    # A refusal is what a measurement of supply asks for: it is told, not tried again.
    found = {
        "default": PolicyEntry(),
        SUPPLYING: PolicyEntry(name=SUPPLYING, attempts_max=1, retries_max=0),
    }
    for name, stored in objects.current(connection, "policy").items():
        body = dict(stored.body)
        for field in ("residency", "channels"):
            body[field] = frozenset(body[field])
        found[name] = PolicyEntry(name=name, **body)
    return found


def _tasks(tasks: Mapping[str, Stored], proven: proving.Proofs) -> dict[str, TaskEntry]:
    return {
        name: TaskEntry(
            name=name,
            floor=float(stored.body["floor"]),
            policy=stored.body["policy"],
            verdicts=proving.entries(proven.get(name, {})),
            settings={
                "temperature": float(stored.body["temperature"]),
                "max_tokens": stored.body["output_tokens_max"],
            },
        )
        for name, stored in tasks.items()
    }
