"""Answers as short sequences of pieces, and how alike two of them are.

A reseller's tokenizer is not known, so pieces stand for tokens: words, numbers digit by digit,
single Chinese characters, marks. What models do differently shows in the first pieces; further on
two samples of one model differ as well, and only add noise.

Called by ``equality`` and ``mixture``.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["PIECES_MAX", "likeness", "pieces"]

PIECES_MAX = 12
"""Pieces compared; about the tokens that an open probe may answer."""
_CHARS_MAX = 400
"""Looked at; an answer that should have 12 tokens may be 10 MB, and none of it is kept."""
_KEPT = 65_536
"""Texts and pairs of them looked at once: samples of one model repeat, and tests share them."""
_PIECE = re.compile(r"[A-Za-z]+(?:'[a-z]+)?|\d|\n+|[^\s]")
_END = ""
"""Stands after the last piece: that an answer ends is as telling as a word."""


def pieces(text: str) -> tuple[str, ...]:
    """The first pieces of an answer, filled up with ends to ``PIECES_MAX``."""
    return _pieces(text[:_CHARS_MAX])


@lru_cache(maxsize=_KEPT)
def _pieces(text: str) -> tuple[str, ...]:
    found = _PIECE.findall(text)[:PIECES_MAX]
    return (*found, *[_END] * (PIECES_MAX - len(found)))


@lru_cache(maxsize=_KEPT)
def likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """How alike two answers are, from 0 to 1; a positive definite kernel.

    The mean of two: the share of places with the same piece (the Hamming kernel of Gao, Liang and
    Guestrin, 2024), and the share of the answer that is the same from its start on (sampling goes
    from left to right, and after the first difference agreement is half chance).
    """
    same = [a == b for a, b in zip(one, other, strict=True)]
    start = same.index(False) if False in same else len(same)
    return (sum(same) + start) / (2 * len(same))
