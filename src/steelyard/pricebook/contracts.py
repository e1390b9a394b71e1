"""What a contract makes of list prices: discounts, packs, plans, vouchers, fixed fees.

Pure arithmetic over uses that were priced by the list already. A contract is a dated fact (kind
``contract``), whose body has these fields, all of them optional but the first two; amounts are text
or whole numbers of the currency, days hold from midnight of the zone (UTC where none is named):

- ``name``, ``currency``, ``zone``;
- ``discount``: share taken off the list price, such as ``"0.15"``;
- ``packs``: bought in advance and drawn down, each ``count`` of ``unit`` (``tokens`` or
  ``requests``) for ``amount``; ``from`` and ``expires``, or ``per: month`` for a plan that begins
  anew each month; ``after`` is ``list`` (more costs list price) or ``stop`` (more is refused);
- ``vouchers``: ``amount`` to pay with, ``paid`` for it (0 for a gift; as much as the amount where
  nothing is said), ``from``, ``expires``;
- ``fees``: ``amount``, ``per`` (``once``, ``month``, ``year``), ``from``, ``to``;
- ``renews`` (day) and ``notice_days``.

What is sooner lost is used first. What expires unused was paid for, so it is a cost of what was
used; what has not expired yet is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard.domain.listings import Fact
from steelyard.domain.money import round_half_even, to_pico

ONCE, MONTH, YEAR = "once", "month", "year"
TOKENS, REQUESTS = "tokens", "requests"
LIST, STOP = "list", "stop"
_MONTHS = {MONTH: 1, YEAR: 12}
_NEVER = datetime.max.replace(tzinfo=UTC)
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{0,30})?", re.ASCII)
_KEYS = frozenset(
    ("name", "currency", "zone", "discount", "packs", "vouchers", "fees", "renews", "notice_days")
)


class Pack(NamedTuple):
    """So many tokens or requests, bought in advance."""

    size: int
    """How many."""
    unit: str
    amount_pico: int
    """What all of them cost."""
    from_at: datetime
    expires_at: datetime | None
    per: str = ONCE
    """``month`` for a plan: paid and filled up anew each month."""
    after: str = LIST


class Voucher(NamedTuple):
    """Credit to pay with."""

    amount_pico: int
    paid_pico: int
    from_at: datetime
    expires_at: datetime | None


class Fee(NamedTuple):
    """What is paid however much is used."""

    amount_pico: int
    per: str
    from_at: datetime
    to_at: datetime | None


class Use(NamedTuple):
    """Something used, at its list price."""

    at: datetime
    tokens: int
    list_pico: int
    """Price by the list, in the contract's currency."""
    requests: int = 1


class Statement(NamedTuple):
    """What a period cost under a contract; amounts in pico-units of its currency."""

    currency: str
    tokens: int
    """Tokens that were served."""
    unserved_tokens: int
    """Tokens that a plan which stops refused."""
    list_pico: int
    """What the list would have charged for what was served."""
    fees_pico: int
    packs_pico: int
    """The share of packs that was drawn."""
    vouchers_pico: int
    """What was once paid for the credit that was used."""
    cash_pico: int
    expired_pico: int
    """What was paid for packs and credit that expired unused."""

    @property
    def total_pico(self) -> int:
        """All that it cost."""
        paid = self.fees_pico + self.packs_pico + self.vouchers_pico
        return paid + self.cash_pico + self.expired_pico

    @property
    def per_mtok(self) -> Fraction | None:
        """Effective price of a million tokens in the currency; None when none was served."""
        return Fraction(self.total_pico, self.tokens * 10**6) if self.tokens else None


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms with one vendor."""

    name: str
    currency: str
    discount: Fraction = Fraction(0)
    packs: tuple[Pack, ...] = ()
    vouchers: tuple[Voucher, ...] = ()
    fees: tuple[Fee, ...] = ()
    renews_at: datetime | None = None
    notice_days: int = 0

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Contract:
        """The contract that a fact's body describes.

        Raises:
            ValueError: a field is missing, unknown or impossible.
        """
        unknown = sorted(set(plain) - _KEYS - {"note"})
        if unknown:
            raise ValueError(f"unknown {', '.join(unknown)}; one of {', '.join(sorted(_KEYS))}")
        read = _Reader(plain.get("zone", "UTC"))
        name, currency = plain.get("name"), plain.get("currency")
        if not isinstance(name, str) or not isinstance(currency, str) or len(currency) != 3:
            raise ValueError("a contract has a name and a currency of three letters")
        discount = read.number(plain.get("discount", 0), "discount")
        if discount > 1:
            raise ValueError(f"a discount is a share from 0 to 1, not {discount}")
        renews = plain.get("renews")
        return Contract(
            *(name, currency, discount),
            packs=tuple(read.pack(entry) for entry in plain.get("packs", ())),
            vouchers=tuple(read.voucher(entry) for entry in plain.get("vouchers", ())),
            fees=tuple(read.fee(entry) for entry in plain.get("fees", ())),
            renews_at=read.day(renews) if renews else None,
            notice_days=read.count(plain.get("notice_days", 0), "notice_days"),
        )


@dataclass(slots=True)
class _Store:
    """What is left of a pack or of credit while uses are gone through."""

    from_at: datetime
    ends_at: datetime
    whole: Fraction
    """Tokens, requests, or pico-units."""
    cost_pico: Fraction
    """What all of it was bought for."""
    unit: str = ""
    after: str = LIST
    left: Fraction = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.whole

    def draw(self, wanted: Fraction) -> Fraction:
        """Takes what there is of it, and returns how much that was."""
        taken = min(self.left, wanted)
        self.left -= taken
        return taken

    def holds(self, at: datetime) -> bool:
        return self.from_at <= at < self.ends_at

    @property
    def used_pico(self) -> Fraction:
        return self.cost_pico * (self.whole - self.left) / self.whole


def effective_price(
    contract: Contract, uses: Iterable[Use], since: datetime, until: datetime
) -> Statement:
    """What ``uses`` cost from ``since`` (inclusive) to ``until`` (exclusive), and per token.

    Packs and credit are taken as untouched at ``since``; what expires before ``until`` with a rest
    is charged with it, what lives on is charged by what was drawn. Amounts are rounded once each,
    half-even, at 10**-12.
    """
    packs = sorted(_stores(contract.packs, since, until), key=lambda store: store.ends_at)
    credit = sorted(_credit(contract.vouchers), key=lambda store: store.ends_at)
    listed, cash, tokens, unserved = Fraction(0), Fraction(0), 0, 0
    for use in sorted(use for use in uses if since <= use.at < until):
        rest = _draw_packs(packs, use)
        is_stopped = any(p.after == STOP and p.from_at <= use.at < p.ends_at for p in packs)
        refused = _whole(rest * use.tokens) if is_stopped else 0
        unserved += refused
        tokens += use.tokens - refused
        listed += use.list_pico * (1 - rest if is_stopped else Fraction(1))
        due = Fraction(0) if is_stopped else use.list_pico * rest * (1 - contract.discount)
        for store in credit:
            if store.holds(use.at):
                due -= store.draw(due)
        cash += due
    expired = sum(
        (s.cost_pico - s.used_pico for s in (*packs, *credit) if since < s.ends_at <= until),
        Fraction(0),
    )
    return Statement(
        contract.currency,
        tokens,
        unserved,
        _whole(listed),
        fees_pico=sum(fee.amount_pico * _due(fee, since, until) for fee in contract.fees),
        packs_pico=_whole(sum(store.used_pico for store in packs)),
        vouchers_pico=_whole(sum(store.used_pico for store in credit)),
        cash_pico=_whole(cash),
        expired_pico=_whole(expired),
    )


def renewals(facts: Iterable[Fact], now: datetime, within_days: int) -> list[tuple[Fact, Contract]]:
    """Contracts in force that renew, or must be given notice, within so many days; soonest first.

    Raises:
        ValueError: a contract's body is not as this module describes.
    """
    until = now + timedelta(days=within_days)
    found = []
    for fact in facts:
        is_in_force = fact.valid_from <= now and (fact.valid_to is None or now < fact.valid_to)
        if fact.kind != "contract" or not is_in_force:
            continue
        contract = Contract.from_plain(fact.body)
        if contract.renews_at is None or contract.renews_at < now:
            continue
        if contract.renews_at - timedelta(days=contract.notice_days) <= until:
            found.append((contract.renews_at, fact, contract))
    found.sort(key=lambda entry: entry[0])
    return [(fact, contract) for _, fact, contract in found]


def _draw_packs(packs: Sequence[_Store], use: Use) -> Fraction:
    """The share of a use that no pack covers."""
    rest = Fraction(1)
    for store in packs:
        count = use.tokens if store.unit == TOKENS else use.requests
        if rest and count and store.holds(use.at):
            rest -= store.draw(rest * count) / count
    return rest


def _stores(packs: Iterable[Pack], since: datetime, until: datetime) -> Iterator[_Store]:
    for pack in packs:
        whole, cost = Fraction(pack.size), Fraction(pack.amount_pico)
        end = pack.expires_at or _NEVER
        if pack.per == ONCE:
            yield _Store(pack.from_at, end, whole, cost, pack.unit, pack.after)
            continue
        for begin, next_begin in _terms(pack.from_at, pack.per, min(end, until)):
            if next_begin > since:
                yield _Store(begin, min(next_begin, end), whole, cost, pack.unit, pack.after)


def _credit(vouchers: Iterable[Voucher]) -> Iterator[_Store]:
    for voucher in vouchers:
        whole, cost = Fraction(voucher.amount_pico), Fraction(voucher.paid_pico)
        yield _Store(voucher.from_at, voucher.expires_at or _NEVER, whole, cost)


def _due(fee: Fee, since: datetime, until: datetime) -> int:
    """How often a fee falls due within the period."""
    end = min(until, fee.to_at or until)
    if fee.per == ONCE:
        return 1 if since <= fee.from_at < end else 0
    return sum(since <= begin for begin, _ in _terms(fee.from_at, fee.per, end))


def _terms(begin: datetime, per: str, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Terms that begin before ``until``: begin, and begin of the next."""
    index = 0
    while (term := _months_after(begin, index)) < until:
        index += _MONTHS[per]
        yield term, _months_after(begin, index)


def _months_after(begin: datetime, months: int) -> datetime:
    """The same day so many months later, or that month's last day where it has no such day."""
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return begin.replace(year=year, month=month + 1, day=min(begin.day, last))


def _whole(amount: Fraction | int) -> int:
    return round_half_even(amount.numerator, amount.denominator)


class _Reader:
    """Reads the fields of a body; every method raises ``ValueError`` for what cannot be."""

    def __init__(self, zone: Any) -> None:
        try:
            self._zone = ZoneInfo(str(zone))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone: {zone!r}") from error

    def pack(self, entry: Any) -> Pack:
        self._keys(entry, "count", "unit", "amount", "from", "expires", "per", "after")
        found = Pack(
            *(self.count(entry.get("count"), "count"), str(entry.get("unit", TOKENS))),
            *(self.amount(entry, "amount"), self.day(entry.get("from"))),
            *(self.end(entry, "expires"), str(entry.get("per", ONCE))),
            str(entry.get("after", LIST)),
        )
        if not found.size or found.unit not in (TOKENS, REQUESTS):
            raise ValueError(f"a pack holds a count of {TOKENS} or {REQUESTS}")
        if found.per not in (ONCE, MONTH) or found.after not in (LIST, STOP):
            raise ValueError(f"a pack is per {ONCE} or {MONTH}, and after it {LIST} or {STOP}")
        return found

    def voucher(self, entry: Any) -> Voucher:
        self._keys(entry, "amount", "paid", "from", "expires")
        amount = self.amount(entry, "amount")
        if not amount:
            raise ValueError("a voucher has an amount above zero")
        paid = self.amount(entry, "paid") if "paid" in entry else amount
        return Voucher(amount, paid, self.day(entry.get("from")), self.end(entry, "expires"))

    def fee(self, entry: Any) -> Fee:
        self._keys(entry, "amount", "per", "from", "to")
        per = str(entry.get("per", ONCE))
        if per not in (ONCE, MONTH, YEAR):
            raise ValueError(f"a fee is per {ONCE}, {MONTH} or {YEAR}, not {per!r}")
        begin = self.day(entry.get("from"))
        return Fee(self.amount(entry, "amount"), per, begin, self.end(entry, "to"))

    def amount(self, entry: Mapping[str, Any], name: str) -> int:
        return to_pico(self.number(entry.get(name), name))

    def number(self, value: Any, name: str) -> Fraction:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"{name} is exact: write it as text, not {value!r}")
        text = str(value)
        if not _NUMBER.fullmatch(text):
            # Nor an exponent: one of a few digits stands for a number of as many gigabytes.
            raise ValueError(f"{name} is a plain decimal of at least zero, not {text[:40]!r}")
        return Fraction(text)

    def count(self, value: Any, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{name} is a whole number, not {value!r}")
        return value

    def day(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = date.fromisoformat(value)
        if isinstance(value, datetime) or not isinstance(value, date):
            raise ValueError(f"a day is written as 2024-05-15, not {value!r}")
        # It stays in the zone, so that a month later is the same day there.
        return datetime(value.year, value.month, value.day, tzinfo=self._zone)

    def end(self, entry: Mapping[str, Any], name: str) -> datetime | None:
        return self.day(entry[name]) if entry.get(name) else None

    @staticmethod
    def _keys(entry: Any, *known: str) -> None:
        if not isinstance(entry, dict) or set(entry) - set(known):
            raise ValueError(f"write {', '.join(known)}, not {entry!r}")
