"""Chats in nobody's words, written as requests in OpenAI's responses dialect.

Vendors of this dialect differ in what no request shows, so the offer's features say it:

- ``reasoning:back``: an assistant's thoughts are given back as reasoning items, also those that
  have nothing but their text
- ``cache:breakpoint``: parts of the input carry ``prompt_cache_breakpoint``

A thought that another dialect's vendor signed is never given back: this one could not read it.
"""

from __future__ import annotations

import msgspec

from steelyard.dialects.bridge import neutral
from steelyard.dialects.bridge.codec import Target, Written
from steelyard.dialects.bridge.efforts import effort_of
from steelyard.dialects.bridge.openai_responses_read import (
    CONTENT,
    ENCRYPTED,
    LOGPROBS,
    sealed,
    unsealed,
)

OUTPUT_MIN = 16
"""Least bound of output that the API takes; a smaller one would be refused."""
_encode = msgspec.json.encode
_Shape = dict[str, object]
_TIERS = {"standard": "default", "standard_only": "default"}
"""What other dialects call the ordinary tier."""
_ANY = {"type": "object", "properties": {}}
"""What a function takes that says nothing of it."""
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def write_chat(chat: neutral.Chat, target: Target) -> Written:
    """The body for a vendor that speaks this dialect, and what it leaves out."""
    return _Writer(chat, target).write()


class _Writer:
    """Writes one request."""

    def __init__(self, chat: neutral.Chat, target: Target) -> None:
        self._chat = chat
        self._target = target
        self._fields: _Shape = {}
        self._include: list[object] = []
        self._text: _Shape = {}
        self._reasoning: _Shape = {}
        self._dropped: dict[str, None] = {}
        self._items: list[object] = []

    def write(self) -> Written:
        fields = self._fields
        fields["model"] = self._target.model
        fields["input"] = self._items
        self._write_private()
        self._write_messages()
        self._write_tools()
        self._write_form()
        self._write_thinking()
        self._write_bounds()
        for name, parts in (("text", self._text), ("reasoning", self._reasoning)):
            if parts:
                fields[name] = parts
        if self._include:
            fields["include"] = self._include
        if self._chat.is_stream:
            fields["stream"] = True
        # Nobody comes back for what is kept: the client cannot name it in its own dialect.
        unsaid = {"store": False, **self._target.defaults}
        return Written(_encode({**unsaid, **fields}), tuple(self._dropped))

    def _drop(self, name: str) -> None:
        self._dropped[name] = None

    def _write_private(self) -> None:
        for name, raw in self._chat.private.items():
            whole, _, part = name.partition(".")
            if name == "verbosity":
                self._text[name] = raw
            elif name == "include":
                self._include.extend(msgspec.json.decode(raw, type=list[str]))
            elif whole == "reasoning" and part:
                self._reasoning[part] = raw
            elif whole == "text" and part:
                self._text[part] = raw
            elif part:
                self._drop(name)
            else:
                self._fields[name] = raw

    def _write_bounds(self) -> None:
        chat, fields = self._chat, self._fields
        bound = self._target.output_cap or chat.output_max
        if bound:
            fields["max_output_tokens"] = max(bound, OUTPUT_MIN)
        plain: _Shape = {
            "temperature": chat.temperature,
            "top_p": chat.top_p,
            "user": chat.user or None,
            "service_tier": _TIERS.get(chat.tier, chat.tier) or None,
        }
        fields.update((name, value) for name, value in plain.items() if value is not None)
        if chat.logprobs is not None:
            self._include.append(LOGPROBS)
            if chat.logprobs:
                fields["top_logprobs"] = chat.logprobs
        unknown = {
            "top_k": chat.top_k is not None,
            "stop": bool(chat.stop),
            "seed": chat.seed is not None,
            "n": chat.choices is not None and chat.choices > 1,
            "presence_penalty": bool(chat.presence_penalty),
            "frequency_penalty": bool(chat.frequency_penalty),
        }
        for name, is_wanted in unknown.items():
            if is_wanted:
                self._drop(name)

    def _write_tools(self) -> None:
        chat, choice = self._chat, self._chat.tool_choice
        if not chat.tools:
            # Without tools these say nothing, and vendors refuse them.
            if choice is not None and choice.mode in ("required", "tool"):
                self._drop("tool_choice")
            return
        self._fields["tools"] = [self._tool(tool) for tool in chat.tools]
        if choice is not None:
            self._fields["tool_choice"] = self._choice(choice)
        if chat.is_parallel is not None:
            self._fields["parallel_tool_calls"] = chat.is_parallel

    def _choice(self, choice: neutral.ToolChoice) -> object:
        if choice.mode != "tool":
            return choice.mode
        own = [_type_of(tool.own) for tool in self._chat.tools if tool.name == choice.name]
        kind = own[0] if own and own[0] else "function"
        # A tool of the vendor's own that has no other name goes by its type.
        return {"type": kind} if kind == choice.name else {"type": kind, "name": choice.name}

    def _tool(self, tool: neutral.Tool) -> object:
        if tool.cache:
            self._drop("cache_control")
        if bytes(tool.own):
            return tool.own
        shape: _Shape = {"type": "function", "name": tool.name}
        if tool.description:
            shape["description"] = tool.description
        shape["parameters"] = _ANY if bytes(tool.schema) == b"{}" else tool.schema
        # Left out, it would be true here, and false is what all other dialects mean then.
        shape["strict"] = bool(tool.is_strict)
        return shape

    def _write_form(self) -> None:
        form = self._chat.form
        if form is None or form.kind == "text":
            return
        shape: _Shape = {"type": form.kind}
        if form.kind == "json_schema":
            shape |= {"name": form.name or "answer", "schema": form.schema}
            if form.description:
                shape["description"] = form.description
            if form.is_strict is not None:
                shape["strict"] = form.is_strict
        self._text["format"] = shape

    def _write_thinking(self) -> None:
        wish = self._chat.thinking
        if wish is None:
            return
        effort = "none" if wish.mode == "off" else wish.effort
        if not effort and wish.budget is not None:
            effort = effort_of(wish.budget)
        if effort:
            self._reasoning["effort"] = effort
        if wish.is_shown and wish.mode != "off":
            self._reasoning.setdefault("summary", "auto")
        if "reasoning:back" in self._target.features and wish.mode != "off":
            # What is to be given back must first be told, since nothing is kept.
            self._include.append(ENCRYPTED)

    def _write_messages(self) -> None:
        messages = self._chat.messages
        if len(messages) > 1 and messages[0].role == neutral.SYSTEM and _is_plain(messages[0]):
            texts = [part.text for part in messages[0].parts if isinstance(part, neutral.Text)]
            self._fields["instructions"] = "\n".join(texts)
            messages = messages[1:]
        for message in messages:
            if message.name:
                self._drop("messages.name")
            if message.role == neutral.ASSISTANT:
                self._write_answer(message)
            else:
                self._write_turn(message)

    def _write_turn(self, message: neutral.Message) -> None:
        """A turn of anybody's but the assistant's."""
        role = neutral.USER if message.role == neutral.TOOL else message.role
        spoken: list[object] = []
        for part in message.parts:
            if isinstance(part, neutral.ToolResult):
                self._items.append(self._result(part))
            elif isinstance(part, neutral.Private) and not part.kind.startswith(CONTENT):
                self._items.append(part.raw)
            elif (shape := self._part(part)) is not None:
                spoken.append(shape)
        if spoken:
            self._items.append({"role": role, "content": _brief(spoken)})

    def _result(self, result: neutral.ToolResult) -> _Shape:
        output = [shape for part in result.parts if (shape := self._part(part)) is not None]
        if result.is_error:
            # There is no field for it, but models understand the word.
            output.insert(0, {"type": "input_text", "text": "Error:"})
        if result.cache:
            self._drop("cache_control")
        texts = [part.text for part in result.parts if isinstance(part, neutral.Text)]
        told: object = output
        if len(texts) == len(result.parts) and all(len(shape) == 2 for shape in output):
            told = "\n".join(["Error:", *texts] if result.is_error else texts)
        return {"type": "function_call_output", "call_id": result.call_id, "output": told}

    def _part(self, part: neutral.Part) -> _Shape | None:
        shape: _Shape | None = None
        if isinstance(part, neutral.Text):
            shape = {"type": "input_text", "text": part.text}
        elif isinstance(part, neutral.Refusal):
            shape = {"type": "input_text", "text": part.text}
        elif isinstance(part, neutral.Image):
            url = part.url or f"data:{part.media_type};base64,{part.data}"
            shape = {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        elif isinstance(part, neutral.File):
            shape = _file(part)
        elif isinstance(part, neutral.Private):
            return dict[str, object](_fields_of(part.raw))
        if shape is None:
            self._drop(f"messages.{_kind(part)}")
        elif getattr(part, "cache", ""):
            if "cache:breakpoint" in self._target.features:
                shape["prompt_cache_breakpoint"] = {"mode": "explicit"}
            else:
                self._drop("cache_control")
        return shape

    def _write_answer(self, message: neutral.Message) -> None:
        """An assistant's turn: one item for each thing, words that follow each other together."""
        said: list[neutral.Text | neutral.Refusal] = []
        for part in message.parts:
            if isinstance(part, neutral.Text | neutral.Refusal):
                said.append(part)
                continue
            self._write_words(said)
            said = []
            if isinstance(part, neutral.ToolCall):
                call = {"type": "function_call", "call_id": part.call_id, "name": part.name}
                self._items.append({**call, "arguments": part.arguments or "{}"})
            elif isinstance(part, neutral.Reasoning):
                self._write_thought(part)
            elif isinstance(part, neutral.Private) and not part.kind.startswith(CONTENT):
                self._items.append(part.raw)
            else:
                self._drop(f"messages.assistant.{_kind(part)}")
        self._write_words(said)

    def _write_words(self, said: list[neutral.Text | neutral.Refusal]) -> None:
        if not said:
            return
        if any(isinstance(part, neutral.Text) and part.cache for part in said):
            self._drop("cache_control")
        if all(isinstance(part, neutral.Text) for part in said):
            text = "".join(part.text for part in said)
            self._items.append({"role": "assistant", "content": text})
            return
        content: list[_Shape] = [
            {"type": "refusal", "refusal": part.text}
            if isinstance(part, neutral.Refusal)
            else {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
            for part in said
        ]
        words = {"type": "message", "id": f"msg_{len(self._items)}", "status": "completed"}
        self._items.append({**words, "role": "assistant", "content": content})

    def _write_thought(self, thought: neutral.Reasoning) -> None:
        item_id, proof = unsealed(sealed(thought.item_id, thought.signature))
        is_wanted = "reasoning:back" in self._target.features
        if not item_id and not (is_wanted and thought.text):
            if is_wanted:
                self._drop("messages.reasoning")
            return
        name = item_id or f"rs_{len(self._items)}"
        item: _Shape = {"type": "reasoning", "id": name, "summary": []}
        if item_id:
            item["encrypted_content"] = proof
            if thought.text or not thought.is_redacted:
                item["summary"] = [{"type": "summary_text", "text": thought.text}]
        else:
            item["content"] = [{"type": "reasoning_text", "text": thought.text}]
        self._items.append(item)


def _is_plain(message: neutral.Message) -> bool:
    """Whether a message is nothing but words, so that instructions can hold it."""
    return all(isinstance(part, neutral.Text) and not part.cache for part in message.parts)


def _brief(spoken: list[object]) -> object:
    """A string where one will do."""
    first = spoken[0]
    if len(spoken) == 1 and isinstance(first, dict) and first.get("type") == "input_text":
        return first["text"] if len(first) == 2 else spoken
    return spoken


def _file(part: neutral.File) -> _Shape | None:
    shape: _Shape = {"type": "input_file"}
    if part.name:
        shape["filename"] = part.name
    if part.url:
        shape["file_url"] = part.url
    elif part.file_id:
        shape["file_id"] = part.file_id
    elif part.data:
        media_type = part.media_type or "application/octet-stream"
        shape["file_data"] = f"data:{media_type};base64,{part.data}"
    else:
        return None
    return shape


def _type_of(own: msgspec.Raw) -> str:
    """The type of a vendor's own tool; empty for a function."""
    if not bytes(own):
        return ""
    return msgspec.json.decode(_fields_of(own).get("type", msgspec.Raw(b'""')), type=str)


def _kind(part: neutral.Part) -> str:
    return part.kind if isinstance(part, neutral.Private) else type(part).__name__.lower()
