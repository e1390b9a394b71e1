"""The turns of a chat, as Anthropic's messages want them.

System messages go to the top, and a later one becomes words of the user's unless the offer takes
the role (``role:system``); roles take turns and the user begins; empty texts vanish; results of
tools are the user's and stand before his words.
"""

from __future__ import annotations

import re
from base64 import b64decode

import msgspec

from steelyard.dialects.bridge import neutral

Shape = dict[str, object]
_FILLER = "."
"""Words for a turn that must not be missing and that nobody spoke."""
_PDF = "application/pdf"
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_not_of_ids = re.compile(r"[^a-zA-Z0-9_-]").sub
"""What the vendor refuses in the id of a call."""


class Turns:
    """Writes the messages of one request."""

    def __init__(self, features: frozenset[str], is_own: bool) -> None:
        """``is_own``: private parts are this dialect's."""
        self._features = features
        self._is_own = is_own
        self._turns: list[tuple[str, list[Shape]]] = []
        self.system: list[Shape] = []
        """Texts for the top of the request."""
        self.dropped: dict[str, None] = {}

    @property
    def lacks_thought(self) -> bool:
        """Whether the last answer called tools and its thoughts were not given back."""
        answers = [blocks for role, blocks in self._turns if role == neutral.ASSISTANT]
        if not answers:
            return False
        kinds = [block["type"] for block in answers[-1]]
        return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")

    def write(self, messages: list[neutral.Message]) -> list[Shape]:
        """The messages, in which user and assistant take turns."""
        turns, is_leading = self._turns, True
        for message in messages:
            words = self._blocks(message)
            if message.name:
                self.dropped["messages.name"] = None
            is_system = message.role in (neutral.SYSTEM, neutral.DEVELOPER)
            if is_system and is_leading:
                self.system.extend(words)
                continue
            is_leading = False
            role = self._later(words) if is_system else message.role
            if role not in (neutral.ASSISTANT, neutral.SYSTEM):
                role = neutral.USER
            if words and turns and turns[-1][0] == role:
                turns[-1][1].extend(words)
            elif words:
                turns.append((role, words))
        if not turns or turns[0][0] == neutral.ASSISTANT:
            turns.insert(0, (neutral.USER, [{"type": "text", "text": _FILLER}]))
        if turns[-1][0] == neutral.ASSISTANT:
            _end_cleanly(turns[-1][1])
        return [{"role": role, "content": _ordered(blocks)} for role, blocks in turns]

    def _later(self, words: list[Shape]) -> str:
        """The role of a system message that is not at the top."""
        if "role:system" in self._features:
            return neutral.SYSTEM
        self.dropped["messages.system"] = None
        for block in words:
            if block["type"] == "text":
                block["text"] = f"<system>\n{block['text']}\n</system>"
        return neutral.USER

    def _blocks(self, message: neutral.Message) -> list[Shape]:
        found = []
        for part in message.parts:
            shape = self._block(part)
            if shape is None and not isinstance(part, neutral.Text):
                self.dropped[f"messages.{_kind(part)}"] = None
            if shape is not None:
                found.append(shape)
        return found

    def _block(self, part: neutral.Part) -> Shape | None:
        if isinstance(part, neutral.Text | neutral.Refusal):
            if not part.text:
                return None  # the vendor refuses empty texts
            cache = part.cache if isinstance(part, neutral.Text) else ""
            return marked({"type": "text", "text": part.text}, cache)
        if isinstance(part, neutral.Reasoning):
            return self._thought(part)
        if isinstance(part, neutral.ToolCall):
            given = written_arguments(part.arguments)
            called = {"type": "tool_use", "id": _sound_id(part.call_id), "name": part.name}
            return marked({**called, "input": given}, part.cache)
        if isinstance(part, neutral.ToolResult):
            return self._result(part)
        if isinstance(part, neutral.Image):
            return marked({"type": "image", "source": _source(part)}, part.cache)
        if isinstance(part, neutral.File) and (part.data or part.url or part.file_id):
            shape: Shape = {"type": "document", "source": _source(part)}
            if part.name:
                shape["title"] = part.name
            return marked(shape, part.cache)
        if isinstance(part, neutral.Private) and self._is_own:
            return msgspec.json.decode(part.raw, type=dict[str, object])
        return None

    def _thought(self, part: neutral.Reasoning) -> Shape | None:
        if part.is_redacted:
            return {"type": "redacted_thinking", "data": part.signature}
        if part.signature or (part.text and "reasoning:back" in self._features):
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        return None

    def _result(self, part: neutral.ToolResult) -> Shape:
        shape: Shape = {"type": "tool_result", "tool_use_id": _sound_id(part.call_id)}
        inner = [block for one in part.parts if (block := self._block(one)) is not None]
        if len(inner) == 1 and inner[0].keys() == {"type", "text"}:
            shape["content"] = inner[0]["text"]
        elif inner:
            shape["content"] = inner
        if part.is_error:
            shape["is_error"] = True
        return marked(shape, part.cache)


def written_arguments(arguments: str) -> object:
    """A call's arguments as the object that the dialect demands.

    What is no JSON object is wrapped, under the name that the vendor's page on streamed tools
    proposes for it.
    """
    if not arguments.strip():
        return {}
    try:
        _object_decoder.decode(arguments)
    except (msgspec.MsgspecError, RecursionError):
        return {"INVALID_JSON": arguments}
    return msgspec.Raw(arguments.encode())


def _source(part: neutral.Image | neutral.File) -> Shape:
    if isinstance(part, neutral.File) and part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.url:
        return {"type": "url", "url": part.url}
    if part.media_type == "text/plain":
        return {"type": "text", "media_type": part.media_type, "data": _words(part.data)}
    kind = part.media_type or ("image/png" if isinstance(part, neutral.Image) else _PDF)
    return {"type": "base64", "media_type": kind, "data": part.data}


def _words(data: str) -> str:
    """The text behind base64; what is none stays as it is."""
    try:
        return b64decode(data, validate=True).decode("utf-8", "replace")
    except ValueError:
        return data


def marked(shape: Shape, cache: str) -> Shape:
    """The shape with a prompt-cache mark; life times that the vendor has not are its default."""
    if cache:
        mark = {"type": "ephemeral"}
        shape["cache_control"] = {**mark, "ttl": cache} if cache in ("5m", "1h") else mark
    return shape


def _ordered(blocks: list[Shape]) -> list[Shape]:
    """Results of tools first: the vendor wants them right behind the calls."""
    results = [block for block in blocks if block["type"] == "tool_result"]
    return [*results, *(b for b in blocks if b["type"] != "tool_result")] if results else blocks


def _end_cleanly(blocks: list[Shape]) -> None:
    """The vendor goes on where the last words end, and refuses white space there."""
    last = blocks[-1]
    if last["type"] == "text":
        last["text"] = str(last["text"]).rstrip() or last["text"]


def _sound_id(call_id: str) -> str:
    return _not_of_ids("_", call_id) or "call"


def _kind(part: neutral.Part) -> str:
    return part.kind if isinstance(part, neutral.Private) else type(part).__name__.lower()
