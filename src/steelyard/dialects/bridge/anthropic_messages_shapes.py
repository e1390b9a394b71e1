"""The shapes of Anthropic's messages that are translated, and their decoders.

Source: package anthropic 2.12.0, ``types`` (read 2026-11-22). Blocks of all kinds share one shape,
since which fields matter is known from ``type`` only, and new kinds come every month.
"""

from __future__ import annotations

import msgspec

NULL = msgspec.Raw(b"null")


class CacheMark(msgspec.Struct, gc=False):
    """Everything before it shall be kept in the vendor's cache."""

    type: str = ""
    ttl: str | None = None


class Source(msgspec.Struct, gc=False):
    """Where a picture or document comes from."""

    type: str = ""
    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None


class Block(msgspec.Struct):
    """A block of content, in a request or an answer."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NULL
    tool_use_id: str | None = None
    content: msgspec.Raw = NULL
    is_error: bool | None = None
    source: Source | None = None
    title: str | None = None
    cache_control: CacheMark | None = None


class Message(msgspec.Struct):
    """A message of a request."""

    role: str
    content: str | list[msgspec.Raw]


class Tool(msgspec.Struct):
    """A tool's definition; one that the vendor runs has a type and a shape of its own."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None
    cache_control: CacheMark | None = None


class ToolChoice(msgspec.Struct, gc=False):
    """Whether and which tool must be called."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct, gc=False):
    """How much the model shall think."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class Format(msgspec.Struct, gc=False):
    """The form that the answer must have."""

    type: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class OutputConfig(msgspec.Struct):
    """How the answer shall be."""

    effort: str | None = None
    format: Format | None = None


class Metadata(msgspec.Struct, gc=False):
    """What the request is about."""

    user_id: str | None = None


class Request(msgspec.Struct):
    """The fields of a request that other dialects know too."""

    model: str
    messages: list[msgspec.Raw]
    max_tokens: int | None = None
    system: str | list[msgspec.Raw] | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    metadata: Metadata | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stream: bool | None = None
    service_tier: str | None = None
    speed: str | None = None
    cache_control: CacheMark | None = None


class StopDetails(msgspec.Struct, gc=False):
    """Why the model would not."""

    explanation: str | None = None


class Trouble(msgspec.Struct, gc=False):
    """An error inside an answer that began well."""

    type: str | None = None
    message: str | None = None


class Answer(msgspec.Struct):
    """A whole answer, or what a stream begins with."""

    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: msgspec.Raw = NULL
    error: Trouble | None = None


class Delta(msgspec.Struct, gc=False):
    """What an event adds to its block or to the whole."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Event(msgspec.Struct):
    """An event of a stream."""

    type: str
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Answer | None = None
    usage: msgspec.Raw = NULL
    error: Trouble | None = None


KNOWN_REQUEST = frozenset(Request.__struct_fields__)
KNOWN_TOOL = frozenset(Tool.__struct_fields__)
KNOWN_MESSAGE = frozenset(Message.__struct_fields__)
KNOWN_BLOCKS = {
    "text": frozenset(("type", "text", "cache_control")),
    "image": frozenset(("type", "source", "cache_control")),
    "document": frozenset(("type", "source", "title", "cache_control")),
    "thinking": frozenset(("type", "thinking", "signature")),
    "redacted_thinking": frozenset(("type", "data")),
    "tool_use": frozenset(("type", "id", "name", "input", "cache_control", "caller")),
    "tool_result": frozenset(("type", "tool_use_id", "content", "is_error", "cache_control")),
}
"""Fields of the blocks that are translated; ``caller`` of a call repeats that the model made it."""

request_decoder = msgspec.json.Decoder(Request)
message_decoder = msgspec.json.Decoder(Message)
block_decoder = msgspec.json.Decoder(Block)
content_decoder = msgspec.json.Decoder(str | list[msgspec.Raw] | None)
tool_decoder = msgspec.json.Decoder(Tool)
answer_decoder = msgspec.json.Decoder(Answer)
event_decoder = msgspec.json.Decoder(Event)
fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
