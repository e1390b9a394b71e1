"""The data of the price book that comes with steelyard, read from the installed package.

The one place of ``pricebook`` that reads anything: files of its own folder, nothing else.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources

from steelyard.pricebook.phrases import PhraseTable, read_phrases


def read(name: str) -> bytes:
    """The content of a shipped file, such as ``prices.csv``; ``.gz`` files unpacked.

    Raises:
        FileNotFoundError: there is no such file.
    """
    content = resources.files(__name__).joinpath(name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content


@cache
def phrases() -> PhraseTable:
    """What the conditions of the shipped lists mean."""
    return read_phrases(read("phrases.yaml").decode("utf-8"))
