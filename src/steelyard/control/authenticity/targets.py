"""What a test is asked for, and which offers that means: bought where, as what, at which price."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.authenticity.schedule import CALLS_MAX, CALLS_MIN, Side
from steelyard.control.authenticity.till import Price, Till
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.prices import book as price_book
from steelyard.control.prices.exchange import Worth
from steelyard.control.prices.wanted import wanted_money
from steelyard.control.proofs import measured
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.domain.answering import are_one_model
from steelyard.domain.errors import ConfigError
from steelyard.domain.offers import ChannelKind, takes_chats
from steelyard.gateway.snapshot import ChannelEntry, OfferEntry
from steelyard.pricebook.book import Period, period_at
from steelyard.store import objects


class Wish(NamedTuple):
    """What shall be tested."""

    offer: str
    against: str
    """An offer, such as the official channel's; or a pool of recorded answers: the name of one that
    is shipped, or the path of a file."""
    money: str
    """Most that it may cost, both sides together."""
    error: Fraction
    """Share of genuine offers that may be called something else."""
    calls: int = CALLS_MAX
    """Most questions to the suspect."""
    pause_s: float = 0.5
    """Mean of the pauses between calls, seconds."""
    is_same_model: bool = False
    """Whether whoever asks says that both names mean one model."""


class Target(NamedTuple):
    """An offer, ready to be asked."""

    body: Mapping[str, Any]
    entry: OfferEntry
    channel: ChannelEntry
    period: Period

    @property
    def is_here(self) -> bool:
        """Whether an engine of this machine answers, to whom no test need look like traffic."""
        return self.channel.kind == ChannelKind.EMBEDDED

    def bought(self) -> dict[str, str]:
        """Where it is bought, and as what: a verdict holds for this alone."""
        return {
            "offer": self.entry.name,
            "model": self.entry.model,
            "channel": self.entry.channel,
            "vendor": self.channel.vendor,
            "upstream_model": self.entry.upstream_model,
        }


def check_calls(calls: int) -> None:
    """Refuses a number of calls with which no test can end well.

    Raises:
        ConfigError: it is too small, or more than a test may make.
    """
    if not CALLS_MIN <= calls <= CALLS_MAX:
        raise ConfigError(f"calls: {CALLS_MIN} to {CALLS_MAX}, not {calls}")


def demand_one_model(wish: Wish, sold: str, reference: str) -> None:
    """Refuses to compare models of different names, since a difference would accuse nobody.

    Raises:
        ConfigError: they differ, and nobody says that they mean the same.
    """
    if wish.is_same_model or are_one_model(sold, reference):
        return
    raise ConfigError(
        f"{wish.offer} is sold as {sold}, {wish.against} answers as {reference}: that they differ"
        " would be no proof. Name a reference of the same model, or say that both names mean one"
        " model: --same-model."
    )


def is_offer(connection: Connection, name: str) -> bool:
    """Whether there is an offer of that name."""
    return name in objects.current(connection, "offer")


def target(connection: Connection, name: str, now_ns: int) -> Target:
    """The offer of that name.

    Raises:
        ConfigError: there is none, or it cannot be asked.
    """
    offers = measured.offers(connection)
    stored = offers.get(name)
    if stored is None:
        raise ConfigError(f"No offer {name[:128]!r}; steelyard offers lists them.")
    if not stored.body["enabled"]:
        raise ConfigError(f"{name} is disabled.")
    if not takes_chats(stored.body["features"]):
        raise ConfigError(f"{name} takes no chats; other work cannot be tested yet.")
    rates = price_book.offer_rates(connection, {name: stored})
    entry = offer_entry(name, stored.body, rates.get(name, ()), now_ns)
    period = period_at(entry.periods, now_ns)
    if period is None:
        raise ConfigError(f"{name} has no price; a call without a price is refused.")
    channels = objects.current(connection, "channel")
    channel = channel_entry(entry.channel, channels[entry.channel].body)
    return Target(dict(stored.body), entry, channel, period)


def till(connection: Connection, money: str, targets: Mapping[str, Target], now_ns: int) -> Till:
    """The money for a test of these sides.

    Raises:
        ConfigError: it is no amount, or there is no exchange rate for it.
    """
    currency = targets[Side.SUSPECT].entry.currency
    worth = Worth(connection, currency, now_ns)
    budget_pico = worth.bound_pico(wanted_money(money))
    prices = {
        side: Price(each.period, worth.demand(each.entry.currency))
        for side, each in targets.items()
    }
    return Till(currency, budget_pico, prices)
