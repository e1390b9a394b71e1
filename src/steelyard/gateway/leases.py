"""Leases: slices of limits that control has handed to this worker in advance.

So admitting a call is integer arithmetic here. One ``Lease`` per (scope, unit) and window; ``used``
holds what is settled plus what is reserved; ``used <= granted`` is the promise that no budget is
overspent, broken only by a call that overruns its own quote, and then on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from steelyard.domain.entries import LeaseUse
from steelyard.domain.errors import (
    BudgetExceeded,
    LimitError,
    Overloaded,
    RateLimited,
    RateMissing,
)
from steelyard.gateway.snapshot import ExchangeEntry, Meter
from steelyard.gateway.steps import Signal
from steelyard.pricebook.book import convert, convert_up

REQUESTS = "requests"
DENIAL_HOLDS_S = 0.25
"""How long a refusal is repeated without asking control again."""
_make = tuple.__new__
_MINUTE_NS = 60 * 10**9


class LeaseSource(Protocol):
    """Where leases come from: the link to control."""

    is_connected: bool

    def ask(self, lease: Lease, need: int, at_ns: int) -> None:
        """Wants room for ``need`` beyond what is used; the answer changes the lease."""


class Lease:
    """This worker's slice of one limit in one window."""

    __slots__ = (
        "currency",
        "denial",
        "denied_growth",
        "denied_until_s",
        "granted",
        "growth_asked",
        "is_asking",
        "lease_id",
        "meter",
        "used",
        "used_before",
        "waiters",
        "window_end_ns",
    )

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.currency = meter.currency
        self.lease_id = 0
        self.granted = 0
        self.used = 0
        self.used_before = 0
        self.window_end_ns = 0
        self.is_asking = False
        self.denial: LimitError | None = None
        self.denied_until_s = 0.0
        self.growth_asked = 0
        self.denied_growth = 0
        self.waiters: list[Signal[None]] = []

    def grant(self, lease_id: int, granted: int, window_end_ns: int) -> None:
        """Takes over what control grants in all, and lets whoever waits try again."""
        self.lease_id = lease_id
        self.granted = granted
        self.window_end_ns = window_end_ns
        self.denial = None
        self.answered()

    def deny(self, denial: LimitError, until_s: float) -> None:
        """Takes over a refusal, which holds until ``until_s`` (monotonic)."""
        self.denial = denial
        self.denied_growth = self.growth_asked
        self.denied_until_s = until_s
        self.answered()

    def answered(self) -> None:
        """Ends the asking, with or without an answer."""
        self.is_asking = False
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            waiter.fire(None)


class Reservation:
    """What one attempt holds of its leases until it is settled."""

    __slots__ = ("_amount", "_counted", "_even", "_held")

    def __init__(
        self, leases: tuple[Lease, ...] = (), amount: int = 0, counted: tuple[Lease, ...] = ()
    ) -> None:
        """Holds ``amount``, in the quote's currency, of ``leases``, and 1 of ``counted``."""
        self._even = leases
        self._amount = amount
        self._held: list[tuple[Lease, int]] = []
        self._counted = counted
        for lease in leases:
            lease.used += amount
        for lease in counted:
            lease.used += 1

    def hold(self, lease: Lease, amount: int) -> None:
        """Reserves ``amount`` of the lease; request counts need no settling."""
        lease.used += amount
        if lease.currency:
            self._held.append((lease, amount))
        else:
            self._counted += (lease,)

    @property
    def uses(self) -> tuple[LeaseUse, ...]:
        """What is held, for the Intent."""
        if self._even:
            amount = self._amount
            return tuple([_make(LeaseUse, (lease.lease_id, amount)) for lease in self._even])
        return tuple([_make(LeaseUse, (lease.lease_id, amount)) for lease, amount in self._held])

    def settle(
        self, cost_pico: int, currency: str, exchange: Mapping[str, ExchangeEntry]
    ) -> tuple[tuple[LeaseUse, ...], tuple[str, ...]]:
        """Shrinks or grows what is held to the real cost; returns final uses and exchange ids."""
        uses: list[LeaseUse] = []
        ids: tuple[str, ...] = ()
        if self._even:
            growth, leases = cost_pico - self._amount, self._even
            self._even = ()
            for lease in leases:
                lease.used += growth
                uses.append(_make(LeaseUse, (lease.lease_id, cost_pico)))
            return tuple(uses), ids
        for lease, amount in self._held:
            final = cost_pico
            if lease.currency != currency:
                entry = exchange[f"{currency}/{lease.currency}"]
                final = convert(cost_pico, entry.numerator, entry.denominator)
                ids += (entry.rate_id,)
            lease.used += final - amount
            uses.append(_make(LeaseUse, (lease.lease_id, final)))
        self._held = []
        return tuple(uses), ids

    def release(self) -> None:
        """Gives back everything: nothing was sent, nothing was written down."""
        for lease in self._even:
            lease.used -= self._amount
        self._even = ()
        for lease, amount in self._held:
            lease.used -= amount
        for lease in self._counted:
            lease.used -= 1
        self._held = []
        self._counted = ()


class Tab:
    """A principal's leases as the book held them last, so that a call need not look them up."""

    __slots__ = ("counted", "currency", "generation", "money")

    def __init__(self, leases: Iterable[Lease], generation: int) -> None:
        found = list(leases)
        self.generation = generation
        self.counted = tuple(lease for lease in found if not lease.currency)
        self.money = tuple(lease for lease in found if lease.currency)
        currencies = {lease.currency for lease in self.money}
        self.currency = currencies.pop() if len(currencies) == 1 else ""
        """The one currency of all money leases; empty if there are several, or none."""


class Holder(Protocol):
    """Limits that calls are held to, and the leases behind them; ``view.Holder`` is one."""

    meters: tuple[Meter, ...]
    tab: Tab | None


class LeaseBook:
    """All leases of this worker."""

    def __init__(self, source: LeaseSource, workers: int) -> None:
        self._source = source
        self._workers = max(1, workers)
        self._leases: dict[tuple[str, str], Lease] = {}
        self._generation = 0
        """Counts the leases that took another's place: tabs of before are out of date."""

    def take(
        self,
        holder: Holder,
        quote: tuple[int, str],
        exchange: Mapping[str, ExchangeEntry],
        now: tuple[int, float],
        *,
        counts_request: bool = True,
    ) -> Reservation | list[tuple[Lease, int]]:
        """As ``admit`` with the holder's meters, without looking up leases that have plenty.

        Raises:
            LimitError: control has refused, and the refusal still holds.
            RateMissing: no exchange rate into a meter's currency.
        """
        amount, currency = quote
        tab = holder.tab
        if tab is None or tab.generation != self._generation or tab.currency != currency:
            got = self.admit(holder.meters, quote, exchange, now, counts_request=counts_request)
            if isinstance(got, Reservation):
                held = [self._leases.get((m.scope, m.unit)) for m in holder.meters]
                leases = [lease for lease in held if lease is not None]
                if len(leases) == len(held):
                    holder.tab = Tab(leases, self._generation)
            return got
        now_ns, plenty = now[0], 4 * amount
        for lease in tab.money:
            if lease.granted - lease.used < plenty or now_ns >= lease.window_end_ns:
                break
        else:
            for lease in tab.counted:
                if lease.granted - lease.used < 4 or now_ns >= lease.window_end_ns:
                    break
            else:
                return Reservation(tab.money, amount, tab.counted if counts_request else ())
        return self.admit(holder.meters, quote, exchange, now, counts_request=counts_request)

    def admit(
        self,
        meters: tuple[Meter, ...],
        quote: tuple[int, str],
        exchange: Mapping[str, ExchangeEntry],
        now: tuple[int, float],
        *,
        counts_request: bool = True,
    ) -> Reservation | list[tuple[Lease, int]]:
        """A reservation of ``quote`` (pico-units, currency) in every meter, or what is short.

        Raises:
            LimitError: control has refused, and the refusal still holds.
            RateMissing: no exchange rate into a meter's currency.
        """
        amount, currency = quote
        now_ns = now[0]
        leases = self._leases
        reservation = Reservation()
        short: list[tuple[Lease, int]] = []
        for meter in meters:
            if meter.currency == currency:
                need = amount
            elif meter.unit == REQUESTS:
                if not counts_request:
                    continue
                need = 1
            else:
                try:
                    need = _converted(amount, currency, meter.currency, exchange)
                except RateMissing:
                    reservation.release()
                    raise
            lease = leases.get((meter.scope, meter.unit))
            if (
                lease is None
                or now_ns >= lease.window_end_ns
                or lease.currency != meter.currency  # the limit was set anew in another one
            ):
                lease = self._renew(meter, lease, now_ns)
            left = lease.granted - lease.used
            if left >= need:
                reservation.hold(lease, need)
                if left < 4 * need and not lease.is_asking and lease.denial is None:
                    self._source.ask(lease, 4 * need, now_ns)
            elif meter.is_hard:
                # A soft limit refuses nobody; its use is read from the ledger.
                short.append((lease, need))
        if not short:
            return reservation
        # The call comes back when the others have grown: it must not hold or count twice.
        reservation.release()
        self._demand_all(short, now)
        return short

    def _demand_all(self, short: list[tuple[Lease, int]], now: tuple[int, float]) -> None:
        for lease, need in short:
            _raise_denial(lease, need, now[1])
            self._demand(lease, need, now[0])

    def _renew(self, meter: Meter, before: Lease | None, now_ns: int) -> Lease:
        """A lease for the new window; what the old one still holds settles there."""
        is_alone = meter.unit == REQUESTS and not self._source.is_connected
        is_alike = before is not None and before.currency == meter.currency
        if before is not None and is_alike and before.window_end_ns == 0 and not is_alone:
            # Never granted: who waits, waits for this one, and a refusal stands on it.
            return before
        lease = Lease(meter)
        self._leases[(meter.scope, meter.unit)] = lease
        self._generation += 1
        if is_alone:
            # Without control the worker's own share of the limit holds, so that calls go on.
            lease.granted = self._share(meter)
            lease.window_end_ns = now_ns - now_ns % _MINUTE_NS + _MINUTE_NS
        return lease

    def _demand(self, lease: Lease, need: int, now_ns: int) -> None:
        """Asks for more, so that waiting for the answer (or trying again) makes sense.

        Raises:
            Overloaded: control is away, and a money limit fails closed.
            RateLimited: control is away, and the worker's own share is used up.
        """
        if self._source.is_connected:
            if not lease.is_asking:
                self._source.ask(lease, need * (1 + len(lease.waiters)), now_ns)
            return
        if lease.meter.unit == REQUESTS:
            if lease.granted < (share := self._share(lease.meter)):
                # Control went away within the minute: what it had granted is no bound any more.
                lease.granted = share
                return
            raise RateLimited(
                f"The request limit of {lease.meter.label} is used up for this minute.",
                retry_after_s=(lease.window_end_ns - now_ns) / 1e9,
            )
        raise Overloaded(
            "Limits cannot be checked now: the control plane is away and this budget's lease is"
            " used up. Calls without a money limit go on.",
            code="limits_unavailable",
            retry_after_s=2.0,
        )

    def _share(self, meter: Meter) -> int:
        """This worker's part of a request limit while control is away."""
        return max(1, meter.amount // self._workers)

    def idle(self) -> Iterable[Lease]:
        """Money leases that hold more than they use and were not used since the last asking."""
        for lease in self._leases.values():
            if lease.currency and lease.granted > lease.used and not lease.is_asking:
                if lease.used == lease.used_before and lease.lease_id:
                    yield lease
                lease.used_before = lease.used

    def of_scope(self, scope: str) -> Iterable[Lease]:
        """All leases of one account or key."""
        return [lease for lease in self._leases.values() if lease.meter.scope == scope]


def _raise_denial(lease: Lease, need: int, now_s: float) -> None:
    """Repeats a refusal that still holds for this much.

    A refused top-up says nothing about the smaller growth that a call may need.
    """
    if lease.denial is None or now_s >= lease.denied_until_s:
        return
    if need - (lease.granted - lease.used) >= lease.denied_growth:
        raise lease.denial


def _converted(
    amount_pico: int, currency: str, into: str, exchange: Mapping[str, ExchangeEntry]
) -> int:
    """A quote in a meter's currency, rounded up.

    Raises:
        RateMissing: there is no exchange rate.
    """
    entry = exchange.get(f"{currency}/{into}")
    if entry is None:
        raise RateMissing(f"no exchange rate from {currency} to {into}")
    return convert_up(amount_pico, entry.numerator, entry.denominator)


def denial(code: str, message: str, retry_after_s: float | None) -> LimitError:
    """Control's refusal as the error that the client sees."""
    if code == BudgetExceeded.code:
        return BudgetExceeded(message)
    if code == RateLimited.code:
        return RateLimited(message, retry_after_s=retry_after_s)
    return Overloaded(message, code=code, retry_after_s=retry_after_s)
