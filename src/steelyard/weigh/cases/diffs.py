"""What differs between two texts: by the word, Chinese by the character. Pure.

A diff is for the eye. Two texts that have next to nothing in common get none, since a page of
single stray matches reads worse than the texts themselves, and neither do texts so long or so
repetitive that the work would grow out of hand: answers come from models and may be hostile.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

CHARS_MAX = 4_000
WORDS_MAX = 800
_PAIRS_MAX = 40_000
"""Equal words of both texts, each with each: what the matcher's time grows with."""
_ALIKE_MIN = 0.25
"""Words in common, over the mean of both, below which there is no diff."""

_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]\s*|[^\W{_HAN}]+\s*|[^\w\s]\s*|\s+")


class Mark(StrEnum):
    """Where a piece stands."""

    SAME = "same"
    GONE = "gone"
    """Only in the first text."""
    NEW = "new"
    """Only in the second text."""


class Piece(NamedTuple):
    """A run of text with one mark."""

    mark: Mark
    text: str


def diff(first: str, second: str) -> tuple[Piece, ...]:
    """The pieces that lead from the first text to the second; empty when a diff would not help.

    Joined without the new pieces they are the first text, without the gone ones the second, but for
    the white space between words that are the same.
    """
    if len(first) > CHARS_MAX or len(second) > CHARS_MAX:
        return ()
    one, other = _TOKEN.findall(first), _TOKEN.findall(second)
    if not one or not other or max(len(one), len(other)) > WORDS_MAX:
        return ()
    keys_one, keys_other = [t.strip() for t in one], [t.strip() for t in other]
    if _pairs(keys_one, keys_other) > _PAIRS_MAX:
        return ()
    blocks = SequenceMatcher(None, keys_one, keys_other, autojunk=False).get_matching_blocks()
    if 2 * sum(block.size for block in blocks) < _ALIKE_MIN * (len(one) + len(other)):
        return ()
    pieces: list[Piece] = []
    at_one = at_other = 0
    for start_one, start_other, size in blocks:
        pieces.append(Piece(Mark.GONE, "".join(one[at_one:start_one])))
        pieces.append(Piece(Mark.NEW, "".join(other[at_other:start_other])))
        at_one, at_other = start_one + size, start_other + size
        pieces.append(Piece(Mark.SAME, "".join(other[start_other:at_other])))
    return tuple(piece for piece in pieces if piece.text)


def nearest(answer: str, references: Sequence[str]) -> str:
    """The accepted answer that has most words in common with this one; empty without any."""
    words = Counter(_words(answer[:CHARS_MAX]))

    def common(reference: str) -> float:
        other = Counter(_words(reference[:CHARS_MAX]))
        return 2 * (words & other).total() / max(1, words.total() + other.total())

    return max(references, key=common, default="")


def _words(text: str) -> Iterator[str]:
    return (token.strip() for token in _TOKEN.findall(text))


def _pairs(one: Sequence[str], other: Sequence[str]) -> int:
    counts = Counter(other)
    return sum(counts[word] for word in one)
