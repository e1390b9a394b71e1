"""Characters and tokens: how much text a token of each vendor holds.

Tokens differ by vendor, so prices per token of two vendors are not prices of the same text. The
figures are data (``shipped/characters.yaml``), measured with the tokenizer where it is public.
Whoever shows one says where it comes from and how sure it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import yaml

LANGUAGES = ("zh", "en", "code")
"""Chinese, English (and what is written like it), program text."""
WAN = 10_000
"""Characters in a 万字, by which Chinese texts are priced."""
MEASURED, STAND_IN, STATED, SPAN = "measured", "stand-in", "stated", "span"
_CHINESE = re.compile("[⺀-鿿豈-﫿！-｠\U00020000-\U0003ffff]")
"""Ideographs, and the punctuation of full width that stands between them."""


class Characters(NamedTuple):
    """Characters (code points) per token of one family in one language."""

    per_token: Fraction
    low: Fraction
    high: Fraction
    """Bounds of the 95 % interval; the figure itself where none is known."""
    basis: str
    """``measured``; ``stand-in`` for a measured relative of a tokenizer that is not public;
    ``stated`` by the vendor; ``span`` over all measured families when nothing is known."""
    family: str
    source: str
    language: str = ""
    documents: int = 0
    """How many texts were measured."""

    def tokens(self, characters: int) -> tuple[int, int, int]:
        """Tokens of so many characters: expected, fewest, most; each rounded up."""
        expected, fewest, most = (
            -(-characters * value.denominator // value.numerator)
            for value in (self.per_token, self.high, self.low)
        )
        return expected, fewest, most


class Family(NamedTuple):
    """Models that share a tokenizer."""

    name: str
    models: re.Pattern[str]
    relatives: re.Pattern[str] | None
    figures: Mapping[str, Characters]
    """By language."""
    is_in_span: bool


class CharacterTable:
    """All families; answers for any model."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self.families = families
        self._spans: dict[str, Characters] = {}

    def of(self, model: str, language: str) -> Characters:
        """Characters per token of a model in one of ``LANGUAGES``; never nothing, see ``basis``."""
        name = model.casefold()
        for family in self.families:
            is_own = family.models.fullmatch(name) is not None
            is_relative = family.relatives is not None and family.relatives.fullmatch(name)
            if (is_own or is_relative) and language in family.figures:
                found = family.figures[language]
                return found if is_own else found._replace(basis=STAND_IN)
        if language not in self._spans:
            self._spans[language] = self._span(language)
        return self._spans[language]

    def _span(self, language: str) -> Characters:
        known = [
            family.figures[language]
            for family in self.families
            if family.is_in_span and language in family.figures
        ]
        measured = sorted(f for f in known if f.basis == MEASURED)
        return Characters(
            measured[len(measured) // 2].per_token,
            min(figure.low for figure in measured),
            max(figure.high for figure in measured),
            *(SPAN, "any", f"the span of {len(measured)} measured tokenizers", language),
        )


def split_text(text: str, language: str = "") -> dict[str, int]:
    """Characters of a text by language; all of them of ``language`` where that is given.

    Without it a text is Chinese where it has ideographs and full-width signs, and English else:
    mixed text is counted in its parts.
    """
    if language:
        return {language: len(text)}
    chinese = len(_CHINESE.findall(text))
    parts = {"zh": chinese, "en": len(text) - chinese}
    return {name: count for name, count in parts.items() if count}


def tokens_of(
    table: CharacterTable, model: str, parts: Mapping[str, int]
) -> tuple[tuple[int, int, int], tuple[Characters, ...]]:
    """Tokens of characters by language: expected, fewest, most; and the figures behind them."""
    figures = tuple(table.of(model, language) for language in parts)
    counts = [
        figure.tokens(count) for figure, count in zip(figures, parts.values(), strict=True)
    ] or [(0, 0, 0)]
    expected, fewest, most = (sum(column) for column in zip(*counts, strict=True))
    return (expected, fewest, most), figures


def parse(data: bytes) -> CharacterTable:
    """The table that ``characters.yaml`` holds; its figures are text, so that no float enters.

    Raises:
        ValueError: a family is not as described in the file's head.
    """
    plain = yaml.load(data, Loader=yaml.CSafeLoader)
    if not isinstance(plain, dict) or not isinstance(plain.get("families"), list):
        raise ValueError("characters: a list of families is missing")
    families = tuple(_family(entry) for entry in plain["families"])
    for language in LANGUAGES:
        figures = [f.figures[language] for f in families if language in f.figures and f.is_in_span]
        if not any(figure.basis == MEASURED for figure in figures):
            raise ValueError(f"characters: no family is measured in {language}")
    return CharacterTable(families)


def _family(entry: Mapping[str, Any]) -> Family:
    name = str(entry.get("name", ""))
    try:
        figures = {
            language: _figure(entry[language], name, str(entry["source"]), language)
            for language in LANGUAGES
            if language in entry
        }
        relatives = entry.get("stands_in_for")
        return Family(
            *(name, _pattern(entry["models"]), _pattern(relatives) if relatives else None),
            *(figures, bool(entry.get("in_span", True))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"characters: family {name!r}: {error}") from error


def _figure(entry: Mapping[str, Any], family: str, source: str, language: str) -> Characters:
    texts = [entry["per_token"], entry.get("low"), entry.get("high")]
    if any(text is not None and not isinstance(text, str) for text in texts):
        raise ValueError("figures are written as text, in quotes")
    middle = Fraction(texts[0])
    low, high = (middle if text is None else Fraction(text) for text in texts[1:])
    if not 0 < low <= middle <= high:
        raise ValueError(f"figures ascend from low to high: {low}, {middle}, {high}")
    basis = str(entry.get("basis", MEASURED))
    documents = int(entry.get("documents", 0))
    return Characters(middle, low, high, basis, family, source.strip(), language, documents)


def _pattern(models: list[str]) -> re.Pattern[str]:
    parts = (re.escape(model.casefold()).replace(r"\*", ".*") for model in models)
    return re.compile("|".join(f"(?:{part})" for part in parts))
