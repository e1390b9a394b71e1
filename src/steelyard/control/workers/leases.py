"""Who gets how much of a limit: the one place where budgets are divided among workers.

A grant is recorded in SQL before it is handed out, so whatever dies, what may have been used is
known. What is left of a limit in a window is

    limit − max(booked, consumed) − Σ open leases (granted − consumed)

where *booked* is what the ledger's balances hold for the scope in that window, in the limit's
currency, and *consumed* what settled under its leases. The scribe moves both in one transaction,
so in one currency they are equal but for calls made before the limit existed (the baseline), which
only *booked* has; across currencies each was converted on another day, and the larger one counts.
A lease closes only when its worker's journal is sealed and booked to the end: until then the whole
rest of its grant counts as used. Called from one thread at a time, by ``desk``.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from steelyard.domain.budgets import Limit, Period, Unit, window
from steelyard.domain.errors import BudgetExceeded, RateLimited, RateMissing
from steelyard.domain.instants import NS, instant_of
from steelyard.domain.money import Money, round_up
from steelyard.store import accounts, books, exchange, keys, limits
from steelyard.store import leases as rows
from steelyard.store.leases import StoredLease

UNAVAILABLE = "limits_unavailable"
_AHEAD_S = 5
"""A growing grant aims at this much of the use seen lately."""
_PAUSE_NS_MIN = 50_000_000
"""Two askings closer together than this say no more about the rate of use."""
_REMEMBERED_MAX = 100_000


class Ask(NamedTuple):
    """A worker wants at least ``need`` more."""

    incarnation: int
    scope: str
    unit: Unit
    need: int
    """Pico-units of the limit's currency, or a count."""
    asked_at_ns: int
    """UTC: decides the window."""


class Granted(NamedTuple):
    """What a worker may use of a lease, in all."""

    lease_id: int
    granted: int
    window_end_ns: int
    currency: str


class Denied(NamedTuple):
    """Why there is no more."""

    code: str
    message: str
    retry_after_s: float | None
    is_held_by_others: bool = False
    """Whether other live workers hold what is missing: they should be trimmed."""


class _Room(NamedTuple):
    """How one limit stands in its window."""

    limit: Limit
    window: tuple[int, int]
    used: int
    """Booked, or consumed under leases."""
    held: int
    """Granted to workers and not booked."""

    @property
    def left(self) -> int:
        return max(0, self.limit.amount - self.used - self.held)


class Leases:
    """Divides limits; remembers only how fast each worker uses them."""

    def __init__(self) -> None:
        self._growth: dict[tuple[str, str, int], tuple[int, int]] = {}

    def decide(self, connection: Connection, ask: Ask, workers: int) -> Granted | Denied:
        """Grants at least ``need`` more, or says why not; the row is written when this returns.

        Args:
            connection: one that writes; hand the answer out only after its commit.
            ask: what is wanted.
            workers: how many workers share the limit.
        """
        stored = [s.limit for s in limits.of_scope(connection, ask.scope)]
        of_unit = [li for li in stored if li.unit is ask.unit and li.is_hard]
        if not of_unit:
            return self._unlimited(connection, ask)
        try:
            rooms = [_room(connection, limit, ask.asked_at_ns) for limit in of_unit]
        except RateMissing as error:
            return Denied(UNAVAILABLE, error.message, 60.0)
        tightest = min(rooms, key=lambda room: room.left)
        if tightest.left < ask.need:
            return _denial(connection, tightest, ask)
        begin = max(room.window[0] for room in rooms)
        end = min(room.window[1] for room in rooms)
        share = tightest.left // (2 * max(1, workers))
        grow = max(ask.need, min(share, self._wanted(ask)))
        self._remember(ask, grow)
        return self._grow(connection, ask, (begin, end, of_unit[0].currency), grow)

    def shrink(self, connection: Connection, incarnation: int, lease_id: int, amount: int) -> None:
        """The worker keeps only ``amount`` of its lease; one of somebody else's is left alone."""
        lease = rows.by_id(connection, lease_id)
        if lease is None or lease.incarnation != incarnation or lease.closed_at_ns is not None:
            return
        kept = max(0, min(lease.granted, max(amount, 0)))
        rows.set_granted(connection, lease_id, kept)

    def _grow(
        self, connection: Connection, ask: Ask, place: tuple[int, int, str], grow: int
    ) -> Granted:
        begin, end, currency = place
        for lease in rows.overlapping(connection, ask.scope, ask.unit, begin, end):
            where = (lease.incarnation, lease.window_begin_ns, lease.window_end_ns, lease.currency)
            if where == (ask.incarnation, begin, end, currency):
                rows.set_granted(connection, lease.lease_id, lease.granted + grow)
                return Granted(lease.lease_id, lease.granted + grow, end, currency)
        new = StoredLease(
            0, ask.scope, ask.unit, begin, end, ask.incarnation, currency, grow, 0, None
        )
        return Granted(rows.add(connection, new), grow, end, currency)

    def _unlimited(self, connection: Connection, ask: Ask) -> Granted:
        """No such limit (any more): what is asked for, for a minute, until the news is out."""
        begin, end = window(Period.MINUTE, "UTC", instant_of(ask.asked_at_ns))
        return self._grow(connection, ask, (begin, end, ""), ask.need)

    def _wanted(self, ask: Ask) -> int:
        """What the use since the last asking says the worker will need in the next seconds."""
        known = self._growth.get((ask.scope, ask.unit, ask.incarnation))
        if known is None:
            return ask.need
        at_ns, growth = known
        pause_ns = max(_PAUSE_NS_MIN, ask.asked_at_ns - at_ns)
        return growth * _AHEAD_S * NS // pause_ns

    def _remember(self, ask: Ask, grow: int) -> None:
        if len(self._growth) >= _REMEMBERED_MAX:
            self._growth.clear()
        self._growth[(ask.scope, ask.unit, ask.incarnation)] = (ask.asked_at_ns, grow)


def room_of(connection: Connection, limit: Limit, now_ns: int) -> tuple[int, int]:
    """Used and held of a limit in the window that holds ``now_ns``, for people.

    Raises:
        RateMissing: something was booked in a currency without a rate into the limit's.
    """
    room = _room(connection, limit, now_ns)
    return room.used, room.held


def _room(connection: Connection, limit: Limit, at_ns: int) -> _Room:
    begin, end = window(limit.period, limit.zone, instant_of(at_ns))
    leases = rows.overlapping(connection, limit.scope, limit.unit, begin, end)
    if limit.unit is Unit.REQUESTS:
        # Counts are not journalled, so whatever was granted in this minute counts as used.
        return _Room(limit, (begin, end), sum(lease.granted for lease in leases), 0)
    held = consumed = 0
    for lease in leases:
        if not lease.currency:
            continue  # granted for a minute while no limit stood
        held += _into(connection, lease.held, lease.currency, limit, at_ns)
        if lease.window_begin_ns >= begin and lease.window_end_ns <= end:
            consumed += _into(connection, lease.consumed, lease.currency, limit, at_ns)
    booked = sum(
        _into(connection, sums.cost_pico, currency, limit, at_ns)
        for currency, sums in books.balance(connection, limit.scope, begin, end).items()
    )
    return _Room(limit, (begin, end), max(booked, consumed), held)


def _into(connection: Connection, amount: int, currency: str, limit: Limit, at_ns: int) -> int:
    """An amount in the limit's currency, rounded up at the newest rate.

    Raises:
        RateMissing: there is none.
    """
    if currency == limit.currency or amount == 0:
        return amount
    rate = exchange.newest(connection, currency, limit.currency, at_ns)
    if rate is None:
        raise RateMissing(f"no exchange rate from {currency} to {limit.currency}")
    return round_up(amount * rate.value.numerator, rate.value.denominator)


def _denial(connection: Connection, room: _Room, ask: Ask) -> Denied:
    limit = room.limit
    who = _name_of(connection, limit.scope)
    held_by_others = any(
        lease.held and lease.incarnation != ask.incarnation
        for lease in rows.overlapping(connection, limit.scope, limit.unit, *room.window)
    )
    if limit.unit is Unit.REQUESTS:
        wait_s = max(0.0, (room.window[1] - ask.asked_at_ns) / NS)
        message = f"{who} has used up its {limit.amount} requests per minute."
        return Denied(RateLimited.code, message, wait_s)
    period = "in all" if limit.period is Period.TOTAL else f"per {limit.period}"
    message = (
        f"{who} has no room for this call in its budget of"
        f" {Money(limit.amount, limit.currency)} {period}:"
        f" {Money(room.used, limit.currency)} used, {Money(room.held, limit.currency)} reserved"
        f" for calls under way, {Money(ask.need, limit.currency)} needed."
    )
    return Denied(BudgetExceeded.code, message, None, held_by_others)


def _name_of(connection: Connection, scope: str) -> str:
    kind, _, identity = scope.partition(":")
    if kind == "key":
        found = keys.find(connection, by_id=identity)
        return f"Key {found[0].name}" if found else f"Key {identity}"
    tree = accounts.tree(connection)
    return f"Account {tree.path(identity) if identity in tree.by_id else identity}"
