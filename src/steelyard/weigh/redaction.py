"""Takes out of captured requests what names a person or opens a door, before they touch a disk.

What has a form is found: keys and tokens, passwords said as such, addresses of mail, numbers of
telephones, identity cards, bank cards and accounts, licence plates, addresses of machines, and
words that the operator names. Names of people and places have no form and stay; that is why
capture needs consent, and why a set is read by a person before anybody else sees it.

The same text becomes the same mark within a request (``[EMAIL_1]``), so that a conversation keeps
its sense. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

KEPT = ("messages", "tools", "tool_choice", "response_format")
"""What a test item needs of a chat request; all else (user, metadata, model) is left behind."""
_NOT_TEXT = "the request holds more than text"
_NO_CHAT = "the request is no chat"
DEPTH_MAX = 32
"""Of tools and arguments; what is deeper is no ordinary request."""
# Full-width digits and letters look like their ASCII twins to everybody but a pattern.
_NARROW = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20}


class Kind(NamedTuple):
    """One kind of text to take out."""

    name: str
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] | None = None
    """Whether a match is one, where the form alone does not tell."""


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
        """The value with all its texts gone over; names of fields stay as they are."""
        if depth > DEPTH_MAX:
            raise RecursionError
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.over(each, depth + 1) for each in value]
        if isinstance(value, dict):
            return {name: self.over(each, depth + 1) for name, each in value.items()}
        return value

    def counts(self) -> dict[str, int]:
        """How many different texts of each kind there were."""
        found: dict[str, int] = {}
        for kind, _ in self._marks:
            found[kind] = found.get(kind, 0) + 1
        return found

    def _text(self, text: str) -> str:
        for kind in self._kinds:
            narrow = text.translate(_NARROW)  # of the same length, so places are the same
            parts, end = [], 0
            for match in kind.pattern.finditer(narrow):
                # A named group is what is taken out of a match that has more than that.
                start, stop = match.span(match.lastgroup or 0)
                if start == stop or (kind.is_one and not kind.is_one(narrow[start:stop])):
                    continue
                parts += [text[end:start], self._mark(kind.name, narrow[start:stop])]
                end = stop
            text = "".join((*parts, text[end:]))
        return text

    def _mark(self, kind: str, found: str) -> str:
        key = (kind, found.casefold())
        if key not in self._marks:
            number = 1 + sum(1 for other, _ in self._marks if other == kind)
            self._marks[key] = f"[{kind}_{number}]"
        return self._marks[key]


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c in "0123456789"]


def is_luhn(text: str) -> bool:
    """Whether digits carry the check digit of bank cards."""
    digits = _digits(text)
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and any(digits)


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


def is_token(text: str) -> bool:
    """Whether what looks like a key by its beginning holds digits, as words do not."""
    return any(c.isdigit() for c in text)


def _kind(name: str, *pieces: str, is_one: Callable[[str], bool] | None = None) -> Kind:
    return Kind(name, re.compile("".join(pieces)), is_one)


# The order matters: what holds other kinds within itself comes first.
KINDS = (
    _kind(
        "SECRET",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,10000}?",
        r"(?:-----END [A-Z ]{0,40}-----|\Z)",
    ),
    _kind("SECRET", r"\beyJ[\w-]{8,4096}\.[\w-]{8,8192}(?:\.[\w-]{0,2048})?"),
    _kind(
        "SECRET",
        r"\b(?:(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeprs]|hf|ya29)[-_.]",
        r"|AIza|AKIA|ASIA|LTAI|AKID)[-_A-Za-z0-9.]{12,512}",
        is_one=is_token,
    ),
    _kind("SECRET", r"://[^\s/:@]{1,128}:(?P<it>[^\s/@]{1,256})@"),
    _kind("SECRET", r"(?i)\bbearer[ \t]{1,4}(?P<it>[-\w.=+/~]{8,4096})"),
    _kind(
        "SECRET",
        r"(?i)(?:passw(?:or)?d|passwd|pwd|secret|token|api[_ -]?key|密码|口令|密钥|验证码)",
        r"[\"']?[ \t]{0,4}(?:[:=]|is\b|是|为)[ \t]{0,4}[\"']?(?P<it>[^\s\"',;，；。]{4,512})",
    ),
    _kind("EMAIL", r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"),
    _kind("IBAN", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b", is_one=is_iban),
    _kind(
        "ID",
        r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])",
        is_one=is_identity_card,
    ),
    _kind("CARD", r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])", is_one=is_luhn),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?",
        r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])",
    ),
    _kind("PHONE", r"(?<![0-9])\(?0[1-9][0-9]{1,2}\)?[ -][2-9][0-9]{6,7}(?![0-9])"),
    _kind("PHONE", r"(?<![0-9A-Za-z])\+[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,12}(?![0-9])"),
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
)
"""What is looked for, in this order; every repetition is bounded, so the time is, too."""
