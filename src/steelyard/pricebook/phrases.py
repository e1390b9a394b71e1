"""What the free text of a price list's condition means.

Price lists word their conditions freely (``input 0k-32k; output>0.2k``). A table, checked in as
data, says for each phrase which ``Condition`` it is; a phrase that the table does not know is a
finding of whoever asks, never a guess. The same table says in which zone a vendor's days begin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from steelyard.config.nesting import check_nesting
from steelyard.domain.conditions import ALWAYS, Clock, Condition, from_plain

_KEYS = {"zones", "phrases", "exceptions"}
_WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)


class _Exception(NamedTuple):
    """A meaning that a phrase has for some models only."""

    phrase: str
    models: tuple[str, ...]
    """Patterns as of a shell; ``*`` stands for anything."""
    condition: Condition


class PhraseTable:
    """Phrase -> condition, and vendor -> zone."""

    def __init__(
        self,
        conditions: Mapping[str, Condition],
        exceptions: tuple[_Exception, ...] = (),
        zones: Mapping[str, ZoneInfo] | None = None,
    ) -> None:
        self._conditions = dict(conditions)
        self._exceptions = exceptions
        self._zones = dict(zones or {})

    def __len__(self) -> int:
        return len(self._conditions)

    def __contains__(self, phrase: str) -> bool:
        return phrase in self._conditions

    def look_up(self, phrase: str, model: str = "") -> Condition | None:
        """What a phrase means for a model; ``ALWAYS`` for none, None if it is not known.

        A phrase that the table does not hold as a whole may be several joined by ``;``.

        Raises:
            ValueError: two of its parts contradict each other.
        """
        if not phrase:
            return ALWAYS
        for special in self._exceptions:
            if special.phrase == phrase and any(fnmatchcase(model, m) for m in special.models):
                return special.condition
        whole = self._conditions.get(phrase)
        if whole is not None or ";" not in phrase:
            return whole
        found = ALWAYS
        for part in phrase.split(";"):
            condition = self.look_up(part.strip(), model)
            if condition is None:
                return None
            found = merge(found, condition)
        return found

    def zone_of(self, vendor: str) -> ZoneInfo:
        """The zone in which the vendor's days begin: UTC where the table says nothing."""
        return self._zones.get(vendor) or ZoneInfo("UTC")

    def joined(self, other: PhraseTable) -> PhraseTable:
        """This table with another's phrases and zones, which go first where both have one."""
        return PhraseTable(
            {**self._conditions, **other._conditions},
            (*other._exceptions, *self._exceptions),
            {**self._zones, **other._zones},
        )


def read_phrases(text: str) -> PhraseTable:
    """The table of a YAML text: ``phrases``, and if wanted ``exceptions`` and ``zones``.

    Raises:
        ValueError: the text is no such table; names the phrase.
    """
    try:
        check_nesting(text)
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"the phrases are no YAML: {error}") from error
    if not isinstance(document, dict) or not set(document) <= _KEYS:
        raise ValueError(f"a table of phrases has the keys {', '.join(sorted(_KEYS))}")
    conditions = {
        str(phrase): _read_condition(str(phrase), plain)
        for phrase, plain in (document.get("phrases") or {}).items()
    }
    exceptions = tuple(
        _Exception(
            entry["phrase"],
            tuple(entry["models"]),
            _read_condition(entry["phrase"], entry["condition"]),
        )
        for entry in document.get("exceptions") or ()
    )
    zones = {
        vendor: _read_zone(zone)
        for zone, vendors in (document.get("zones") or {}).items()
        for vendor in vendors
    }
    return PhraseTable(conditions, exceptions, zones)


def merge(one: Condition, other: Condition) -> Condition:
    """Both conditions at once; remarks and versions are joined.

    Raises:
        ValueError: a dimension is constrained by both, to different values.
    """
    changed: dict[str, Any] = {}
    for field in fields(Condition):
        free = getattr(ALWAYS, field.name)
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if its in (free, mine):
            continue
        if mine == free:
            changed[field.name] = its
        elif field.name in ("remark", "version"):
            changed[field.name] = f"{mine}; {its}"
        else:
            raise ValueError(f"it says two things of {field.name}: {mine} and {its}")
    return replace(one, **changed) if changed else one


def _read_condition(phrase: str, plain: Any) -> Condition:
    if not isinstance(plain, dict):
        raise ValueError(f"phrase {phrase!r}: write its dimensions, or {{}} for none")
    values = dict(plain)
    try:
        if "clock" in values:
            values["clock"] = _read_clock(values["clock"])
        return from_plain(values)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"phrase {phrase!r}: {error}") from error


def _read_clock(plain: Mapping[str, Any]) -> Clock:
    """Windows are written as ``09:00-12:00``."""
    windows = []
    for text in plain["windows"]:
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise ValueError(f"a window is written as 09:00-12:00, not {text!r}")
        begin_h, begin_min, end_h, end_min = (int(part) for part in match.groups())
        windows.append((begin_h * 60 + begin_min, end_h * 60 + end_min))
    days = {"weekdays": frozenset(plain["weekdays"])} if "weekdays" in plain else {}
    _read_zone(plain["zone"])
    return Clock(plain["zone"], tuple(windows), holidays=plain.get("holidays", ""), **days)


def _read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown zone {name!r}") from error
