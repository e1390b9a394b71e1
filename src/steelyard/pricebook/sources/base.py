"""What every source of prices shares: its protocol, decoding, exact numbers, bounded findings.

A source is one file of this folder with a ``SOURCE``: a pure function from the bytes of a published
list to listed rates and findings. It fetches nothing, reads no clock and never raises for what a
file may hold: whatever is wrong becomes a finding with its line. ``available`` finds the sources.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from steelyard.domain.listings import Finding, ListedRate, Listing, Parsed
from steelyard.pricebook.phrases import PhraseTable
from steelyard.pricebook.sources.dating import YEARS

FINDINGS_MAX = 1_000
"""Findings kept of one file; one more says how many there were beyond."""

AMOUNT_MAX = 10**9
"""Largest price of a unit that is one: more is a slip of keys or units."""

NAME_MAX = 256
"""Longest name of a vendor or model."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"\d{1,40}(?:\.\d{0,40})?|\.\d{1,40}", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?(\d{1,40}(?:\.\d{0,40})?)[eE]([+-]?\d{1,2})", re.ASCII)


class Reading(NamedTuple):
    """What a parser may know beside the bytes."""

    origin: str
    """Name of the source in the book: one of ``domain.listings.SOURCES``."""
    phrases: PhraseTable
    """What the conditions of lists mean, and in which zone a vendor's days begin."""
    today: datetime
    """Instant (aware, UTC) since which prices hold whose list is not dated."""
    mapping: Mapping[str, Any] | None = None
    """How a foreign sheet is laid out; only ``sheet`` needs it."""


class Source(NamedTuple):
    """One kind of price list."""

    name: str
    """As in ``steelyard prices import --source``."""
    title: str
    parse: Callable[[bytes, Reading], Parsed]
    """Never raises for the content of the bytes."""


class Findings:
    """Collects findings, the first ``FINDINGS_MAX`` of them, and knows whether one is an error."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.dropped = 0
        self.has_errors = False

    @property
    def is_full(self) -> bool:
        """Whether a further one is only counted, so that its message is not worth making."""
        return len(self.kept) >= FINDINGS_MAX

    def add(self, kind: str, message: str, line: int = 0, *, is_error: bool = True) -> None:
        """Keep one more, or count it."""
        self.has_errors = self.has_errors or is_error
        if self.is_full:
            self.dropped += 1
        else:
            self.kept.append(Finding(kind, message, line, is_error))

    def parsed(self, rates: Iterable[ListedRate]) -> Parsed:
        """What a parser gives back: all rates, or none where one finding is an error.

        A list without any price is an error too: it would be taken for read.
        """
        found = tuple(rates)
        self._check_kept(found)
        if not found and not self.has_errors:
            self.add("empty", "the list holds no price; nothing would be taken over")
        return Parsed(() if self.has_errors else found, self.all())

    def _check_kept(self, rates: Iterable[ListedRate]) -> None:
        """What no store keeps and no terminal should show is an error in every kind of list."""
        begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (YEARS.start, YEARS.stop))
        known: set[Listing] = set()
        for line in rates:
            if line.listing not in known:
                known.add(line.listing)
                for name in (line.listing.vendor, line.listing.model):
                    self._check_name(name, line.line)
            since, until = line.rate.valid_from, line.rate.valid_to
            if since < begin or (until or since) >= end:
                message = f"{line.listing} has a price of a year that cannot be kept"
                self.add("date_far", message, line.line)

    def _check_name(self, name: str, line: int) -> None:
        if len(name) > NAME_MAX:
            self.add("name_long", f"{name[:40]}… is a name of {len(name)} characters", line)
        # Control characters, lone surrogates, and formats such as right-to-left marks.
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
            self.add("name_bad", f"the name {ascii(name[:80])} holds what cannot be shown", line)

    def all(self) -> tuple[Finding, ...]:
        """All kept, by line, and one more that says how many there were beyond."""
        found = sorted(self.kept, key=lambda finding: finding.line)
        if self.dropped:
            message = f"{self.dropped} more findings are not shown; mend these first"
            found.append(Finding("more", message, 0, self.has_errors))
        return tuple(found)


def available() -> dict[str, Source]:
    """All sources by name: every file of this folder with a ``SOURCE``."""
    found: dict[str, Source] = {}
    package = importlib.import_module(__name__.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        source = getattr(loaded, "SOURCE", None)
        if isinstance(source, Source):
            found[source.name] = source
    return found


def decode_text(data: bytes) -> tuple[str, list[Finding]]:
    """The text of a file as spreadsheets save them, and how it was read where that is a guess.

    UTF-8 with or without a byte order mark, UTF-16 with one, and GB18030 (which holds GBK and
    GB2312) where the bytes are no UTF-8. What cannot be read gives an empty text and an error.
    """
    mark, encoding = next((pair for pair in _BOMS if data.startswith(pair[0])), (b"", "utf-8"))
    body = data[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if mark:
            return "", [_undecodable(body, error, encoding.upper())]
        return _decode_chinese(data, error)
    if encoding == "utf-8":
        return text, []
    return text, [Finding("encoding", f"read as {encoding.upper()}", 0, is_error=False)]


def _decode_chinese(data: bytes, first: UnicodeDecodeError) -> tuple[str, list[Finding]]:
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return "", [_undecodable(data, first, "UTF-8, UTF-16 or GB18030")]
    line = data.count(b"\n", 0, first.start) + 1
    message = "read as GB18030 (GBK), since this line is no UTF-8; save as UTF-8 to be sure"
    return text, [Finding("encoding", message, line, is_error=False)]


def _undecodable(data: bytes, error: UnicodeDecodeError, tried: str) -> Finding:
    line = data.count(b"\n", 0, error.start) + 1
    message = f"byte 0x{data[error.start]:02x} is no {tried}; save the file as UTF-8"
    return Finding("encoding_unknown", message, line)


class NumberError(ValueError):
    """A text that is no amount of money."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """Slug for the finding."""


def read_amount(text: str) -> Fraction:
    """A price as people write it: a plain decimal of at least zero, exact.

    Raises:
        NumberError: anything else; the message says what to write.
    """
    if _NUMBER.fullmatch(text):
        return _bounded(Fraction(text))
    if not text:
        raise NumberError("number_missing", "the price is empty; 0 is a price, nothing is not")
    if text.startswith("-") and _NUMBER.fullmatch(text[1:]):
        raise NumberError("number_negative", f"a price is at least zero, not {text}")
    if _SCIENTIFIC.fullmatch(text):
        hint = f"write the price as listed, perhaps {Decimal(text):f}"
        raise NumberError("number_float", f"{text} is how a program prints a float; {hint}")
    if text.lstrip("+-").lower() in {"nan", "inf", "infinity"}:
        raise NumberError("number_float", f"{text} is no price, and comes from a float")
    if re.fullmatch(r"\d+,\d+", text):
        kind, hint = "number_comma", f"write a decimal point: {text.replace(',', '.')}"
        raise NumberError(kind, f"is {text} a fraction or thousands? {hint}")
    raise NumberError("number_bad", f"{text[:40]!r} is no number; write digits, such as 0.0005")


def _bounded(amount: Fraction) -> Fraction:
    if amount > AMOUNT_MAX:
        raise NumberError("number_large", f"above {AMOUNT_MAX:,} of the currency: no price is that")
    return amount


class Digits(str):
    """A number of a JSON file as it is written there."""

    __slots__ = ()


def read_json(data: bytes, findings: Findings) -> Any:
    """The JSON value, its fractional numbers as ``Digits``; None with a finding if it is none."""
    text, about = decode_text(data)
    for finding in about:
        findings.add(*finding[:3], is_error=finding.is_error)
    if not text:
        findings.add("json_bad", "the file is empty")
        return None
    try:
        found = json.loads(text, parse_float=Digits, parse_constant=Digits)
        if _SURROGATE.search(data):
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        findings.add("json_bad", f"no JSON: {error.msg}", error.lineno)
    except UnicodeEncodeError:
        findings.add("json_bad", "holds half of a character, as \\ud83d without its other half")
    except RecursionError:
        findings.add("json_bad", "nested too deeply for a price list")
    except ValueError as error:
        findings.add("json_bad", f"no JSON of a price list: {error}")
    else:
        return found
    return None


def read_json_amount(value: object) -> Fraction:
    """A price from JSON, exactly as its digits say: ``1e-07`` is 0.0000001.

    Raises:
        NumberError: a negative amount, a text, or no number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise NumberError("number_negative", f"a price is at least zero, not {value}")
        return _bounded(Fraction(value))
    if isinstance(value, Digits):
        if value.startswith("-"):
            raise NumberError("number_negative", f"a price is at least zero, not {value}")
        if scientific := _SCIENTIFIC.fullmatch(value):
            digits, exponent = scientific.groups()
            return _bounded(Fraction(digits) * Fraction(10) ** int(exponent))
        if _NUMBER.fullmatch(value):
            return _bounded(Fraction(value))
    raise NumberError("number_bad", f"{str(value)[:40]!r} is no price")
