"""Captured requests of any chat door as the one kind of chat that test items are.

The worker hands a body over as it came; here, off its path, it is translated as an attempt would
translate it for a vendor of OpenAI's chat dialect. What has no place there and would change the
answer makes it another question, so such a request is not kept. Called by ``captures``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from steelyard.dialects import bridge
from steelyard.dialects.bridge.codec import Target
from steelyard.dialects.bridge.translate import Translation
from steelyard.dialects.door import UNREADABLE
from steelyard.domain.errors import SteelyardError
from steelyard.gateway.bridging import HINTS

CHAT = "openai_chat"
_TARGET = Target("", 0, 0, {}, frozenset(("json_schema",)))
_ASKED = re.compile(
    r"(?:messages|input|system|tools|mcp_servers|container|context)\b|tool_|response_format"
)
"""Fields that belong to what is asked; others say how, which a weighing's form says anew."""
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_CHAT = "the request is no chat"
_ITS_OWN = "the request needs what only its own door knows"
_NOT_KEPT = "the request says store: false"


class Chat(NamedTuple):
    """A request as OpenAI's chat dialect has it, or why there is none."""

    request: dict[str, Any] | None
    called: tuple[str, ...] = ()
    """What fields of the request say that people are called."""
    reason: str = ""


def chat_of(door: str, body: bytes) -> Chat:
    """The chat in a request's body.

    Args:
        door: dialect that the client spoke.
        body: as the client sent it.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Chat(None, reason=_NO_CHAT)
    if not isinstance(told, dict):
        return Chat(None, reason=_NO_CHAT)
    # OpenAI's own word for "do not keep this" counts here as well.
    if told.get("store") is False:
        return Chat(None, reason=_NOT_KEPT)
    called = tuple(dict.fromkeys(_called(told)))
    if door == CHAT:
        return Chat(told, called)
    codecs = bridge.available()
    if door not in codecs:
        return Chat(None, reason=_NO_CHAT)
    translation = Translation(codecs[door], codecs[CHAT])
    try:
        written = translation.request(_FIELDS.decode(body), _TARGET)
    except (SteelyardError, *UNREADABLE):
        return Chat(None, reason=_ITS_OWN)
    lost = [name for name in written.dropped if name not in HINTS and _ASKED.match(name)]
    if lost:
        return Chat(None, reason=_ITS_OWN)
    return Chat(json.loads(written.body), called)


def _called(told: Mapping[str, Any]) -> Iterator[str]:
    """Texts of the fields that name who speaks or who is spoken for."""
    metadata = told.get("metadata")
    about = metadata.items() if isinstance(metadata, dict) else ()
    given = [told.get("user"), *(v for k, v in about if "name" in k.lower() or "user" in k.lower())]
    for field in ("messages", "input"):
        said = told.get(field)
        given += [each.get("name") for each in _objects(said) if each.get("role") is not None]
    yield from (each for each in given if isinstance(each, str))


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
