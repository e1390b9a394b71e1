"""What texts have in common: their terms, groups by a shared term, how much one repeats another.

For ``cases`` only, which puts failures on similar items together. Nothing is learnt and nothing is
random: the same texts give the same groups in whatever order they come, and a person can check by
eye why two items stand together: both hold the term that names the group.

Why not linkage by likeness: short items share too little for it. On the shipped Chinese sets two
items of the same label have a mean weighted likeness (Jaccard, pairs of characters) of 0.005, two
of any labels one of 0.003, while English ones are all alike. Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

TEXT_CHARS_MAX = 600
"""Of a longer text only so much is looked at; what an item is about stands early."""
GROUP_MIN = 3
"""Fewer texts are no group: they go to what is left over."""
GROUPS_MAX = 6
"""Groups of one kind; more would not be read."""
_LIFT_MIN = 2.0
"""A group's term is at least so much more frequent here than elsewhere."""
_CHANCE = 3.0
"""With so many terms some are frequent by chance. A group's term must be so much so that chance
would make one group in e^3 = 20 kinds, over all its terms (a bound on the Poisson tail)."""
_TERMS_MAX = 3
_TERM_SHARE_MIN = 0.3
_HAN_SIZES = (2, 3, 4)
_LETTERS_MIN = 8

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_WORD = re.compile(rf"[^\W\d_{_HAN}]{{3,}}")
_DULL = frozenset(
    "the and for are was were with that this have has had not but you your from they what which"
    " who how when where why can could would should will does did its our their there been being"
    " into about than then them his her she him any all one out too very just also some get got"
    " more most only much many even still".split()
)

_DULL_HAN = frozenset(
    "的了是我你他她它们这那哪有在不没和与也就都很吗呢吧啊呀把被给个么什怎能可要会说多少几还对请"
)
"""No run of characters that begins or ends with one of these is taken for a word."""

Terms = frozenset[str]


class Group(NamedTuple):
    """Texts that share a term which is rarer elsewhere."""

    terms: tuple[str, ...]
    """Up to three; all of its texts hold the first."""
    names: tuple[str, ...]
    """Sorted."""


def terms_of(text: str) -> Terms:
    """Words of three letters and more, and two to four Han characters in a row.

    Chinese is written without spaces, so its words are looked for among all runs. Case and width do
    not count, nor do figures.
    """
    folded = unicodedata.normalize("NFKC", text[:TEXT_CHARS_MAX]).casefold()
    found = {word for word in _WORD.findall(folded) if word not in _DULL}
    for run in _HAN_RUN.findall(folded):
        for size in _HAN_SIZES:
            found.update(run[i : i + size] for i in range(len(run) - size + 1))
    return frozenset(term for term in found if not _DULL_HAN.intersection((term[0], term[-1])))


def groups(
    texts: Mapping[str, Terms], elsewhere: Sequence[Terms]
) -> tuple[list[Group], tuple[str, ...]]:
    """Texts in groups, each named by its terms, and the names of those that are left over.

    Takes the term that is held by most texts and sets them apart best, makes a group of those that
    hold it, and goes on with the rest.

    Args:
        texts: terms by the text's name.
        elsewhere: terms of the texts to set them apart from.
    """
    there = _counts(elsewhere)
    left = dict(sorted(texts.items()))
    found: list[Group] = []
    while len(found) < GROUPS_MAX:
        inside = list(left.values())
        ranked = _beyond_chance(inside, there, len(elsewhere))
        if not ranked:
            break
        names = tuple(name for name, held in left.items() if ranked[0] in held)
        for name in names:
            del left[name]
        others = [*elsewhere, *(held for name, held in texts.items() if name not in names)]
        inside = [texts[name] for name in names]
        least = max(GROUP_MIN, math.ceil(_TERM_SHARE_MIN * len(inside)))
        more = _ranked(inside, _counts(others), len(others), least)
        found.append(Group(_apart([ranked[0], *more]), names))
    found.sort(key=lambda group: (-len(group.names), group.names))
    return found, tuple(left)


def _ranked(inside: Sequence[Terms], there: Counter[str], n_there: int, least: int) -> list[str]:
    """Terms held by at least ``least`` texts and rarer elsewhere, the most telling first."""
    weights: dict[str, float] = {}
    for term, count in _counts(inside).items():
        lift = count / len(inside) / _share(term, there, n_there)
        if count >= least and lift >= _LIFT_MIN:
            # A longer run of characters that occurs as often says more.
            weights[term] = count * math.log(lift) * (1 + 0.2 * min(len(term), 4))
    return sorted(weights, key=lambda term: (-weights[term], term))


def _beyond_chance(inside: Sequence[Terms], there: Counter[str], n_there: int) -> list[str]:
    """Those of ``_ranked`` that are more frequent here than chance would have it."""
    here = _counts(inside)
    bound = math.log(max(1, len(here))) + _CHANCE

    def surprise(term: str) -> float:
        count, expected = here[term], len(inside) * _share(term, there, n_there)
        return count * math.log(count / expected) - count + expected

    ranked = _ranked(inside, there, n_there, GROUP_MIN)
    return [term for term in ranked if surprise(term) >= bound]


def _share(term: str, there: Counter[str], n_there: int) -> float:
    # As if half a text more held it, since what was never seen is not impossible.
    return (there[term] + 0.5) / (n_there + 1)


def _apart(ranked: Iterable[str]) -> tuple[str, ...]:
    """The first few that are no piece or neighbour of each other."""
    chosen: list[str] = []
    for term in ranked:
        if len(chosen) == _TERMS_MAX:
            break
        if not any(_overlap(term, known) for known in chosen):
            chosen.append(term)
    return tuple(chosen)


def _overlap(one: str, other: str) -> bool:
    if one in other or other in one:
        return True
    is_han = _HAN_RUN.match(one) is not None and _HAN_RUN.match(other) is not None
    return is_han and bool({one[:2], one[-2:], one[-1]} & {other[:2], other[-2:], other[0]})


def _counts(texts: Iterable[Terms]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for held in texts:
        counts.update(held)
    return counts


def share_within(text: str, other: str) -> float:
    """How many of the terms of ``text`` stand in ``other``, 0 to 1."""
    found = terms_of(text)
    return len(found & terms_of(other)) / len(found) if found else 0.0


def han_share(text: str) -> float | None:
    """Han characters over all letters; None when there are too few to tell a language."""
    text = text[:TEXT_CHARS_MAX]
    n_letters = sum(map(str.isalpha, text))
    if n_letters < _LETTERS_MIN:
        return None
    return sum(map(len, _HAN_RUN.findall(text))) / n_letters
