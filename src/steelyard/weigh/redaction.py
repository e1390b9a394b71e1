"""Takes out of captured requests what names a person or opens a door, before they touch a disk.

What has a form is found (``redaction_kinds``): keys and tokens, passwords said as such, addresses
of mail, numbers of telephones, identity cards, bank cards and accounts, licence plates, addresses
of machines, and words that the operator names. Names of people are found by what stands around
them (``personal_names``), which misses some; places and companies stay. That is why capture needs
consent, and why a set is read by a person before anybody else sees it.

The same text becomes the same mark within a request (``[EMAIL_1]``), so that a conversation keeps
its sense; a surname means the person who alone is called so. Pure.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from steelyard.weigh import personal_names
from steelyard.weigh.redaction_kinds import KINDS, Kind

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


class Redacted(NamedTuple):
    """A request without what was taken out, or why it cannot be kept."""

    request: dict[str, object] | None
    counts: Mapping[str, int]
    """How many different texts of each kind were taken out."""
    reason: str = ""


def redact(request: object, words: Iterable[str] = (), called: Iterable[str] = ()) -> Redacted:
    """What of a chat request may be kept.

    Args:
        request: the parsed body of a chat completions request.
        words: further texts to take out, whatever their case.
        called: what the call itself says that people in it are called, such as its ``user``.
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
    try:
        clean, counts = _over_all({**kept, "messages": messages}, _Pen(_kinds(words)))
        names = personal_names.find(_texts(clean["messages"]))
        whole = names.whole | {form for name in called for form in personal_names.forms(name)}
        names = names._replace(whole=whole)
        if personal_names.are_too_many(names):
            return Redacted(None, {}, "the request names too many people")
        clean, more = _over_all(clean, _namer(names))
    except RecursionError:
        return Redacted(None, {}, "the request is nested too deep")
    except _Split:
        return Redacted(None, {}, _SPLIT)
    return Redacted(clean, counts | more)


def redact_text(text: str, words: Iterable[str] = ()) -> str:
    """A text without what names a person or opens a door."""
    clean = str(_Pen(_kinds(words)).over(text))
    return str(_namer(personal_names.find([clean])).over(clean))


class _Split(ValueError):
    """What must go is split over parts of a text."""


def _over_all(request: dict[str, object], pen: _Pen) -> tuple[dict[str, object], dict[str, int]]:
    """The request without what the pen takes out, and how much of each kind that was.

    Raises:
        _Split: it would stay, since no part alone holds it.
        RecursionError: the request is nested too deep.
    """
    messages = request["messages"]
    for message in messages if isinstance(messages, list) else []:
        if pen.is_split(message.get("content")):
            raise _Split
    return {name: pen.over(value) for name, value in request.items()}, pen.counts()


def _kinds(words: Iterable[str]) -> tuple[Kind, ...]:
    own = sorted({word for word in words if word.strip()}, key=len, reverse=True)
    pattern = "|".join(map(re.escape, own))
    return (Kind("WORD", re.compile(pattern, re.IGNORECASE)), *KINDS) if own else KINDS


def _namer(names: personal_names.Names) -> _Pen:
    pattern = personal_names.pattern_of(names)
    kinds = () if pattern is None else (Kind("NAME", pattern),)
    return _Pen(kinds, personal_names.persons(names))


def _texts(value: object) -> Iterator[str]:
    """All texts in a value; parts of one text also joined, since a name may have two of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield "".join(
            str(each["text"]) for each in value if isinstance(each, dict) and "text" in each
        )
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)


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

    def __init__(self, kinds: tuple[Kind, ...], owners: Mapping[str, str] | None = None) -> None:
        """``owners`` says of parts of names whose they are."""
        self._marks: dict[tuple[str, str], str] = {}
        self._kinds = kinds
        self._owners = owners or {}

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
        key = (kind, self._owners.get(found, found).casefold())
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
