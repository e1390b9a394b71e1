"""Which language a test set is written in, told by its signs, for tasks that do not say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path

from steelyard.domain.errors import ConfigError
from steelyard.weigh.datasets import load_set

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNITS = re.compile(rf"(?P<han>[{_HAN}])|(?P<kana>[\u3040-\u30ff])|[^\W\d_{_HAN}\u3040-\u30ff]+")
"""A Chinese sign stands for about as much as a word of letters."""
_CHINESE_SHARE = 0.2
"""Of signs and words together. A question in Chinese about an English text or code is Chinese; an
English one that names a Chinese word is not."""
_KANA_SHARE = 0.1
"""Of signs and words: Japanese has ideographs, too, but never these alone."""
_ITEMS_LOOKED_AT = 200
_CHARS_LOOKED_AT = 2_000
"""Of each item."""


def language_of(texts: Iterable[str]) -> str:
    """``zh`` where Chinese signs are a good part of the texts, ``ja`` with kana, else ``en``."""
    han = kana = units = 0
    for text in islice(texts, _ITEMS_LOOKED_AT):
        for unit in _UNITS.finditer(text[:_CHARS_LOOKED_AT]):
            units += 1
            han += unit.lastgroup == "han"
            kana += unit.lastgroup == "kana"
    if kana > _KANA_SHARE * units:
        return "ja"
    return "zh" if han > _CHINESE_SHARE * units else "en"


def language_of_set(name: str) -> str:
    """The language that a set's items ask in; ``en`` of one that cannot be read.

    Args:
        name: as ``load_set`` has it.
    """
    # The tasks in force are put together often; a file is read anew once it has changed.
    return _language_of_set(name, *map(_stamp, (Path(name), Path(f"{name}.yaml"))))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        about = path.stat()
    except OSError:
        return 0, 0, 0
    return about.st_mtime_ns, about.st_size, about.st_ino


@lru_cache(maxsize=256)
def _language_of_set(name: str, *_stamps: tuple[int, int, int]) -> str:
    try:
        samples = load_set(name).samples
    except ConfigError:
        return "en"
    step = -(-len(samples) // _ITEMS_LOOKED_AT)
    return language_of(sample.input for sample in samples[::step])
