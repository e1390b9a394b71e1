"""Published claims held against the book: what comes out, from which inputs, and what that means.

A claims file is data: each claim has parts (what it says, in numbers), and each part one or more
readings (ways in which it can be meant, such as all input or half output), computed by a word of
``claim_kinds``. The verdict follows from the data by one rule:

- a part *holds* when all of its readings give what it states, *holds with condition* when some do
  and others do not or cannot be computed, or when a limit stands beside it; it is *inconsistent*
  when readings can be computed and none gives it, and *unverifiable* when none can be computed;
- a claim is as its parts: inconsistent if one is, unverifiable if all are, holding if all hold, and
  else holding with condition. A part that states nothing only informs, and a limit that it names
  is a condition of the claim.

Called by control; nothing here reads a file or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

import yaml

from steelyard.config.nesting import check_nesting
from steelyard.domain.listings import OFFICIAL, Listing
from steelyard.domain.money import round_half_even
from steelyard.pricebook.claim_inputs import (
    ExchangeOn,
    Input,
    Lookup,
    Named,
    Unknown,
    Value,
    number,
)
from steelyard.pricebook.claim_kinds import KINDS
from steelyard.pricebook.market import Market

FILE_BYTES_MAX = 2**20


class ClaimError(ValueError):
    """A claims file that cannot be read; says where and why."""


class Status(StrEnum):
    """What the book says of a claim."""

    HOLDS = "holds"
    CONDITIONAL = "holds with condition"
    INCONSISTENT = "inconsistent"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which a part of a claim can be meant."""

    name: str
    """What sets it apart from the others, such as ``80 % input, 20 % output``."""
    kind: str
    """A key of ``KINDS``."""
    given: Mapping[str, str]
    """Its arguments."""
    expect: str = ""
    """What must come out, to its last digit; empty where nobody has said."""
    within: Fraction | None = None
    """How far from ``expect`` it may be; by default it must round to it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a claim says."""

    says: str
    stated: tuple[Fraction | date, Fraction | date] | None
    """Least and most that it may mean; None for a part that only informs."""
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something published about prices."""

    claim_id: str
    published: date
    text: str
    text_zh: str
    source: str
    parts: tuple[Part, ...]
    listings: Mapping[str, Named]
    expect: Status | None = None
    """The verdict that must come out; None where nobody has said."""


class Outcome(NamedTuple):
    """What one reading came to."""

    part: Part
    reading: Reading
    value: Value | None
    """None where it cannot be computed."""
    fits: bool | None
    """Whether it is what the part states; None where that states nothing or has no value."""
    inputs: tuple[Input, ...]
    limits: tuple[str, ...]
    problem: str
    """Why there is no value; empty where there is one."""


class Verdict(NamedTuple):
    """What the book says of one claim."""

    claim: Claim
    status: Status
    outcomes: tuple[Outcome, ...]

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits under which it is to be had, each once."""
        return tuple(dict.fromkeys(limit for o in self.outcomes for limit in o.limits))


def judge(claim: Claim, market: Market, exchange: ExchangeOn) -> Verdict:
    """The verdict over one claim.

    Raises:
        ClaimError: an argument of a reading is not what its kind takes.
    """
    outcomes = tuple(
        _outcome(claim, part, reading, market, exchange)
        for part in claim.parts
        for reading in part.readings
    )
    return Verdict(claim, _status(claim, outcomes), outcomes)


def judge_all(claims: Iterable[Claim], market: Market, exchange: ExchangeOn) -> list[Verdict]:
    """The verdicts over all claims, in their order; raises as ``judge`` does."""
    return [judge(claim, market, exchange) for claim in claims]


def differences(verdict: Verdict) -> list[str]:
    """Where a verdict is not what its claim says must come out, for people."""
    found = [
        f"{verdict.claim.claim_id}, {o.reading.name or o.part.says}: "
        f"{o.value if o.value is not None else o.problem}, not {o.reading.expect}"
        for o in verdict.outcomes
        if o.reading.expect and not _is_expected(o.value, o.reading)
    ]
    expected = verdict.claim.expect
    if expected is not None and verdict.status != expected:
        found.append(f"{verdict.claim.claim_id}: {verdict.status}, not {expected}")
    return found


def unexplained(verdicts: Iterable[Verdict]) -> int:
    """How many claims come out otherwise than their file says they must."""
    return sum(1 for verdict in verdicts if differences(verdict))


def _outcome(
    claim: Claim, part: Part, reading: Reading, market: Market, exchange: ExchangeOn
) -> Outcome:
    lookup = Lookup(market, exchange, claim.listings)
    value, problem = None, ""
    try:
        value = KINDS[reading.kind].compute(lookup, reading.given)
    except Unknown as unknown:
        problem = str(unknown)
    except (ValueError, ZeroDivisionError) as error:
        raise ClaimError(f"claim {claim.claim_id}, {reading.kind}: {error}") from error
    fits = None
    if value is not None and part.stated is not None:
        low, high = part.stated
        if isinstance(value.amount, date) is not isinstance(low, date):
            raise ClaimError(f"claim {claim.claim_id}: {part.says!r} states no {value.unit}")
        fits = bool(low <= value.amount <= high)  # type: ignore[operator]
    inputs, limits = tuple(lookup.used), tuple(lookup.limits)
    return Outcome(part, reading, value, fits, inputs, limits, problem)


def _status(claim: Claim, outcomes: Sequence[Outcome]) -> Status:
    of_parts = [
        _status_of_part([o for o in outcomes if o.part is part])
        for part in claim.parts
        if part.stated is not None
    ]
    if Status.INCONSISTENT in of_parts:
        return Status.INCONSISTENT
    if all(status is Status.UNVERIFIABLE for status in of_parts):
        return Status.UNVERIFIABLE
    has_limit = any(outcome.limits for outcome in outcomes)
    if all(status is Status.HOLDS for status in of_parts) and not has_limit:
        return Status.HOLDS
    return Status.CONDITIONAL


def _status_of_part(outcomes: Sequence[Outcome]) -> Status:
    fitting = sum(1 for outcome in outcomes if outcome.fits)
    if fitting:
        return Status.HOLDS if fitting == len(outcomes) else Status.CONDITIONAL
    if any(outcome.fits is False for outcome in outcomes):
        return Status.INCONSISTENT
    return Status.UNVERIFIABLE


def _is_expected(value: Value | None, reading: Reading) -> bool:
    """Whether the value, rounded to the digits of what is expected, is that."""
    if value is None:
        return reading.expect == Status.UNVERIFIABLE
    if reading.expect == Status.UNVERIFIABLE:
        return False
    if isinstance(value.amount, date):
        return str(value) == reading.expect
    expected = number(reading.expect)
    if reading.within is not None:
        return abs(value.amount - expected) <= reading.within
    digits: int = 10 ** len(reading.expect.partition(".")[2])
    scaled = value.amount * digits
    rounded = round_half_even(scaled.numerator, scaled.denominator)
    return rounded == expected * digits


def read_claims(data: bytes) -> list[Claim]:
    """The claims of a file (YAML; every scalar is taken as text, so that no float arises).

    Raises:
        ClaimError: it cannot be read, or a claim is not made as it should be; says which and why.
    """
    if len(data) > FILE_BYTES_MAX:
        raise ClaimError(f"a claims file has at most {FILE_BYTES_MAX >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
        check_nesting(text)
        plain = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - it makes texts only
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ClaimError(f"no YAML: {error}") from error
    body = _mapping(plain, "the file", needs={"claims"}, may={"format", "listings"})
    listings = {
        name: _named(spec, f"listing {name}")
        for name, spec in _mapping(body.get("listings", {}), "listings").items()
    }
    claims = [_claim(spec, listings) for spec in _list(body["claims"], "claims")]
    seen: set[str] = set()
    for claim in claims:
        if claim.claim_id in seen:
            raise ClaimError(f"claim {claim.claim_id} stands there twice")
        seen.add(claim.claim_id)
    return claims


def _named(plain: Any, where: str) -> Named:
    telling = {"zone", "seller", "region", "tier", "input_tokens", "output_tokens", "thinking"}
    spec = _mapping(plain, where, {"vendor", "model", "currency"}, {"channel", *telling})
    channel = spec.get("channel", OFFICIAL)
    listing = Listing(spec["vendor"], channel, spec["model"], spec["currency"])
    more: dict[str, Any] = {name: spec[name] for name in telling & set(spec)}
    try:
        for name in {"input_tokens", "output_tokens"} & set(more):
            more[name] = int(more[name])
    except ValueError as error:
        raise ClaimError(f"{where}: {error}") from error
    if "thinking" in more:
        more["thinking"] = more["thinking"] == "true"
    return Named(listing, **more)


def _claim(plain: Any, listings: Mapping[str, Named]) -> Claim:
    name = str(plain.get("id", "?")) if isinstance(plain, Mapping) else "?"
    where = f"claim {name}"
    needs = {"id", "published", "text", "source", "parts"}
    spec = _mapping(plain, where, needs, {"text_zh", "expect"})
    parts = tuple(_part(part, where) for part in _list(spec["parts"], f"{where}, parts"))
    try:
        expect = Status(spec["expect"]) if "expect" in spec else None
        published = date.fromisoformat(spec["published"])
    except ValueError as error:
        raise ClaimError(f"{where}: {error}") from error
    return Claim(
        claim_id=name,
        published=published,
        text=spec["text"],
        text_zh=spec.get("text_zh", ""),
        source=spec["source"],
        parts=parts,
        listings=listings,
        expect=expect,
    )


def _part(plain: Any, where: str) -> Part:
    spec = _mapping(plain, f"{where}, part", {"says", "readings"}, {"stated"})
    at = f"{where}, {spec['says']!r}"
    readings = tuple(_reading(one, at) for one in _list(spec["readings"], at))
    try:
        return Part(spec["says"], _stated(spec["stated"]) if "stated" in spec else None, readings)
    except ValueError as error:
        raise ClaimError(f"{at}: {error}; state a number, a day, or LOW..HIGH") from error


def _stated(text: str) -> tuple[Fraction | date, Fraction | date]:
    """``8000``, ``-99.35..-99.25`` or ``2024-05-21``: least and most."""
    low, parted, high = text.partition("..")
    ends = (low, high if parted else low)
    try:
        days = [date.fromisoformat(end) for end in ends]
        return days[0], days[1]
    except ValueError:
        numbers = [number(end) for end in ends]
        return numbers[0], numbers[1]


def _reading(plain: Any, where: str) -> Reading:
    spec = dict(_mapping(plain, f"{where}, reading"))
    name, expect = str(spec.pop("name", "")), str(spec.pop("expect", ""))
    within_text = spec.pop("within", None)
    kinds = [kind for kind in spec if kind in KINDS]
    if len(spec) != 1 or not kinds:
        known = ", ".join(KINDS)
        raise ClaimError(f"{where}: a reading has name, expect, within and one of {known}")
    kind = KINDS[kinds[0]]
    given = _mapping(spec[kinds[0]], f"{where}, {kinds[0]}", set(kind.needs), set(kind.may))
    try:
        within = None if within_text is None else number(within_text)
        if expect and expect != Status.UNVERIFIABLE and "-" not in expect[1:]:
            number(expect)
    except (ValueError, TypeError) as error:
        raise ClaimError(f"{where}, {name or kinds[0]}: {error}") from error
    return Reading(name, kinds[0], {k: str(v) for k, v in given.items()}, expect, within)


def _mapping(
    plain: Any, where: str, needs: set[str] | None = None, may: set[str] | None = None
) -> Mapping[str, Any]:
    """``plain`` as a mapping with the keys that it must and may have; any for ``needs`` None."""
    if not isinstance(plain, Mapping):
        raise ClaimError(f"{where}: a mapping is meant")
    if needs is not None:
        known = needs | (may or set())
        missing, unknown = sorted(needs - set(plain)), sorted(set(plain) - known)
        if missing or unknown:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}"
            raise ClaimError(f"{where}: {wrong}; its keys are {', '.join(sorted(known))}")
    return plain


def _list(plain: Any, where: str) -> Sequence[Any]:
    if not isinstance(plain, list) or not plain:
        raise ClaimError(f"{where}: a list of at least one is meant")
    return plain
