"""What price lists say: rates of a vendor's models with their evidence, and dated facts.

A listing is a model as one vendor (or reseller) sells it in one currency; offers are priced from
the listing they name, or by rates of their own. Lists come from several sources, all of which are
kept; ``SOURCES`` says whose word holds where they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from steelyard.domain.rates import Rate

OFFICIAL = "official"
RESELLER = "reseller"
SOURCES = ("own", "steelyard", "genai-prices", "litellm", "sheet")
"""Sources, the most trusted first: the user's own list, the one shipped with steelyard, others."""

UNKNOWN_START = datetime(2020, 1, 1, tzinfo=UTC)
"""First instant of a price whose list does not say since when it holds."""


class Listing(NamedTuple):
    """What a price is of."""

    vendor: str
    """Who made the model or lists it, such as ``DeepSeek``."""
    channel: str
    """``official`` or ``reseller``."""
    model: str
    currency: str
    """ISO 4217 code; lists in two currencies are two listings."""

    @property
    def folded(self) -> tuple[str, str, str, str]:
        """What tells listings apart: names without regard to case, since lists differ in it."""
        return self.vendor.casefold(), self.channel, self.model.casefold(), self.currency

    def __str__(self) -> str:
        seller = "" if self.channel == OFFICIAL else f" ({self.channel})"
        return f"{self.vendor} {self.model}{seller} in {self.currency}"


@dataclass(frozen=True, slots=True)
class ListedRate:
    """One line of a price list."""

    listing: Listing
    rate: Rate
    """Its ``source`` is the evidence: the page or file where the price was read."""
    origin: str
    """The source of the list: one of ``SOURCES``."""
    line: int = 0
    """Line in the file it came from, from 1; 0 when the file has none."""
    phrase: str = ""
    """The condition as the list words it."""
    basis: str = ""
    """How sure the first day is: ``announced``, ``release``, ``version suffix``, ``observed``,
    ``unverified`` or ``derived``; only ``announced`` is safe as a price event."""
    note: str = ""
    read_at: datetime | None = None
    """When the evidence was last seen to hold (UTC), where it says so."""
    tax: str = ""
    """Tax inside the amount: its rate, such as ``0.06``; ``0`` for none; empty for unknown."""
    is_correction: bool = False
    """Whether it replaces, on purpose, what was recorded for the past."""

    def is_known_at(self, at: datetime) -> bool:
        """Whether the list says that the price held so early, ends aside.

        Of one without a first day it says only that it held when it was read: the model may not
        have existed before.
        """
        if self.rate.valid_from != UNKNOWN_START:
            return True
        return self.read_at is not None and self.read_at <= at


FACT_KINDS = ("limit", "allowance", "promise", "contract")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something dated that a vendor said or agreed to beside its rates.

    A ``limit`` has in ``body`` any of ``rpm``, ``tpm``, ``rpd``, ``tpd``, ``concurrency``, ``qps``;
    an ``allowance`` (free use) ``unit`` (``tokens`` or ``requests``), ``amount`` and ``per``
    (``day``, ``month``, ``once``); a ``promise`` its ``text``; a ``contract`` what
    ``pricebook.contracts`` describes. ``per`` of a limit or allowance's holder is in ``holder``:
    ``account`` or ``key``.
    """

    kind: str
    """One of ``FACT_KINDS``."""
    vendor: str
    model: str
    """Empty for all models of the vendor."""
    valid_from: datetime
    """UTC, inclusive."""
    valid_to: datetime | None
    """UTC, exclusive."""
    body: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    """Evidence."""
    channel: str = OFFICIAL


class Finding(NamedTuple):
    """Something wrong or worth knowing in a price list or in the book."""

    kind: str
    """Stable slug, such as ``unit_unknown``, ``overlap``, ``stale``."""
    message: str
    """For people: what is wrong and what to do."""
    line: int = 0
    """Line of the file, from 1; 0 where there is none."""
    is_error: bool = True
    """Whether nothing of the file may be taken over."""
    vendor: str = ""
    """Of whose prices it is; empty where a parser found it."""


class Parsed(NamedTuple):
    """What a source's parser made of a file."""

    rates: tuple[ListedRate, ...]
    findings: tuple[Finding, ...]
    facts: tuple[Fact, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether it may be taken over: no finding is an error."""
        return not any(finding.is_error for finding in self.findings)
