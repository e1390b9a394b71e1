"""What a test is asked for: of whom, against what, for how much money."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.control.authenticity.schedule import CALLS_MAX, CALLS_MIN, Side
from steelyard.control.authenticity.till import Price, Till
from steelyard.control.own_calls.askable import Askable
from steelyard.control.prices.exchange import Worth
from steelyard.control.prices.wanted import wanted_money
from steelyard.domain.answering import are_one_model
from steelyard.domain.errors import ConfigError
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


def till(connection: Connection, money: str, targets: Mapping[str, Askable], now_ns: int) -> Till:
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
