"""Which model really answered: is it the one that was asked for, and has it changed?

A vendor may answer ``chat`` with ``chat-2026-08-06`` and be honest: the name is an alias, and the
date says what stands behind it now. It may also answer with another model altogether. Control
feeds ``judge`` with the names that answered an offer; nothing on the request path asks it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

_HOUR_NS = 3600 * 10**9
WINDOW_NS = 24 * _HOUR_NS
"""Two names that both answered within this time answer at the same time; a name that is silent for
longer and comes back is news."""
GRACE_NS = _HOUR_NS // 4
"""How long an old name may go on beside a new one: vendors move machine by machine."""

_DATE = r"(?:20\d\d-?(?:0[1-9]|1[0-2])-?[0-3]\d|\d\d(?:0[1-9]|1[0-2])[0-3]\d)"
"""Such as 2024-08-06, 20240806 and 240806."""
_MONTH_DAY = r"(?:0[1-9]|1[0-2])-?[0-3]\d"
"""Such as 0613 and 05-20."""
_VERSION = r"(?:v\d{1,3}(?:\.\d{1,3})*|\d{3})"
"""Such as v2, v1.5, 001."""
_SUFFIX = re.compile(rf"(?:[-_@:](?:{_DATE}|{_MONTH_DAY}|{_VERSION})|:\d)+")
"""A single digit only behind a colon, as in ``-v1:0``."""
_DATED = re.compile(rf"[-_@:](?:{_DATE}|{_MONTH_DAY})(?:[-_@:]{_VERSION}|:\d)*$")
_LATEST = re.compile(r"[-_@:]latest$")
_SELLER = re.compile(r"^(?:[a-z]+\.){1,2}(?=[a-z])")
"""Such as ``anthropic.`` and ``us.anthropic.``; no part of a version, which has digits."""
_MARKS = re.compile(r"[\s_.]+")
"""What one catalogue writes between words where another has a hyphen."""


class Kind(StrEnum):
    """What is odd about an answering name."""

    ALIAS_MOVED = "alias_moved"
    """The name asked for stands for another version now."""
    SWAPPED = "swapped"
    """Another model answered than the one asked for."""
    MIXED = "mixed"
    """Two names answer in turns."""


class Sighting(NamedTuple):
    """One name that answered."""

    name: str
    first_ns: int
    """UTC, nanoseconds: the first call that it answered."""
    last_ns: int
    calls: int = 1

    def plus(self, other: Sighting) -> Sighting:
        """Both together, under this one's name."""
        first, last = min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns)
        return Sighting(self.name, first, last, self.calls + other.calls)


class Oddity(NamedTuple):
    """What a flag is raised for."""

    kind: Kind
    name: str
    """The name that answered."""
    before: str
    """The name that answered before, or in turns with it; empty for none."""


def shown(name: str) -> str:
    """The name for logs, terminals and pages: what steers those is written as its code.

    A vendor says what answered, and may say anything.
    """
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def normal(name: str) -> str:
    """The name without what names who sells it, and in small letters."""
    return _SELLER.sub("", name.strip().lower().rstrip("/").rpartition("/")[2])


def is_dated(name: str) -> bool:
    """Whether the name says which version it means."""
    return _DATED.search(normal(name)) is not None


def is_of(asked: str, answered: str, answers_as: Sequence[str] = ()) -> bool:
    """Whether ``answered`` names the model that was asked for.

    So it does if it is the same name up to a vendor's prefix and a date or version behind it, on
    either side, or if that holds of one of ``answers_as``; ``*`` at the end of one of those stands
    for any rest. Two names with different dates are two models.
    """
    return any(_is_same(known, answered) for known in (asked, *answers_as))


def are_one_model(one: str, other: str) -> bool:
    """Whether two catalogues mean one model by these names.

    As ``is_of``, but for the marks between words: ``claude-3.5`` is ``claude-3-5``, though no
    vendor that was asked for the one would answer as the other.
    """
    first, second = (_MARKS.sub("-", normal(name)) for name in (one, other))
    return is_of(one, other) or is_of(first, second)


def names_known(asked: str, model: str, answers_as: Sequence[str] = ()) -> tuple[str, ...]:
    """Names that may answer beside the one asked for.

    Args:
        asked: the name in the requests; some vendors give deployments and endpoints their own.
        model: the model that an offer says it is of. It is no excuse where a version is asked for.
        answers_as: names that somebody listed.
    """
    return tuple(answers_as) if is_dated(asked) else (*answers_as, model)


def _is_same(known: str, answered: str) -> bool:
    one, other = normal(known), normal(answered)
    if one.endswith("*"):
        return other.startswith(one[:-1])
    one, other = _LATEST.sub("", one), _LATEST.sub("", other)
    shorter, longer = sorted((one, other), key=len)
    if not shorter or not longer.startswith(shorter):
        return False
    rest = longer[len(shorter) :]
    return not rest or _SUFFIX.fullmatch(rest) is not None


def judge(
    asked: str, before: Sequence[Sighting], seen: Sighting, answers_as: Sequence[str] = ()
) -> Oddity | None:
    """What is odd about a name that has just answered; None for nothing.

    Args:
        asked: the name in the requests.
        before: every name that answered them until now, this one among them if it did.
        seen: the name and its newest calls.
        answers_as: further names that may answer, see ``names_known``.
    """
    same = [each for each in before if normal(each.name) == normal(seen.name)]
    others = [each for each in before if normal(each.name) != normal(seen.name)]
    is_news = all(each.last_ns < seen.first_ns - WINDOW_NS for each in same)
    latest = max(others, key=lambda each: (each.last_ns, each.name), default=None)
    if is_news and not is_of(asked, seen.name, answers_as):
        return Oddity(Kind.SWAPPED, seen.name, latest.name if latest else "")
    if not same or is_news:
        if latest is None or is_dated(asked):
            return None
        return Oddity(Kind.ALIAS_MOVED, seen.name, latest.name)
    whole = seen
    for each in same:
        whole = whole.plus(each)
    for other in sorted(others, key=lambda each: (-each.last_ns, each.name)):
        older, newer = sorted((whole, other), key=lambda each: (each.first_ns, each.name))
        is_beside = older.last_ns > newer.first_ns + GRACE_NS
        if is_beside and abs(older.last_ns - newer.last_ns) < WINDOW_NS:
            return Oddity(Kind.MIXED, newer.name, older.name)
    return None


def merged(before: Sequence[Sighting], seen: Sighting) -> list[Sighting]:
    """All names that answered, once ``seen`` did, too."""
    found = [each.plus(seen) if each.name == seen.name else each for each in before]
    return found if any(each.name == seen.name for each in before) else [*found, seen]
