"""A probe as control runs it: which offer, whose key, how much money, and what becomes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.begun import alone
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.control import Control
from steelyard.control.own_calls.booked import cost_of
from steelyard.control.own_calls.keys import KNOWN_WITHIN_S, own_key
from steelyard.control.prices import book as price_book
from steelyard.control.prices.exchange import Worth
from steelyard.control.prices.wanted import wanted_money
from steelyard.control.probing import catalogue, prober
from steelyard.control.probing.purse import Purse
from steelyard.control.probing.sending import Direct, Gateway, Place
from steelyard.control.probing.terms import Named, Subject
from steelyard.control.proofs import measured
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.dialects.error_table import NO_ERRORS
from steelyard.domain.answering import names_known
from steelyard.domain.errors import ConfigError, RequestError, StoreUnavailable
from steelyard.domain.instants import instant_of
from steelyard.domain.money import format_pico
from steelyard.domain.offers import ChannelKind, takes_chats
from steelyard.gateway import snapshot
from steelyard.gateway.snapshot import ChannelEntry, OfferEntry
from steelyard.pricebook.book import Period, period_at
from steelyard.store import objects, probes
from steelyard.store.probes import Probe

BUDGET = "0.01 USD"
ACCOUNT = "probing"
_LONG, _LONG_HERE = 16_384, 1536
"""Tokens of a long input; a small machine takes minutes for what a vendor takes a second for."""
_running = threading.Lock()
Tell = Callable[[dict[str, Any]], None]


class NoSuchProbe(RequestError):
    """No probe has this number."""

    code = "probe_not_found"
    status = 404


class Wish(NamedTuple):
    """What shall be probed."""

    channel: str
    offer: str = ""
    """Its name, or its model's; empty for the cheapest on the channel."""
    budget: str = BUDGET
    """Most that it may cost, in any currency that has a rate."""
    checks: Sequence[str] = ()
    """Names of checks; empty for all."""


class Target(NamedTuple):
    """An offer, ready to be probed."""

    body: dict[str, Any]
    entry: OfferEntry
    channel: ChannelEntry
    period: Period
    budget_pico: int
    """In the currency of ``entry``."""


async def probe(control: Control, wish: Wish, tell: Tell) -> dict[str, Any]:
    """Probes an offer, keeps what was found, and returns it; ``tell`` gets each check as it ends.

    Raises:
        ConfigError: there is no such channel, offer or check, or no price.
        Overloaded: another probe runs.
        StoreError: the database cannot be used, or no worker answers.
    """
    checks = catalogue.chosen(wish.checks)
    now_ns = time.time_ns()
    target = await control.read(lambda c: _target(c, wish, now_ns))
    with alone(_running, "Another probe runs; try again when it is done."):
        purse = Purse(target.period, target.entry.currency, target.budget_pico)
        found = await _run(control, target, purse, (checks, tell))
    return await _keep(control, target, found, target.budget_pico - purse.left_pico)


async def _run(
    control: Control, target: Target, purse: Purse, wanted: tuple[Sequence[Named], Tell]
) -> list[prober.Checked]:
    checks, tell = wanted
    key = await own_key(control, ACCOUNT, "probe.key")
    url = control.places.gateway_url
    gateway = Gateway(url, key, target.entry.name, lambda call: cost_of(control, call))
    try:
        if not await gateway.wait_until_known(KNOWN_WITHIN_S):
            raise StoreUnavailable("The gateway does not answer the probe's key yet.")
        direct = Direct(_place(control, target.channel))
        running = prober.Prober(_subject(target), purse, gateway, direct)
        return await running.run(checks, lambda one: tell(_check_row(one, purse.currency)))
    finally:
        await gateway.close()


async def apply(control: Control, number: int, actor: str) -> dict[str, Any]:
    """Has routing go by what a probe found, until another one is applied or it is forgotten.

    Raises:
        NoSuchProbe: there is none of that number.
        ConfigError: the offer is not what was probed any more, or its features stand in the file.
    """

    def work(connection: Connection, change: Any) -> dict[str, Any]:
        found = probes.find(connection, number)
        if found is None:
            raise NoSuchProbe(f"No probe {number}.")
        stored = objects.current(connection, "offer").get(found.offer)
        if stored is None or not measured.holds(stored.body, found):
            raise ConfigError(
                f"{found.offer} is not what was probed any more, or its features stand in"
                " steelyard.yaml; probe it again, or change them there."
            )
        probes.apply(connection, change, found)
        features = measured.laid_over(stored.body, found)["features"]
        return {"number": number, "offer": found.offer, "features": features}

    done: dict[str, Any] = await control.write(actor, f"probe {number} applied", work)
    control.publisher.core.want()
    return done


async def forget(control: Control, offer: str, actor: str) -> bool:
    """Has an offer go by its preset again; returns whether it did not."""

    def work(connection: Connection, change: Any) -> bool:
        return probes.forget(connection, change, offer)

    done: bool = await control.write(actor, f"measured features of {offer} forgotten", work)
    control.publisher.core.want()
    return done


def _target(connection: Connection, wish: Wish, now_ns: int) -> Target:
    channels = objects.current(connection, "channel")
    if wish.channel not in channels:
        raise ConfigError(f"No channel {wish.channel!r}; there are {', '.join(channels)}.")
    stored = {
        name: offer
        for name, offer in measured.offers(connection).items()
        if offer.body["channel"] == wish.channel
        and (not wish.offer or wish.offer in (name, offer.body["model"]))
    }
    if not stored:
        raise ConfigError(f"Channel {wish.channel} has no offer {wish.offer}".rstrip() + ".")
    chats = {n: o for n, o in stored.items() if takes_chats(o.body["features"])}
    able = {n: o for n, o in chats.items() if o.body["enabled"]}
    rates = price_book.offer_rates(connection, able)
    channel = channel_entry(wish.channel, channels[wish.channel].body)
    ready: list[Target] = []
    for name, offer in able.items():
        entry = offer_entry(name, offer.body, rates.get(name, ()), now_ns)
        period = period_at(entry.periods, now_ns)
        if period is not None:
            ready.append(Target(dict(offer.body), entry, channel, period, 0))
    if not ready:
        raise ConfigError(
            f"{', '.join(stored)}: none takes chats, is enabled and has a price;"
            " a call without a price is refused."
        )
    target = min(ready, key=_price(connection, ready, now_ns))
    worth = Worth(connection, target.entry.currency, now_ns)
    budget = wanted_money(wish.budget, "budget")
    return target._replace(budget_pico=worth.bound_pico(budget, "budget"))


def _price(
    connection: Connection, ready: Sequence[Target], now_ns: int
) -> Callable[[Target], tuple[bool, Fraction, str]]:
    """What orders offers by their price, those last that cannot be compared with others."""
    worth = Worth(connection, min(target.entry.currency for target in ready), now_ns)

    def key(target: Target) -> tuple[bool, Fraction, str]:
        each = worth.find(target.entry.currency)
        period = target.period
        price = Fraction(sum(period.ceiling[:2]), period.denominator)
        return each is None, price * (each or 1), target.entry.name

    return key


def _subject(target: Target) -> Subject:
    body, entry = target.body, target.entry
    return Subject(
        upstream_model=entry.upstream_model,
        context_tokens=entry.context_tokens,
        features=entry.features,
        answers_as=names_known(entry.upstream_model, entry.model, body.get("answers_as", ())),
        tokens_per_byte=entry.tokens_per_byte,
        errors=target.channel.errors or NO_ERRORS,
        long_tokens_max=_LONG_HERE if target.channel.kind == ChannelKind.EMBEDDED else _LONG,
    )


def _place(control: Control, channel: ChannelEntry) -> Place:
    secrets = snapshot.load_secrets(control.places.snapshot)
    return Place(
        channel,
        control.engines.base_urls().get(channel.name) or channel.base_url,
        secrets.get(channel.credential, "") if channel.credential else "",
        secrets.get(channel.proxy, "") if channel.proxy else "",
    )


async def _keep(
    control: Control, target: Target, found: Sequence[prober.Checked], cost_pico: int
) -> dict[str, Any]:
    """Writes a probe down; what it comes to, for people and programs."""
    currency = target.entry.currency
    has, lacks = prober.measured(found)
    kept = Probe(
        offer=target.entry.name,
        channel=target.entry.channel,
        upstream_model=target.entry.upstream_model,
        at_ns=time.time_ns(),
        body={
            "checks": [_check_row(checked, currency) for checked in found],
            "has": has,
            "lacks": lacks,
        },
    )

    def work(connection: Connection, _change: Any) -> tuple[int, list[str]]:
        number = probes.add(connection, kept)
        return number, measured.offers(connection)[kept.offer].body["features"]

    number, now = await control.write(ACCOUNT, f"probe of {kept.offer}", work)
    after = measured.change(now, has, lacks)
    return {
        "object": "probe",
        "number": number,
        "offer": kept.offer,
        "channel": kept.channel,
        "upstream_model": kept.upstream_model,
        "at": instant_of(kept.at_ns).isoformat(),
        **kept.body,
        "answers": prober.answered(found),
        "features": now,
        "added": sorted(set(after) - set(now)),
        "removed": sorted(set(now) - set(after)),
        "is_by_file": target.body.get("features_by") == measured.BY_FILE,
        "cost": format_pico(cost_pico),
        "cost_pico": str(cost_pico),
        "currency": currency,
    }


def _check_row(checked: prober.Checked, currency: str) -> dict[str, Any]:
    finding = checked.finding
    return {
        "name": checked.name,
        "title": checked.title,
        "state": finding.state.value,
        "reason": finding.reason,
        "has": list(finding.has),
        "lacks": list(finding.lacks),
        "cost_pico": str(checked.cost_pico),
        "currency": currency,
    }
