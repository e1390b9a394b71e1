"""Requests in Anthropic's messages, read into chats in nobody's words.

Source: package anthropic 2.12.0, ``types/message_create_params.py`` (read 2026-11-22). Results of
tools become messages of their own; a mark for the whole request goes behind the last part that can
bear one, which is what the vendor itself does with it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec

from steelyard.dialects.bridge import anthropic_messages_shapes as shapes
from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge.requests import read_known
from steelyard.domain.errors import InvalidRequest

NAME = "anthropic_messages"
"""The dialect's."""

_encode = msgspec.json.encode
_Private = dict[str, msgspec.Raw]
_ROLES = {"system": neutral.SYSTEM, "user": neutral.USER, "assistant": neutral.ASSISTANT}
_CHOICES = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
_SWITCHES = {"enabled": "on", "disabled": "off", "adaptive": "auto"}
_SHOWN = {"summarized": True, "omitted": False}
_NOTHING = frozenset((b"null", b"[]", b"{}", b'""'))
"""Values of unknown fields that ask for nothing; SDKs send back messages full of them."""
_MARKED = (neutral.Text, neutral.Image, neutral.File, neutral.ToolCall, neutral.ToolResult)
"""What can bear a mark for the vendor's cache."""


def read_chat(fields: Mapping[str, msgspec.Raw]) -> neutral.Chat:
    """The chat in the top level of a request body.

    ``private`` has what only this dialect knows.

    Raises:
        InvalidRequest: a field has a wrong type; says which.
    """
    request, private = read_known(fields, shapes.KNOWN_REQUEST, shapes.request_decoder)
    chat = neutral.Chat(request.model, [], private=private, dialect=NAME)
    if request.system is not None:
        try:
            words = _parts(request.system, private, "system")
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"system: {error}.", param="system") from error
        chat.messages.append(neutral.Message(neutral.SYSTEM, words))
    for place, raw in enumerate(request.messages):
        try:
            chat.messages.extend(_messages(raw, private))
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"messages[{place}]: {error}.", param="messages") from error
    _read_tools(chat, request)
    _read_thinking(chat, request, fields)
    _read_bounds(chat, request, fields)
    if request.cache_control is not None:
        _mark_last(chat.messages, _mark(request.cache_control))
    return chat


def _read_bounds(
    chat: neutral.Chat, request: shapes.Request, fields: Mapping[str, msgspec.Raw]
) -> None:
    """What says how the answer is drawn."""
    chat.output_max = request.max_tokens
    chat.temperature, chat.top_p, chat.top_k = request.temperature, request.top_p, request.top_k
    chat.stop = request.stop_sequences or []
    chat.is_stream = request.stream is True
    # The fast mode is a tier of its own: it is priced apart, whatever the tier.
    chat.tier = "fast" if request.speed == "fast" else request.service_tier or ""
    if request.metadata is not None:
        chat.user = request.metadata.user_id or ""
        _note(chat.private, "metadata", fields["metadata"], frozenset(("user_id",)))


def _read_tools(chat: neutral.Chat, request: shapes.Request) -> None:
    for place, raw in enumerate(request.tools or ()):
        try:
            chat.tools.append(_tool(raw, chat.private))
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"tools[{place}]: {error}.", param="tools") from error
    choice = request.tool_choice
    if choice is None:
        return
    mode = _CHOICES.get(choice.type)
    if mode is None or (mode == "tool" and not choice.name):
        raise InvalidRequest("tool_choice names no tool.", param="tool_choice")
    chat.tool_choice = neutral.ToolChoice(mode, choice.name or "")
    if choice.disable_parallel_tool_use is not None:
        chat.is_parallel = not choice.disable_parallel_tool_use


def _tool(raw: msgspec.Raw, private: _Private) -> neutral.Tool:
    shape = shapes.tool_decoder.decode(raw)
    cache = _mark(shape.cache_control)
    if shape.type not in (None, "custom"):
        return neutral.Tool(shape.name or shape.type or "", cache=cache, own=raw)
    _note(private, "tools", raw, shapes.KNOWN_TOOL)
    return neutral.Tool(
        shape.name, shape.description or "", shape.input_schema, shape.strict, cache
    )


def _read_thinking(
    chat: neutral.Chat, request: shapes.Request, fields: Mapping[str, msgspec.Raw]
) -> None:
    """The wish for thought, and for a form of the answer that stands beside it."""
    wish, config = request.thinking, request.output_config
    found = neutral.Thinking()
    if wish is not None:
        if wish.type in _SWITCHES:
            found.mode, found.budget = _SWITCHES[wish.type], wish.budget_tokens
            found.is_shown = _SHOWN.get(wish.display or "")
            _note(
                chat.private,
                "thinking",
                fields["thinking"],
                frozenset(("type", "budget_tokens", "display")),
            )
        else:
            chat.private["thinking"] = fields["thinking"]
    if config is not None:
        found.effort = config.effort or ""
        if config.format is not None:
            chat.form = neutral.Form(config.format.type, "", config.format.schema)
        names = frozenset(("effort", "format"))
        _note(chat.private, "output_config", fields["output_config"], names)
    if found != neutral.Thinking():
        chat.thinking = found


def _messages(raw: msgspec.Raw, private: _Private) -> list[neutral.Message]:
    """A message, its results of tools apart."""
    shape = shapes.message_decoder.decode(raw)
    role = _ROLES.get(shape.role)
    if role is None:
        raise msgspec.ValidationError(f"there is no role {shape.role[:32]!r}")
    _note(private, "messages", raw, shapes.KNOWN_MESSAGE)
    found: list[neutral.Message] = []
    for part in _parts(shape.content, private, "messages"):
        if isinstance(part, neutral.ToolResult):
            found.append(neutral.Message(neutral.TOOL, [part]))
        elif found and found[-1].role == role:
            found[-1].parts.append(part)
        else:
            found.append(neutral.Message(role, [part]))
    return found or [neutral.Message(role, [])]


def _parts(content: str | list[msgspec.Raw], private: _Private, place: str) -> list[neutral.Part]:
    if isinstance(content, str):
        return [neutral.Text(content)]
    found: list[neutral.Part] = []
    for raw in content:
        shape = shapes.block_decoder.decode(raw)
        part = _part(shape, private)
        if part is None:
            found.append(neutral.Private(shape.type, raw))
        else:
            found.append(part)
            _note(private, f"{place}.{shape.type}", raw, shapes.KNOWN_BLOCKS[shape.type])
    return found


def _part(shape: shapes.Block, private: _Private) -> neutral.Part | None:
    """The block in nobody's words, or None where there are none for it."""
    kind, source = shape.type, shape.source
    if kind == "tool_result":
        parts = _inner(shape.content, private)
        mark = _mark(shape.cache_control)
        return neutral.ToolResult(shape.tool_use_id or "", parts, shape.is_error is True, mark)
    if kind == "image" and source is not None:
        return _image(source, _mark(shape.cache_control))
    if kind == "document" and source is not None:
        return _file(source, shape.title or "", _mark(shape.cache_control))
    return read_part(shape)


def read_part(shape: shapes.Block) -> neutral.Part | None:
    """A block that requests and answers have, or None."""
    kind = shape.type
    if kind == "text" and shape.text is not None:
        return neutral.Text(shape.text, _mark(shape.cache_control))
    if kind == "thinking" and shape.thinking is not None:
        return neutral.Reasoning(shape.thinking, shape.signature or "")
    if kind == "redacted_thinking" and shape.data is not None:
        return neutral.Reasoning("", shape.data, is_redacted=True)
    if kind == "tool_use":
        given = bytes(shape.input).decode()
        arguments = "{}" if given == "null" else given
        return neutral.ToolCall(
            shape.id or "", shape.name or "", arguments, _mark(shape.cache_control)
        )
    return None


def _inner(
    content: msgspec.Raw, private: _Private
) -> list[neutral.Text | neutral.Image | neutral.File]:
    """What a tool answered; a block that nobody else knows is given as its JSON text."""
    told = shapes.content_decoder.decode(content)
    if told is None:
        return []
    if isinstance(told, str):
        return [neutral.Text(told)]
    found: list[neutral.Text | neutral.Image | neutral.File] = []
    for raw, part in zip(told, _parts(told, private, "messages.tool_result"), strict=True):
        if isinstance(part, neutral.Text | neutral.Image | neutral.File):
            found.append(part)
        else:
            found.append(neutral.Text(bytes(raw).decode()))
    return found


def _image(source: shapes.Source, cache: str) -> neutral.Image | None:
    if source.type == "base64" and source.data is not None:
        return neutral.Image(data=source.data, media_type=source.media_type or "", cache=cache)
    if source.type == "url" and source.url is not None:
        return neutral.Image(url=source.url, cache=cache)
    return None


def _file(source: shapes.Source, name: str, cache: str) -> neutral.File | None:
    kind, data = source.media_type or "", source.data
    if source.type == "text" and data is not None:
        written = b64encode(data.encode("utf-8", "replace")).decode()
        return neutral.File(name, data=written, media_type=kind or "text/plain", cache=cache)
    if source.type == "base64" and data is not None:
        return neutral.File(name, data=data, media_type=kind, cache=cache)
    if source.type == "url" and source.url is not None:
        return neutral.File(name, source.url, cache=cache)
    if source.type == "file" and source.file_id is not None:
        return neutral.File(name, file_id=source.file_id, cache=cache)
    return None


def _mark(shape: shapes.CacheMark | None) -> str:
    return "" if shape is None else shape.ttl or "default"


def _mark_last(messages: list[neutral.Message], mark: str) -> None:
    for message in reversed(messages):
        for part in reversed(message.parts):
            if isinstance(part, _MARKED):
                part.cache = part.cache or mark
                return


def _note(private: _Private, place: str, raw: msgspec.Raw, known: frozenset[str]) -> None:
    """Notes those parts of a translated field that nobody else knows, under a dotted name."""
    if not bytes(raw).startswith(b"{"):
        return
    for name, value in shapes.fields_decoder.decode(raw).items():
        if name not in known and bytes(value) not in _NOTHING:
            private[f"{place}.{name}"] = value
