"""An offer that control is about to ask chats of: found with its price, and what one costs at most.

Used by whatever pays for its own calls: tests, measurements, probes and looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard import dialects
from steelyard.config.check import nearest
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.prices import book as price_book
from steelyard.control.proofs import measured
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.domain.errors import ConfigError
from steelyard.domain.offers import ChannelKind, takes_chats
from steelyard.gateway.bounds import IMAGE_TOKENS_MAX, input_bound
from steelyard.gateway.snapshot import ChannelEntry, OfferEntry
from steelyard.pricebook.book import Period, period_at, quote
from steelyard.store import objects

DOOR = "openai_chat"
"""The dialect of the door that control's own chats go through."""


class Askable(NamedTuple):
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
        """Where it is bought, and as what: a verdict on it holds for this alone."""
        return {
            "offer": self.entry.name,
            "model": self.entry.model,
            "channel": self.entry.channel,
            "vendor": self.channel.vendor,
            "upstream_model": self.entry.upstream_model,
        }


def askable(connection: Connection, name: str, now_ns: int) -> Askable:
    """The offer of that name, with what it costs at ``now_ns`` (UTC).

    Raises:
        ConfigError: there is none, or it cannot be asked.
    """
    offers = measured.offers(connection)
    stored = offers.get(name)
    if stored is None:
        hint = nearest(name, offers) or "; steelyard offers lists them"
        raise ConfigError(f"No offer {name[:128]!r}{hint}")
    if not stored.body["enabled"]:
        raise ConfigError(f"{name} is disabled.")
    if not takes_chats(stored.body["features"]):
        raise ConfigError(f"{name} takes no chats; other work can be neither tested nor measured.")
    rates = price_book.offer_rates(connection, {name: stored})
    entry = offer_entry(name, stored.body, rates.get(name, ()), now_ns)
    period = period_at(entry.periods, now_ns)
    if period is None:
        raise ConfigError(f"{name} has no price; a call without a price is refused.")
    channels = objects.current(connection, "channel")
    channel = channel_entry(entry.channel, channels[entry.channel].body)
    return Askable(dict(stored.body), entry, channel, period)


def most_pico(
    period: Period, request: Mapping[str, object], image_tokens_max: int = IMAGE_TOKENS_MAX
) -> int:
    """The most that a chat can cost, in pico-units of its offer's currency: what is reserved.

    Args:
        period: the prices.
        request: as a client writes it, with or without its model.
        image_tokens_max: that an image in it is billed for; fewer where its size is known.
    """
    call = dialects.available()[DOOR].read(json.dumps({"model": "m", **request}).encode())
    tokens = input_bound(call) + call.images * (image_tokens_max - IMAGE_TOKENS_MAX)
    return quote(period, tokens, (call.output_max or 1) * call.choices)
