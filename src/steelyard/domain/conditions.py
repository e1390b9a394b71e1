"""When a rate holds within its dates: by length, hour, thinking, service tier, region, volume.

A condition is a set of dimensions, each constrained or free. Some are known of an offer (region,
seller), some of a call (length, thinking, tier), some of the instant (clock). Of several rates that
match, the most specific holds; ``is_narrower`` is the one definition of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

DAY_MINUTES = 24 * 60
EVERY_DAY = frozenset(range(7))
STANDARD = ""
"""The service tier of an ordinary call."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Hours of the week in a zone."""

    zone: str
    """Name in the time zone database, such as ``Asia/Shanghai``."""
    windows: tuple[tuple[int, int], ...]
    """Minutes after midnight, begin inclusive and end exclusive; a window whose end is not after
    its begin goes on past midnight, and belongs to the day on which it begins."""
    weekdays: frozenset[int] = EVERY_DAY
    """Days on which the windows begin; Monday is 0."""
    holidays: str = ""
    """Country (ISO 3166) on whose public holidays the windows do not hold; empty for none."""

    def __post_init__(self) -> None:
        if not self.windows:
            raise ValueError("a clock has at least one window")
        for begin, end in self.windows:
            if not (0 <= begin < DAY_MINUTES and 0 <= end <= DAY_MINUTES):
                raise ValueError(f"a window runs within 0 and {DAY_MINUTES} minutes: {begin}-{end}")
        if not self.weekdays <= EVERY_DAY or not self.weekdays:
            raise ValueError(f"weekdays are 0 (Monday) to 6: {sorted(self.weekdays)}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be so for a rate to hold. A free dimension has its default."""

    input_from: int = 0
    """Fewest input tokens of the request; all of them count, cached ones too."""
    input_to: int | None = None
    """First number of input tokens for which it no longer holds."""
    output_from: int = 0
    output_to: int | None = None
    """The same for output tokens."""
    is_marginal: bool = False
    """Whether the rate prices only the tokens of its own item inside the bounds, not all of the
    request's."""
    clock: Clock | None = None
    thinking: bool | None = None
    """Whether the model thought before it answered; None for either."""
    tier: str = STANDARD
    """Service tier or way of processing: ``batch``, ``flex``, ``priority``, ``fast``."""
    region: str = ""
    """Where the vendor serves from, as its list says, such as ``intl``."""
    seller: str = ""
    """Who hosts or resells, where the list names one."""
    variant: str = ""
    """Of images and video: size and quality, such as ``1024x1024 high``."""
    volume_from: int = 0
    """Fewest tokens bought of the model since the month began, in the vendor's zone."""
    volume_to: int | None = None
    version: str = ""
    """Which release stood behind a moving name; tells, and never decides."""
    remark: str = ""
    """Anything else the list says; tells, and never decides."""
    is_list_price: bool = False
    """Whether it is what the list says beside a promotion: charged only where nothing else is."""

    def __post_init__(self) -> None:
        for name in ("input", "output", "volume"):
            begin, end = getattr(self, f"{name}_from"), getattr(self, f"{name}_to")
            if begin < 0 or (end is not None and end <= begin):
                raise ValueError(f"{name} bounds run from {begin} to {end}: the end is above")


ALWAYS = Condition()

_RANGES = (("input_from", "input_to"), ("output_from", "output_to"), ("volume_from", "volume_to"))
_CHOICES = ("thinking", "tier", "region", "seller", "variant", "clock")
_TELLING = frozenset(("version", "remark"))


def deciding(condition: Condition) -> Condition:
    """The condition without what only tells."""
    if not (condition.version or condition.remark):
        return condition
    kept = {f.name: getattr(condition, f.name) for f in fields(Condition) if f.name not in _TELLING}
    return Condition(**kept)


def is_narrower(one: Condition, other: Condition) -> bool:
    """Whether ``one`` is strictly more specific: it holds in part of the cases of ``other`` only.

    Every dimension of ``one`` lies within that of ``other``, and at least one is smaller. Clocks
    are not compared with each other: two rates with different clocks are a tie where both hold. A
    list price gives way to whatever else holds.
    """
    if one.is_list_price != other.is_list_price:
        return other.is_list_price
    is_smaller = False
    for low, high in _RANGES:
        mine = (getattr(one, low), getattr(one, high))
        its = (getattr(other, low), getattr(other, high))
        if mine == its:
            continue
        if mine[0] < its[0] or (its[1] is not None and (mine[1] is None or mine[1] > its[1])):
            return False
        is_smaller = True
    for name in _CHOICES:
        mine, its, free = getattr(one, name), getattr(other, name), getattr(ALWAYS, name)
        if mine == its:
            continue
        if its != free:
            return False
        is_smaller = True
    return is_smaller


def to_plain(condition: Condition) -> dict[str, Any]:
    """The constrained dimensions as JSON values; empty for ``ALWAYS``."""
    found: dict[str, Any] = {}
    for field in fields(Condition):
        value = getattr(condition, field.name)
        if value == getattr(ALWAYS, field.name):
            continue
        if isinstance(value, Clock):
            value = {
                "zone": value.zone,
                "windows": [list(window) for window in value.windows],
                "weekdays": sorted(value.weekdays),
                "holidays": value.holidays,
            }
        found[field.name] = value
    return found


def from_plain(plain: Mapping[str, Any]) -> Condition:
    """The condition that ``to_plain`` gave.

    Raises:
        ValueError: an unknown dimension, or a value that cannot be.
    """
    known = {field.name for field in fields(Condition)}
    unknown = sorted(set(plain) - known)
    if unknown:
        raise ValueError(f"unknown condition {', '.join(unknown)}; one of {', '.join(known)}")
    values = dict(plain)
    clock = values.get("clock")
    if clock is not None and not isinstance(clock, Clock):
        values["clock"] = Clock(
            zone=clock["zone"],
            windows=tuple((begin, end) for begin, end in clock["windows"]),
            weekdays=frozenset(clock.get("weekdays", EVERY_DAY)),
            holidays=clock.get("holidays", ""),
        )
    return Condition(**values)
