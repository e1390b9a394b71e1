"""Reads dated facts: limits, free use, promises and contracts, from YAML.

A file is a list ``facts``; each entry names a vendor, days, evidence, and exactly one of the kinds
of ``domain.listings.FACT_KINDS`` with its body. Mistakes are findings with their line, all of them
at once; of a file with an error nothing is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from steelyard.config.nesting import check_nesting
from steelyard.domain.listings import FACT_KINDS, OFFICIAL, RESELLER, Fact, Finding, Parsed
from steelyard.pricebook.contracts import Contract
from steelyard.pricebook.sources.dating import YEARS

BYTES_MAX = 4 * 2**20
"""Largest file of facts: thousands of them. YAML takes a second a megabyte to read."""
DEFAULT_ZONE = "Asia/Shanghai"
RATES_PER = ("rpm", "tpm", "rpd", "tpd", "concurrency", "qps")
"""What a limit may bound: requests and tokens per minute and day, requests at once and per
second."""
PERIODS = ("day", "month", "once")
UNITS = ("tokens", "requests")
HOLDERS = ("account", "key")
_KEYS = frozenset(("vendor", "channel", "models", "from", "to", "zone", "note", "source"))


def parse(data: bytes) -> Parsed:
    """The facts of a file, and what is wrong with it."""
    if len(data) > BYTES_MAX:
        large = f"larger than {BYTES_MAX >> 20} MiB: no file of facts is"
        return Parsed((), (Finding("facts_unreadable", large, 0),))
    try:
        check_nesting(data, may_repeat=False)
        root = yaml.compose(data, yaml.CSafeLoader)
        plain = yaml.load(data, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        return Parsed((), (Finding("facts_unreadable", f"no YAML: {error}", line),))
    entries = plain.get("facts") if isinstance(plain, dict) else None
    if not isinstance(entries, list):
        return Parsed((), (Finding("facts_unreadable", "write a list called facts", 1),))
    facts: list[Fact] = []
    findings: list[Finding] = []
    for entry, line in zip(entries, _lines(root), strict=True):
        try:
            facts.extend(_facts(entry))
        except (ArithmeticError, ValueError, TypeError, KeyError) as error:
            findings.append(Finding("fact_wrong", f"a fact cannot be: {error}", line))
    return Parsed((), tuple(findings), () if findings else tuple(facts))


def _lines(root: Any) -> Iterator[int]:
    """The line, from 1, of each entry of the list ``facts`` of a YAML document's node.

    Of two such lists the last one counts, as it does for the loader.
    """
    entries = [value for key, value in root.value if key.value == "facts"][-1]
    for entry in entries.value:
        yield entry.start_mark.line + 1


def _facts(entry: Any) -> Iterator[Fact]:
    if not isinstance(entry, dict):
        raise ValueError("an entry names vendor, from, source and a kind")
    kinds = [kind for kind in FACT_KINDS if kind in entry]
    if len(kinds) != 1:
        raise ValueError(f"name exactly one of {', '.join(FACT_KINDS)}")
    unknown = sorted(set(entry) - _KEYS - set(kinds))
    if unknown:
        raise ValueError(f"unknown {', '.join(unknown)}; one of {', '.join(sorted(_KEYS))}")
    for name in ("vendor", "from", "source"):
        if not entry.get(name):
            raise ValueError(f"{name} is missing")
    channel = entry.get("channel", OFFICIAL)
    if channel not in (OFFICIAL, RESELLER):
        raise ValueError(f"a channel is {OFFICIAL} or {RESELLER}, not {channel!r}")
    zone = _zone(entry.get("zone", DEFAULT_ZONE))
    begin = _instant(entry["from"], zone)
    end = _instant(entry["to"], zone) if entry.get("to") else None
    if end is not None and end <= begin:
        raise ValueError("it ends after it begins")
    body = {**_body(kinds[0], entry[kinds[0]]), **_note(entry)}
    for model in entry.get("models") or [""]:
        yield Fact(
            *(kinds[0], str(entry["vendor"]), str(model), begin, end, body),
            *(str(entry["source"]), channel),
        )


def _body(kind: str, body: Any) -> Mapping[str, Any]:
    if kind == "promise":
        if not isinstance(body, str) or not body.strip():
            raise ValueError("a promise is its text")
        return {"text": body.strip()}
    if not isinstance(body, dict):
        raise ValueError(f"a {kind} has fields")
    if kind == "contract":
        Contract.from_plain(body)
        kept: Mapping[str, Any] = _with_days_as_text(body)
        return kept
    if body.get("holder", HOLDERS[0]) not in HOLDERS:
        raise ValueError(f"a holder is one of {', '.join(HOLDERS)}")
    return _limit(body) if kind == "limit" else _allowance(body)


def _with_days_as_text(value: Any) -> Any:
    """The value as JSON has it: YAML knows days, which JSON does not."""
    if isinstance(value, dict):
        return {name: _with_days_as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_days_as_text(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _limit(body: Mapping[str, Any]) -> Mapping[str, Any]:
    _refuse_unknown(body, (*RATES_PER, "holder", "level"))
    bounds = [name for name in RATES_PER if name in body]
    if not bounds:
        raise ValueError(f"a limit bounds one of {', '.join(RATES_PER)}")
    for name in bounds:
        _count(name, body[name])
    return body


def _allowance(body: Mapping[str, Any]) -> Mapping[str, Any]:
    _refuse_unknown(body, ("unit", "amount", "per", "holder", "level"))
    _count("amount", body.get("amount"))
    if body.get("unit") not in UNITS or body.get("per") not in PERIODS:
        raise ValueError(
            f"an allowance has a unit ({', '.join(UNITS)}) and a period ({', '.join(PERIODS)})"
        )
    return body


def _refuse_unknown(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise ValueError(f"unknown {', '.join(unknown)}; one of {', '.join(known)}")


def _count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} is a whole number above zero, not {value!r}")


def _note(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"note": str(entry["note"]).strip()} if entry.get("note") else {}


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone: {name!r}") from error


def _instant(value: Any, zone: ZoneInfo) -> datetime:
    """Midnight (UTC) that begins the day in the zone."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"a day is written as 2024-05-15, not {value!r}")
    if value.year not in YEARS:
        raise ValueError(f"a year is from {YEARS.start} to {YEARS.stop - 1}, not {value.year}")
    return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
