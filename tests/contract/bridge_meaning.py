"""How meaning is compared, whichever way a dialect cuts it, and answers as streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from steelyard.dialects.bridge import neutral as n


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def parsed(told: msgspec.Raw | str) -> Any:
    return json.loads(bytes(told) if isinstance(told, msgspec.Raw) else told or "{}")


def told(chat: n.Chat) -> list[tuple[object, ...]]:
    """Who said what, whichever way a dialect cuts it into messages; thoughts left out."""
    found: list[tuple[object, ...]] = []
    for message in chat.messages:
        role = n.SYSTEM if message.role == n.DEVELOPER else message.role
        for part in message.parts:
            if isinstance(part, n.ToolResult):
                found.append((n.TOOL, part.call_id, *_told(part.parts)))
            elif not isinstance(part, n.Reasoning):
                found.append((role, *_told([part])))
    return _joined(found)


def _told(parts: Iterable[n.Part]) -> Iterable[object]:
    for part in parts:
        if isinstance(part, n.Text | n.Refusal):
            yield part.text
        elif isinstance(part, n.Image):
            yield ("image", part.url, part.data, part.media_type)
        elif isinstance(part, n.File):
            yield ("file", part.name, part.data)
        elif isinstance(part, n.Sound):
            yield ("sound", part.data, part.form)
        elif isinstance(part, n.ToolCall):
            yield ("call", part.call_id, part.name, parsed(part.arguments))


def _joined(found: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Texts of one speaker after each other are one text."""
    joined: list[tuple[object, ...]] = []
    for one in found:
        last = joined[-1] if joined else ()
        is_text = len(one) == 2 and isinstance(one[1], str)
        if is_text and len(last) == 2 and last[0] == one[0] and isinstance(last[1], str):
            joined[-1] = (one[0], last[1] + str(one[1]))
        else:
            joined.append(one)
    return joined


def tools(chat: n.Chat) -> object:
    return [(tool.name, tool.description, parsed(tool.schema)) for tool in chat.tools]


def choice(chat: n.Chat) -> object:
    return chat.tool_choice and (chat.tool_choice.mode, chat.tool_choice.name)


def form(chat: n.Chat) -> object:
    return chat.form and (chat.form.kind, parsed(chat.form.schema))


def thinks(chat: n.Chat) -> object:
    """Whether, not how much: dialects count thought in tokens or in words."""
    wish = chat.thinking
    if wish is None:
        return None
    return wish.mode != "off" and bool(wish.effort or wish.budget or wish.mode == "on")


def effort(chat: n.Chat) -> object:
    """How much, where it came as a word; a bound instead is as good."""
    wish = chat.thinking
    return wish is not None and bool(wish.effort or wish.budget)


def thoughts(chat: n.Chat) -> object:
    parts = [part for message in chat.messages for part in message.parts]
    return [part.text for part in parts if isinstance(part, n.Reasoning) and part.text]


def marks(chat: n.Chat) -> object:
    """Places of prompt-cache marks: the system's, a message's, a tool's."""
    places = {m.role for m in chat.messages for p in m.parts if getattr(p, "cache", "")}
    return sorted(places | ({"tools"} if any(tool.cache for tool in chat.tools) else set()))


def pictures(chat: n.Chat) -> object:
    """Pictures and documents wherever they stand."""
    parts = [part for message in chat.messages for part in message.parts]
    parts += [inner for p in parts if isinstance(p, n.ToolResult) for inner in p.parts]
    return [part.data for part in parts if isinstance(part, n.Image | n.File)]


def field(name: str) -> Callable[[n.Chat], object]:
    return lambda chat: getattr(chat, name)


def answered(found: n.Reply) -> list[object]:
    """What an answer says, whichever way it is cut into parts."""
    return [_choice_said(one) for one in found.choices]


def _choice_said(one: n.Choice) -> dict[str, object]:
    texts = [part.text for part in one.parts if isinstance(part, n.Text | n.Refusal)]
    calls = [part for part in one.parts if isinstance(part, n.ToolCall)]
    return {
        "words": "".join(texts),
        "thought": "".join(p.text for p in one.parts if isinstance(p, n.Reasoning)),
        "calls": [(call.call_id, call.name, parsed(call.arguments)) for call in calls],
        # Some dialects have one name for the vendor's no and the model's.
        "finish": "no" if one.finish in (n.FILTERED, n.REFUSED) else one.finish,
        "logprobs": tokens(one.logprobs),
    }


def tokens(told: msgspec.Raw) -> list[object]:
    shape = parsed(told)
    content = shape.get("content") if isinstance(shape, dict) else shape
    return [(one["token"], one["logprob"]) for one in content or ()]


def events_of(found: n.Reply, step: int = 3) -> list[n.Event]:
    """The answer as a vendor would stream it, its texts in pieces of ``step`` letters."""
    events: list[n.Event] = [n.Begin(found.reply_id, found.model, found.created_s)]
    for place, one in enumerate(found.choices):
        events.extend(_choice_events(one, place, step))
        events.append(n.Finish(one.finish, place, one.stop_sequence))
    if found.usage is not None:
        events.append(n.Spent(found.usage, found.tier))
    return events


def _choice_events(one: n.Choice, place: int, step: int) -> Iterable[n.Event]:
    index = 0
    for part in one.parts:
        if isinstance(part, n.ToolCall):
            yield n.ToolBegin(index, part.call_id, part.name, place)
            yield from (n.ToolDelta(index, piece, place) for piece in cut(part.arguments, step))
            index += 1
        elif isinstance(part, n.Reasoning):
            yield from (n.ReasoningDelta(piece, place) for piece in cut(part.text, step))
            if part.signature:
                yield n.ReasoningProof(part.signature, place)
        elif isinstance(part, n.Refusal):
            yield from (n.RefusalDelta(piece, place) for piece in cut(part.text, step))
        elif isinstance(part, n.Text):
            yield from (n.TextDelta(piece, place) for piece in cut(part.text, step))
    if bytes(one.logprobs) != b"null":
        yield n.LogprobsDelta(one.logprobs, place)


def cut(text: str, step: int) -> list[str]:
    return [text[at : at + step] for at in range(0, len(text), step)]


def folded(events: Iterable[n.Event]) -> n.Reply:
    """A stream's events as the whole answer that they tell."""
    whole = n.Reply("", "", 0, [])
    for event in events:
        if isinstance(event, n.Begin):
            whole.reply_id, whole.model, whole.created_s = (
                *(event.reply_id, event.model),
                event.created_s,
            )
        elif isinstance(event, n.Spent):
            whole.usage = event.usage
        elif not isinstance(event, n.Fault):
            while len(whole.choices) <= event.choice:
                whole.choices.append(n.Choice([], finish="none"))
            _fold(event, whole.choices[event.choice])
    return whole


def _fold(event: n.Event, one: n.Choice) -> None:
    if isinstance(event, n.Finish):
        one.finish, one.stop_sequence = event.reason, event.stop_sequence
    elif isinstance(event, n.TextDelta):
        one.parts.append(n.Text(event.text))
    elif isinstance(event, n.ReasoningDelta):
        one.parts.append(n.Reasoning(event.text))
    elif isinstance(event, n.ReasoningProof):
        one.parts.append(n.Reasoning(signature=event.signature))
    elif isinstance(event, n.RefusalDelta):
        one.parts.append(n.Refusal(event.text))
    elif isinstance(event, n.ToolBegin):
        calls = [part for part in one.parts if isinstance(part, n.ToolCall)]
        assert event.index == len(calls), "calls are counted without gaps"
        one.parts.append(n.ToolCall(event.call_id, event.name, ""))
    elif isinstance(event, n.ToolDelta):
        calls = [part for part in one.parts if isinstance(part, n.ToolCall)]
        calls[event.index].arguments += event.arguments
    elif isinstance(event, n.LogprobsDelta):
        known = parsed(one.logprobs) or {"content": []}
        more = parsed(event.raw)
        known["content"] += more["content"] if isinstance(more, dict) else more
        one.logprobs = raw(known)
