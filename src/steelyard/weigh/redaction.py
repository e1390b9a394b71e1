"""Takes out of captured requests what names a person or opens a door, before they touch a disk.

What has a form is found: keys and tokens, passwords said as such, addresses of mail, numbers of
telephones, identity cards, bank cards and accounts, licence plates, addresses of machines, and
words that the operator names. Names of people and places have no form and stay; that is why
capture needs consent, and why a set is read by a person before anybody else sees it.

The same text becomes the same mark within a request (``[EMAIL_1]``), so that a conversation keeps
its sense. Pure.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

KEPT = ("messages", "tools", "tool_choice", "response_format")
"""What a test item needs of a chat request; all else (user, metadata, model) is left behind."""
_NOT_TEXT = "the request holds more than text"
_NO_CHAT = "the request is no chat"
_SPLIT = "what must go is split over parts of a text"
DEPTH_MAX = 32
"""Of tools and arguments; what is deeper is no ordinary request."""
_MARK = re.compile(r"\[[A-Z]+_[0-9]+\]")
_ESCAPE = re.compile(r"\\+[\"/bfnrt]?")
"""How JSON within a text writes line ends and quotes: no letters, though they look like some."""
_UNSEEN = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"
    "|(?<=[!-~！-～])[\u200c\u200d\ufe00-\ufe0f\U000e0000-\U000e007f]+(?=[!-~！-～])"
)
"""Signs without a shape of their own; joiners mean something between letters of some scripts."""


class _Narrow(dict[int, int]):
    """Signs by the ASCII sign that they look like to everybody but a pattern."""

    def __missing__(self, code: int) -> int:
        sign = chr(code)
        plain = unicodedata.normalize("NFKC", sign)
        if len(plain) > 1 or not plain.isascii():
            digit = unicodedata.decimal(sign, None)
            plain = sign if digit is None else str(digit)
            if unicodedata.category(sign) == "Pd":
                plain = "-"
        self[code] = ord(plain)
        return self[code]


_NARROW = _Narrow()


class Kind(NamedTuple):
    """One kind of text to take out."""

    name: str
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] | None = None
    """Whether a match is one, where the form alone does not tell."""
    needs: str = ""
    """What every match holds: a text without it is not searched."""
    is_grouped: bool = False
    """Whether a match may be one with more behind or before it, apart by blanks or hyphens."""


class Redacted(NamedTuple):
    """A request without what was taken out, or why it cannot be kept."""

    request: dict[str, object] | None
    counts: Mapping[str, int]
    """How many different texts of each kind were taken out."""
    reason: str = ""


def redact(request: object, words: Iterable[str] = ()) -> Redacted:
    """What of a chat request may be kept.

    Args:
        request: the parsed body of a chat completions request.
        words: further texts to take out, whatever their case.
    """
    if not isinstance(request, Mapping) or not isinstance(request.get("messages"), list):
        return Redacted(None, {}, _NO_CHAT)
    messages = []
    for message in request["messages"]:
        plain = _plain_message(message)
        if plain is None:
            return Redacted(None, {}, _NOT_TEXT)
        messages.append(plain)
    if not messages:
        return Redacted(None, {}, _NO_CHAT)
    kept = {name: request[name] for name in KEPT if request.get(name) is not None}
    pen = _Pen(words)
    try:
        if any(pen.is_split(message.get("content")) for message in messages):
            return Redacted(None, {}, _SPLIT)
        clean = {name: pen.over(value) for name, value in {**kept, "messages": messages}.items()}
    except RecursionError:
        return Redacted(None, {}, "the request is nested too deep")
    return Redacted(clean, pen.counts())


def redact_text(text: str, words: Iterable[str] = ()) -> str:
    """A text without what names a person or opens a door."""
    return str(_Pen(words).over(text))


def _plain_message(message: object) -> dict[str, object] | None:
    """A message of text and tool calls alone, without its author's name; None for others."""
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        return None
    content = message.get("content")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping)]
        if len(parts) < len(content) or any(part.get("type") != "text" for part in parts):
            return None
    elif content is not None and not isinstance(content, str):
        return None
    wanted = ("role", "content", "tool_calls", "tool_call_id")
    return {name: message[name] for name in wanted if name in message}


class _Pen:
    """Takes texts out of one request and remembers which mark each has."""

    def __init__(self, words: Iterable[str]) -> None:
        self._marks: dict[tuple[str, str], str] = {}
        own = sorted({word for word in words if word.strip()}, key=len, reverse=True)
        pattern = "|".join(map(re.escape, own))
        self._kinds = (Kind("WORD", re.compile(pattern, re.IGNORECASE)), *KINDS) if own else KINDS

    def over(self, value: object, depth: int = 0) -> object:
        """The value with all its texts gone over, names of fields and whole numbers too."""
        if depth > DEPTH_MAX:
            raise RecursionError
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, list):
            return [self.over(each, depth + 1) for each in value]
        if isinstance(value, dict):
            return {
                self._text(name, depth): self.over(each, depth + 1) for name, each in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool):
            text = self._text(str(value), depth)
            return value if text == str(value) else text
        return value

    def is_split(self, content: object) -> bool:
        """Whether a text of several parts holds as a whole what none of its parts does."""
        if not isinstance(content, list) or len(content) < 2:
            return False
        texts = [str(part.get("text", "")) for part in content]
        return self.over("".join(texts)) != "".join(str(self.over(text)) for text in texts)

    def counts(self) -> dict[str, int]:
        """How many different texts of each kind there were."""
        found: dict[str, int] = {}
        for kind, _ in self._marks:
            found[kind] = found.get(kind, 0) + 1
        return found

    def _text(self, text: str, depth: int) -> str:
        text = self._json(_UNSEEN.sub("", text), depth)
        for kind in self._kinds:
            text = self._without(kind, text, _narrow(text))
        if "\\" in text:
            for kind in self._kinds:
                text = self._without(kind, text, _ESCAPE.sub(_blank, _narrow(text)))
        return text

    def _json(self, text: str, depth: int) -> str:
        """A text that is JSON, as arguments of tools are, with the texts in it gone over."""
        if not text.lstrip().startswith(("{", "[")):
            return text
        try:
            value = json.loads(text)
        except ValueError:
            return text
        clean = self.over(value, depth + 1)
        return text if clean == value else json.dumps(clean, ensure_ascii=False)

    def _without(self, kind: Kind, text: str, seen: str) -> str:
        """The text without matches of a kind in ``seen``, which is of the same length."""
        parts, end = [], 0
        for start, stop in _places(kind, seen):
            if not _MARK.fullmatch(seen, start, stop):
                parts += [text[end:start], self._mark(kind.name, seen[start:stop])]
                end = stop
        return "".join((*parts, text[end:]))

    def _mark(self, kind: str, found: str) -> str:
        key = (kind, found.casefold())
        if key not in self._marks:
            number = 1 + sum(1 for other, _ in self._marks if other == kind)
            self._marks[key] = f"[{kind}_{number}]"
        return self._marks[key]


def _narrow(text: str) -> str:
    """The text as patterns read it, of the same length."""
    return text if text.isascii() else text.translate(_NARROW)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _places(kind: Kind, text: str) -> Iterator[tuple[int, int]]:
    """Where something of a kind stands."""
    at = 0 if kind.needs in text else len(text) + 1
    while match := kind.pattern.search(text, at):
        # A named group is what is taken out of a match that has more than that.
        start, stop = match.span(match.lastgroup or 0)
        at = max(match.end(), start + 1)
        for end in _ends(kind, text, start, stop):
            if start < end and (kind.is_one is None or kind.is_one(text[start:end])):
                at = max(at, end) if end == stop else end
                yield start, end
                break
        else:
            at = start + 1 if kind.is_grouped else at


def _ends(kind: Kind, text: str, start: int, stop: int) -> Iterator[int]:
    """Where a match may end, the longest first: a date behind a number is no part of it."""
    yield stop
    if kind.is_grouped:
        yield from (place for place in range(stop - 1, start, -1) if text[place] in " -")


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c in "0123456789"]


def is_luhn(text: str) -> bool:
    """Whether digits carry the check digit of bank cards."""
    digits = _digits(text)
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and any(digits)


def is_card(text: str) -> bool:
    """Whether digits are those of a bank card, in one or in groups of three at least."""
    if not 13 <= len(text) <= 25:
        return False
    groups = re.split("[ -]", text)
    return min(map(len, groups[:-1]), default=3) >= 3 and is_luhn(text)


def is_identity_card(text: str) -> bool:
    """Whether 17 digits carry the check character of China's identity cards (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(w * int(c) for w, c in zip(weights, text[:17], strict=True))
    return "10X98765432"[total % 11] == text[17].upper()


def is_iban(text: str) -> bool:
    """Whether an account number carries the check digits of ISO 13616."""
    packed = text.replace(" ", "").upper()
    moved = packed[4:] + packed[:4]
    return 15 <= len(packed) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_machine(text: str) -> bool:
    """Whether four numbers with dots can be an address."""
    return all(int(part) < 256 for part in text.split("."))


def is_ipv6(text: str) -> bool:
    """Whether hexadecimal digits and colons are an address, and not a name in a program."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return any(c.isdigit() for c in text)


def is_token(text: str) -> bool:
    """Whether what looks like a key by its beginning holds digits, as words do not."""
    return any(c.isdigit() for c in text)


def _kind(
    name: str,
    *pieces: str,
    is_one: Callable[[str], bool] | None = None,
    needs: str = "",
    is_grouped: bool = False,
) -> Kind:
    return Kind(name, re.compile("".join(pieces)), is_one, needs, is_grouped)


# Chinese signs are letters to a pattern, so \b would not stand between them and a key.
_BEGIN, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_SAID = r"[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"

# The order matters: what holds other kinds within itself comes first.
KINDS = (
    _kind(
        "SECRET",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,10000}?",
        r"(?:-----END [A-Z ]{0,40}-----|\Z)",
    ),
    _kind("SECRET", _BEGIN, r"eyJ[\w-]{8,4096}\.[\w-]{8,8192}(?:\.[\w-]{0,2048})?"),
    _kind(
        "SECRET",
        _BEGIN,
        r"(?:(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeprs]|hf|ya29|npm|whsec|xai",
        r"|gsk|nvapi|pplx|tvly|dop|shpat|SG)[-_.]|AIza|AKIA|ASIA|LTAI|AKID|AKLT|ALTAK)",
        r"[-_A-Za-z0-9.]{12,512}",
        is_one=is_token,
    ),
    _kind("SECRET", r"://[^\s/:@]{1,128}:(?P<it>[^\s/]{1,256})@"),
    _kind("SECRET", r"[?&](?:key|sig|signature|auth)=(?P<it>[^\s&#\"']{8,512})"),
    _kind("SECRET", r"(?i)", _BEGIN, r"bearer[ \t]{1,4}(?P<it>[-\w.=+/~]{8,4096})"),
    _kind(
        "SECRET",
        r"(?i)authorization",
        _SAID,
        r"(?:basic|digest|token|apikey)[ \t]{1,4}(?P<it>[-\w.=+/~]{4,4096})",
    ),
    _kind("SECRET", r"(?i)cookie", _SAID, r"(?P<it>[\w.-]{1,64}=[^\r\n\"']{4,4096})"),
    _kind(
        "SECRET",
        r"(?i)(?:passw(?:or)?d|passwd|pass(?:phrase|code)|pwd|secret|token|credentials?",
        r"|(?:api|secret|access|private|account|signing|encryption)[_ -]?(?:access[_ -]?)?key",
        r"|密码|口令|密钥|验证码|令牌)",
        r"[\"']?[ \t]{0,4}(?:[:=]|is(?![A-Za-z])|是|为)[ \t]{0,4}[\"']?",
        r"(?P<it>[^\s\"',;，；。]{4,512})",
    ),
    *(
        _kind("EMAIL", rf"{local}{at}(?:{part}\.){{1,8}}{end}{{2,24}}", needs=at)
        for local, at, part, end in (
            ("[A-Za-z0-9._%+-]{1,64}", "@", "[A-Za-z0-9-]{1,63}", "[A-Za-z]"),
            ("[A-Za-z0-9._%+-]{1,64}", "%40", "[A-Za-z0-9-]{1,63}", "[A-Za-z]"),
            (r"[^\W_][\w.+-]{0,63}", "@", r"[\w-]{1,63}", r"[^\W\d_]"),
        )
    ),
    _kind(
        "IBAN",
        _BEGIN,
        r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}",
        _END,
        is_one=is_iban,
        is_grouped=True,
    ),
    _kind("IBAN", _BEGIN, r"[a-z]{2}[0-9]{2}[a-z0-9]{11,30}", _END, is_one=is_iban),
    _kind("ID", _BEGIN, r"[1-9][0-9]{16}[0-9Xx]", _END, is_one=is_identity_card),
    _kind("ID", r"(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])"),
    _kind(
        "CARD",
        r"(?<![0-9])[0-9]{3,19}(?:[ -][0-9]{1,16}){0,5}(?![0-9])",
        is_one=is_card,
        is_grouped=True,
    ),
    _kind("CARD", r"(?<![0-9])[0-9](?:[ -][0-9]){12,18}(?![0-9])", is_one=is_luhn),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?",
        r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])",
    ),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:\(0[1-9][0-9]{1,2}\)[ -]?|0[1-9][0-9]{1,2}[ -])",
        r"[2-9][0-9]{2,3}[ -]?[0-9]{4}(?![0-9])",
    ),
    _kind("PHONE", _BEGIN, r"\+[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,12}(?![0-9])"),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-.][0-9]{4}(?![0-9])",
    ),
    _kind(
        "PLATE",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]",
        r"[A-Z][·• ]?[A-HJ-NP-Z0-9]{5,6}(?![A-Z0-9])",
    ),
    _kind("IP", r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])", is_one=is_machine),
    _kind(
        "IP",
        r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])",
    ),
    _kind("IP", r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{3,39}(?![0-9A-Za-z:])", is_one=is_ipv6),
)
"""What is looked for, in this order; every repetition is bounded, so the time is, too."""
