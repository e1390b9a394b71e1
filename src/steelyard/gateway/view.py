"""A loaded snapshot, ready to serve from: offers joined with their channels, decoded on first use.

A call keeps the view that it began with, whatever is swapped in meanwhile.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec.structs import replace

from steelyard import dialects
from steelyard.dialects.bridge.manners import MANNERED, MANNERS
from steelyard.domain.errors import UnknownModel
from steelyard.domain.offers import takes_chats
from steelyard.gateway import snapshot
from steelyard.gateway.keytable import KeyTable
from steelyard.gateway.leases import Tab
from steelyard.gateway.snapshot import (
    AccountEntry,
    ChannelEntry,
    Core,
    KeyRecord,
    Meter,
    OfferEntry,
    PolicyEntry,
    TaskEntry,
)
from steelyard.pricebook.book import Period

_PRINCIPALS_MAX = 16_384
"""Principals kept ready per view; more keys than this in use only cost a decode each."""
_NAMES_COMPARED_MAX = 200
"""Names that a misspelt model is compared with: difflib is slow and this is the request path."""
_MISSPELT_MAX = 1024
"""Misspelt names remembered with their nearest: who asks wrongly asks again and again."""


_NO_DEFAULTS: dict[str, msgspec.Raw] = {}


class Holder:
    """Limits that calls are held to; keys without any of their own share their account's."""

    __slots__ = ("has_hard_budget", "meters", "tab")

    def __init__(self, meters: tuple[Meter, ...]) -> None:
        self.meters = meters
        self.tab: Tab | None = None
        """The leases behind ``meters``, kept here by the lease book."""
        self.has_hard_budget = any([meter.currency and meter.is_hard for meter in meters])


class Principal:
    """Who calls, and what limits hold for them."""

    __slots__ = (
        "account_id",
        "account_path",
        "expires_at_ns",
        "holder",
        "is_ours",
        "key_id",
        "policy",
        "task",
    )

    def __init__(
        self, record: KeyRecord, account: AccountEntry, holder: Holder, policy: PolicyEntry
    ) -> None:
        self.key_id = record.key_id
        self.account_id = record.account_id
        self.account_path = account.path
        self.is_ours = account.is_ours
        self.expires_at_ns = record.expires_at_ns
        self.task = record.task
        # Our own accounts name the offer they ask: what is in question is asked, too.
        self.policy = replace(policy, admits_quarantined=True) if account.is_ours else policy
        self.holder = Holder(record.meters + account.meters) if record.meters else holder


class Candidate:
    """An offer with its channel, as choosing and sending need it."""

    __slots__ = (
        "_begins",
        "answer_head",
        "channel",
        "chats",
        "context",
        "dialect",
        "entry",
        "has_manners",
        "is_quarantined",
        "last_period",
        "name",
        "rank_input",
        "rank_output",
        "speaks",
        "tokens_per_byte",
    )

    def __init__(self, entry: OfferEntry, channel: ChannelEntry) -> None:
        self.entry = entry
        self.channel = channel
        self.dialect = dialects.available().get(channel.dialect)
        """How its channel speaks best; None where nobody here does."""
        self.speaks = frozenset((channel.dialect, *channel.speaks))
        """Names of all dialects that its channel speaks."""
        self.name = entry.name
        self.chats = takes_chats(entry.features)
        """Whether it answers chats; other work says so in its needs."""
        self.has_manners = channel.dialect in MANNERED and not MANNERS.isdisjoint(entry.features)
        """Whether requests in its own dialect may have to be written anew for it."""
        self.is_quarantined = entry.is_quarantined
        self.context = entry.context_tokens
        self.tokens_per_byte = entry.tokens_per_byte
        self.rank_input = entry.rank_input
        self.rank_output = entry.rank_output
        self.answer_head = b"x-steelyard-offer: %b\r\nx-steelyard-attempts: " % entry.name.encode()
        self.last_period: Period | None = None
        self._begins = [period.from_ns for period in entry.periods]

    def period_at(self, at_ns: int) -> Period | None:
        """The prices that hold at ``at_ns`` (UTC nanoseconds), or None: unpriced then."""
        last = self.last_period
        if last is not None and last.from_ns <= at_ns < last.to_ns:
            return last
        place = bisect_right(self._begins, at_ns) - 1
        if place < 0:
            return None
        period = self.entry.periods[place]
        if at_ns >= period.to_ns:
            return None
        self.last_period = period
        return period


class Lineup:
    """Offers that serve the same wish, with what lets most calls skip comparing them.

    Where one order is the cheapest for every mix of input and output (nearly always: who is cheaper
    on input is no dearer on output), ``candidates`` stand in it and ``is_ordered`` holds.
    """

    __slots__ = ("_closes_ns", "_opens_ns", "body_bytes_max", "candidates", "is_ordered")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        ordered = sorted(candidates, key=_cost_key)
        self.candidates = tuple(ordered)
        # Prices by length may change the order with every call; who is quarantined is in it for
        # some callers only.
        self.is_ordered = all(
            c.chats and not (c.entry.rank_tiers or c.is_quarantined) for c in ordered
        ) and all(earlier.rank_output <= later.rank_output for earlier, later in pairwise(ordered))
        self.body_bytes_max = min((int(c.context / c.tokens_per_byte) for c in ordered), default=0)
        """Longest body whose expected tokens fit into every candidate's context."""
        self._opens_ns = self._closes_ns = 0

    def is_priced(self, at_ns: int) -> bool:
        """Whether every candidate has a price at ``at_ns``."""
        if self._opens_ns <= at_ns < self._closes_ns:
            return True
        periods = [candidate.period_at(at_ns) for candidate in self.candidates]
        held = [period for period in periods if period is not None]
        if not held or len(held) < len(periods):
            return False
        self._opens_ns = max(period.from_ns for period in held)
        self._closes_ns = min(period.to_ns for period in held)
        return True


def _cost_key(candidate: Candidate) -> tuple[float, float, str]:
    per_byte = candidate.tokens_per_byte * candidate.rank_input
    return per_byte, candidate.rank_output, candidate.name


class View:
    """Everything one call needs to know, immutable but for what is decoded on first use."""

    def __init__(self, core: Core, keys: KeyTable | None, secrets: dict[str, str]) -> None:
        self.core = core
        self.revision = core.revision
        self.secrets = secrets
        self._keys = keys
        self._accounts: dict[str, tuple[AccountEntry, Holder]] = {}
        self._principals: dict[bytes, Principal] = {}
        self._lineups: dict[str, Lineup] = {}
        self._weighed: dict[str, Lineup] = {}
        self._defaults: dict[str, dict[str, msgspec.Raw]] = {}
        self._model_of_offer: dict[str, str] | None = None
        self._nearest: dict[str, list[str]] = {}
        self._default_policy = core.policies.get("default", PolicyEntry())

    @classmethod
    def load(cls, folder: Path) -> View:
        """The view of the snapshot in ``folder``.

        Raises:
            StoreUnavailable: a file is missing or damaged.
            SchemaMismatch: another version wrote it.
        """
        core = snapshot.load(folder)
        path = folder / snapshot.KEYS_FILE
        keys = KeyTable(path) if path.exists() else None
        return cls(core, keys, snapshot.load_secrets(folder))

    def close(self) -> None:
        """Lets go of the key table; no call may begin with this view any more.

        The table's file is gone by then, so this is when the kernel drops its pages: tens of
        milliseconds for a million keys. Not for the loop's thread.
        """
        if self._keys is not None:
            self._keys.close()

    def principal(self, secret_hash: bytes) -> Principal | None:
        """The principal of a key by its 32-byte hash; expiry is the caller's question."""
        known = self._principals.get(secret_hash)
        if known is not None:
            return known
        record = self._keys.find(secret_hash) if self._keys is not None else None
        if record is None:
            return None
        found = self._account(record.account_id)
        if found is None:
            return None
        account, holder = found
        principal = Principal(record, account, holder, self.policy(account.policy))
        if len(self._principals) >= _PRINCIPALS_MAX:
            self._principals.clear()
        self._principals[secret_hash] = principal
        return principal

    def _account(self, account_id: str) -> tuple[AccountEntry, Holder] | None:
        known = self._accounts.get(account_id)
        if known is None:
            packed = self.core.accounts.get(account_id)
            if packed is None:
                return None
            account = snapshot.decode_account(packed)
            known = self._accounts[account_id] = account, Holder(account.meters)
        return known

    def policy(self, name: str) -> PolicyEntry:
        """The policy of that name, or the default one."""
        return self.core.policies.get(name, self._default_policy)

    def task(self, name: str) -> TaskEntry | None:
        """The task of that name, or None."""
        return self.core.tasks.get(name)

    def defaults(self, task: TaskEntry | None) -> dict[str, msgspec.Raw]:
        """The task's settings as JSON for a request's body; none without a task."""
        if task is None or not task.settings:
            return _NO_DEFAULTS
        found = self._defaults.get(task.name)
        if found is None:
            encode = msgspec.json.encode
            found = {name: msgspec.Raw(encode(value)) for name, value in task.settings.items()}
            self._defaults[task.name] = found
        return found

    def lineup(self, model: str) -> Lineup | None:
        """All offers of a model (an alias counts), or None if there is no such model."""
        known = self._lineups.get(model)
        if known is not None:
            return known
        packed = self.core.models.get(model)
        if packed is None:
            target = self.core.aliases.get(model)
            return None if target is None or target == model else self.lineup(target)
        channels = self.core.channels
        lineup = self._lineups[model] = Lineup(
            Candidate(entry, channels[entry.channel])
            for entry in snapshot.decode_offers(packed)
            if entry.channel in channels
        )
        return lineup

    def candidates(self, model: str) -> tuple[Candidate, ...] | None:
        """The offers of ``lineup``, or None if there is no such model."""
        lineup = self.lineup(model)
        return None if lineup is None else lineup.candidates

    def weighed(self, task: TaskEntry) -> Lineup:
        """All offers that have a verdict on the task, whatever it says."""
        known = self._weighed.get(task.name)
        if known is None:
            found = (self.candidate(verdict.offer) for verdict in task.verdicts)
            known = self._weighed[task.name] = Lineup(one for one in found if one is not None)
        return known

    def candidate(self, offer: str) -> Candidate | None:
        """The offer of that name, or None."""
        model = self.model_of_offer.get(offer)
        for candidate in (self.candidates(model) if model is not None else None) or ():
            if candidate.name == offer:
                return candidate
        return None

    @property
    def model_of_offer(self) -> dict[str, str]:
        """Offer name to model name; decoded when an offer is first asked for by name."""
        if self._model_of_offer is None:
            self._model_of_offer = snapshot.decode_offer_index(self.core.offers)
        return self._model_of_offer

    def unknown_model(self, name: str) -> UnknownModel:
        """The error for a model nobody offers, with the nearest names."""
        name = name[:128]
        near = self._nearest.get(name)
        if near is None:
            if len(self._nearest) >= _MISSPELT_MAX:
                self._nearest.clear()
            names = self._names_like(name)
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            self._nearest[name] = near
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        listed = "" if near else " GET /v1/models lists what there is."
        return UnknownModel(f"No model {name!r}.{hint}{listed}", param="model")

    def _names_like(self, name: str) -> list[str]:
        if name.startswith("offer:"):
            pool = [f"offer:{offer}" for offer in self.model_of_offer]
        elif name.startswith("task:"):
            pool = [f"task:{task}" for task in self.core.tasks]
        else:
            pool = [*self.core.models, *self.core.aliases, "auto"]
        if len(pool) > _NAMES_COMPARED_MAX:
            begin = name[:2].lower()
            pool = [other for other in pool if begin in other.lower()]
        return pool[:_NAMES_COMPARED_MAX]
