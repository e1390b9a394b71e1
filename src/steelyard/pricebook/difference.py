"""What a price list says beyond what was recorded of its source: steps to record, and doubts.

Days that have been billed by are the point: a line that is news for the future, or that begins
after everything recorded under its item and condition, is appended; whatever would make the past
another one is a finding, unless it is marked as a correction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.conditions import Condition, deciding
from steelyard.domain.listings import Finding, ListedRate, Listing
from steelyard.domain.rates import UNITS, Rate
from steelyard.pricebook.market import Market

UNLESS_SURE = "; if that is so: --yes"
"""End of the finding of a change that somebody must say is meant."""
BY_CORRECTION = "; --correction books the difference"
"""End of the finding of a line that comes late."""
FACTOR_MAX = 20
"""A price that changes by more than this, up or down, is believed only when told twice."""

ADDED = "added"
CHANGED = "changed"
ENDED = "ended"
CORRECTED = "corrected"
KINDS = (ADDED, CHANGED, ENDED, CORRECTED)

PAST = "past_changed"
"""Kind of the finding that only a correction overrules."""
BOUND = "change_large"
"""Kind of the finding that ``--yes`` overrules."""
LATE = "late"
TWICE = "line_twice"

_NEVER = datetime.max.replace(tzinfo=UTC)

_Key = tuple[str, str, str, str, str, Condition]
_ListingKey = tuple[str, str, str, str]


class Rules(NamedTuple):
    """By what a list is judged."""

    now: datetime
    """UTC; what began before has been billed by."""
    may_correct: bool = False
    """Whether what changes the past is a correction, marked as one."""
    is_correction: bool = False
    """The same, and lines that come late are corrections of what held since they began."""


class Step(NamedTuple):
    """One thing to record."""

    kind: str
    """One of ``KINDS``."""
    line: ListedRate
    """The new line; of one that is retracted, the old one."""
    before: Rate | None = None
    """What the price was: at the same instant, or else just before; what another source says of an
    item that is new to this one."""
    corrects: str = ""
    """Id of the rate that held in the past in its place."""
    is_retracted: bool = False

    @property
    def change(self) -> Fraction | None:
        """The price's change as a part of what it was; None where there is nothing to compare."""
        if self.before is None or self.is_retracted or not self.before.amount:
            return None
        return each(self.line.rate) / each(self.before) - 1


class Difference(NamedTuple):
    """What a list adds to what its source said before."""

    steps: tuple[Step, ...]
    unchanged: int
    """Lines that say what the book says already."""
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """How many steps are of a kind."""
        return sum(step.kind == kind for step in self.steps)


def diff(
    current: Iterable[ListedRate],
    parsed: Iterable[ListedRate],
    rules: Rules,
    others: Market | None = None,
) -> Difference:
    """What to record so that the book says what ``parsed`` says.

    A list speaks of the listings that it has, from the first day on that it has of each; what it
    does not mention stays as it is.

    Args:
        current: What the book has of the same source.
        parsed: The list; sources of its lines are not looked at.
        rules: By what it is judged.
        others: What other sources say, to find wrong units in a listing that is new to this one.
    """
    comparison = _Comparison(rules, others)
    old, new = _by_key(current), _by_key(parsed)
    first: dict[_ListingKey, datetime] = {}
    for key, lines in new.items():
        begin = min(line.rate.valid_from for line in lines)
        first[key[:4]] = min(begin, first.get(key[:4], begin))
    for key in new.keys() | {key for key in old if key[:4] in first}:
        comparison.compare(old.get(key, []), new.get(key, []), first[key[:4]])
    comparison.steps.sort(key=_order)
    comparison.findings.sort(key=lambda finding: (not finding.is_error, finding.line))
    return Difference(tuple(comparison.steps), comparison.unchanged, tuple(comparison.findings))


def each(rate: Rate) -> Fraction:
    """The price of a single thing, whatever the unit it is listed by."""
    return rate.amount / UNITS[rate.unit]


class _Cover(NamedTuple):
    """A time in which lines hold without a gap, and the next such time."""

    begin: datetime
    end: datetime
    later: _Cover | None


class _Timeline:
    """Lines of one item and condition by the instant from which they hold.

    The latest to begin holds; what it lies upon holds again where it ends first.
    """

    def __init__(self, lines: Mapping[datetime, ListedRate]) -> None:
        self.lines = dict(lines)
        self._begins = sorted(lines)
        self._after: dict[datetime, _Cover | None] = {}
        """What is covered by the lines that begin after each of them."""
        cover: _Cover | None = None
        for begin in reversed(self._begins):
            self._after[begin] = cover
            end = lines[begin].rate.valid_to or _NEVER
            while cover is not None and cover.begin <= end:
                end, cover = max(end, cover.end), cover.later
            cover = _Cover(begin, end, cover)

    def end(self, rate: Rate, at: datetime) -> datetime:
        """Until when a rate shows that holds at ``at``, a line's begin, for all that begins later.

        A rate that ends where others hold on ends where they begin: that makes no difference.
        """
        end = rate.valid_to or _NEVER
        cover = self._after[at]
        while cover is not None and cover.end < end:
            cover = cover.later
        return min(end, cover.begin) if cover is not None else end

    def keep(self, line: ListedRate) -> None:
        """Another line stands in for one that begins with it, and says the same."""
        self.lines[line.rate.valid_from] = line

    def drop(self, at: datetime) -> None:
        """The line that begins at an instant is not needed: the one before it says the same."""
        del self.lines[at]
        self._begins.remove(at)

    def holding(self, at: datetime) -> ListedRate | None:
        """The line that held before an instant and would go on without another."""
        return self._latest(at, lambda end: end > at)

    def before(self, at: datetime) -> ListedRate | None:
        """The line that held just before an instant, or else the last one to begin."""
        position = bisect_left(self._begins, at)
        newest = self.lines[self._begins[position - 1]] if position else None
        return self._latest(at, lambda end: end >= at) or newest

    def has_after(self, at: datetime) -> bool:
        """Whether a line begins after an instant."""
        return bool(self._begins) and self._begins[-1] > at

    def _latest(self, at: datetime, is_wanted: Callable[[datetime], bool]) -> ListedRate | None:
        for begin in reversed(self._begins[: bisect_left(self._begins, at)]):
            line = self.lines[begin]
            if is_wanted(line.rate.valid_to or _NEVER):
                return line
        return None


class _Comparison:
    """Gathers steps and findings, item by item and condition by condition."""

    def __init__(self, rules: Rules, others: Market | None) -> None:
        self._rules = rules
        self._others = others
        self.steps: list[Step] = []
        self.findings: list[Finding] = []
        self.unchanged = 0

    def compare(
        self, old: Sequence[ListedRate], new: Sequence[ListedRate], first: datetime
    ) -> None:
        """Compares the lines of one item and condition; the list begins at ``first``."""
        if not old and len(new) == 1:
            self._add_first(new[0])  # nearly all lines of a long list
            return
        before = _Timeline({line.rate.valid_from: line for line in old})
        wanted: dict[datetime, ListedRate] = {}
        for line in new:
            known = wanted.setdefault(line.rate.valid_from, line)
            if known is not line and not _is_same(known.rate, line.rate):
                message = f"{_what(line)} has two prices from the same day on; keep one"
                self.findings.append(Finding(TWICE, message, line.line))
        listed = _Timeline(wanted)
        gone = {
            at
            for at, line in before.lines.items()
            if at >= first and at not in wanted and not _is_within(line, listed.holding(at))
        }
        kept = {at: line for at, line in before.lines.items() if at not in gone}
        merged = _Timeline({**kept, **wanted})
        for at in sorted(gone):
            self._compare_gone(before.lines[at])
        for at in sorted(wanted):
            known_line = before.lines.get(at)
            if known_line is not None:
                self._compare_same_day(known_line, wanted[at], merged)
            else:
                self._compare_new(wanted[at], before, merged)

    def _add_first(self, line: ListedRate) -> None:
        """The only line of an item of which nothing was recorded."""
        elsewhere = self._elsewhere(line)
        if elsewhere is not None:
            self._check_bound(line, elsewhere.rate)
        self.steps.append(Step(ADDED, line, elsewhere.rate if elsewhere is not None else None))

    def _compare_gone(self, line: ListedRate) -> None:
        """A recorded line that the list no longer has, though it speaks of its time."""
        if line.rate.valid_from > self._rules.now:
            self.steps.append(Step(ENDED, line, line.rate, is_retracted=True))
        elif self._may_correct(line, "is no longer listed, though it held in the past"):
            self._retract(line)

    def _retract(self, line: ListedRate) -> None:
        self.steps.append(Step(CORRECTED, line, line.rate, line.rate.rate_id, is_retracted=True))

    def _compare_same_day(self, old: ListedRate, new: ListedRate, merged: _Timeline) -> None:
        since = new.rate.valid_from
        ends = merged.end(old.rate, since), merged.end(new.rate, since)
        is_same = _is_same(old.rate, new.rate)
        if is_same and ends[0] == ends[1]:
            self.unchanged += 1
            merged.keep(old)
            return
        if is_same:
            since = min(ends)
        else:
            self._check_bound(new, old.rate)
        if since >= self._rules.now:
            kind = ENDED if is_same and ends[1] < ends[0] else CHANGED
            self.steps.append(Step(kind, new, old.rate))
            return
        was = f"was {_price(old.rate)} until now" if not is_same else "ended on another day"
        if self._may_correct(new, f"holds since {since:%Y-%m-%d} and {was}"):
            self.steps.append(Step(CORRECTED, new, old.rate, old.rate.rate_id))

    def _compare_new(self, new: ListedRate, before: _Timeline, merged: _Timeline) -> None:
        at = new.rate.valid_from
        without = merged.holding(at)
        if before.lines and without is not None and _is_same(without.rate, new.rate):
            if merged.end(without.rate, at) == merged.end(new.rate, at):
                self.unchanged += 1
                merged.drop(at)
                return
        held = before.holding(at)
        previous = merged.before(at) or self._elsewhere(new)
        previous_rate = previous.rate if previous is not None else None
        if previous_rate is not None:
            self._check_bound(new, previous_rate)
        corrects = held.rate.rate_id if held is not None else ""
        is_late = at < self._rules.now and held is not None and not _is_same(held.rate, new.rate)
        if at < self._rules.now and before.has_after(at):
            if not self._may_correct(new, f"would hold since {at:%Y-%m-%d}, before later prices"):
                return
            self.steps.append(Step(CORRECTED, new, previous_rate, corrects))
        elif is_late and (self._rules.is_correction or new.is_correction):
            self.steps.append(Step(CORRECTED, new, previous_rate, corrects))
        else:
            self.steps.append(Step(ADDED, new, previous_rate))
            if is_late:
                message = (
                    f"{_what(new)} holds since {at:%Y-%m-%d} already: calls since then were priced"
                    f" by the old rate{BY_CORRECTION}"
                )
                self.findings.append(Finding(LATE, message, new.line, is_error=False))

    def _may_correct(self, line: ListedRate, why: str) -> bool:
        """Whether the past may change by this line; a finding if not."""
        if self._rules.may_correct or self._rules.is_correction or line.is_correction:
            return True
        message = f"{_what(line)} {why}; if that was wrong, mark it: --correction"
        self.findings.append(Finding(PAST, message, line.line))
        return False

    def _check_bound(self, line: ListedRate, before: Rate) -> None:
        was, now = each(before), each(line.rate)
        if was == now or (was and now and max(was / now, now / was) <= FACTOR_MAX):
            return
        factor = f"by a factor of {_rounded(max(was / now, now / was))}" if was and now else ""
        message = (
            f"{_what(line)} goes from {_price(before)} to {_price(line.rate)} {factor}".rstrip()
            + UNLESS_SURE
        )
        self.findings.append(Finding(BOUND, message, line.line))

    def _elsewhere(self, line: ListedRate) -> ListedRate | None:
        """What another source says of an item that is new to this one, at the same time."""
        if self._others is None or not self._others.sources_of(line.listing):
            return None
        wanted = deciding(line.rate.condition)
        at = line.rate.valid_from
        for other in reversed(self._others.lines_of(line.listing)):
            rate = other.rate
            if rate.item == line.rate.item and deciding(rate.condition) == wanted:
                if rate.valid_from <= at and (rate.valid_to is None or at < rate.valid_to):
                    return other
        return None


def _by_key(lines: Iterable[ListedRate]) -> dict[_Key, list[ListedRate]]:
    found: dict[_Key, list[ListedRate]] = {}
    for line in lines:
        key = (*line.listing.folded, line.rate.item, deciding(line.rate.condition))
        found.setdefault(key, []).append(line)
    return found


def _listing_key(listing: Listing) -> _ListingKey:
    vendor, channel, model, currency = listing
    return vendor.casefold(), channel, model.casefold(), currency


def _is_within(line: ListedRate, other: ListedRate | None) -> bool:
    """Whether the other holds as long at the same price: of two such lines one may go."""
    if other is None or not _is_same(line.rate, other.rate):
        return False
    return (line.rate.valid_to or _NEVER) <= (other.rate.valid_to or _NEVER)


def _is_same(one: Rate, other: Rate) -> bool:
    return each(one) == each(other)


def _order(step: Step) -> tuple[object, ...]:
    return *step.line.listing, step.line.rate.item, step.line.rate.valid_from, step.line.line


def _what(line: ListedRate) -> str:
    condition = f" ({line.phrase})" if line.phrase else ""
    return f"{line.listing} {line.rate.item}{condition}"


def _price(rate: Rate) -> str:
    return f"{_rounded(rate.amount)} {rate.currency}/{rate.unit}"


def _rounded(value: Fraction) -> str:
    return f"{float(value):.6g}"
