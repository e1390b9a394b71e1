"""Thoughts that a vendor writes into its words, between ``<think>`` and ``</think>``.

Only for offers of which it is known (feature ``reasoning:think_tag``), only at an answer's begin:
a model that writes about such tags must not lose its words. Sans-I/O, for the neutral values, so
that it is the same for every dialect.
"""

from __future__ import annotations

from steelyard.dialects.bridge import neutral

FEATURE = "reasoning:think_tag"
_OPEN, _CLOSE = "<think>", "</think>"


class _State:
    """How far a choice has come."""

    __slots__ = ("kept", "stage")

    def __init__(self) -> None:
        self.stage = "begin"
        """``begin``, ``thought``, ``gap`` (white space behind the thought) or ``words``."""
        self.kept = ""
        """Text that may be half a tag."""


class ThinkTags:
    """Takes the thoughts out of one stream's words."""

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}

    def split(self, events: list[neutral.Event]) -> list[neutral.Event]:
        """The events, with thoughts as thoughts; half a tag is kept back."""
        found: list[neutral.Event] = []
        for event in events:
            if isinstance(event, neutral.TextDelta):
                state = self._states.setdefault(event.choice, _State())
                if state.stage == "words":
                    found.append(event)
                else:
                    _read(state, event.text, event.choice, found)
                continue
            if isinstance(event, neutral.Finish):
                self._flush(event.choice, found)
            found.append(event)
        return found

    def end(self) -> list[neutral.Event]:
        """What was kept back of choices that never ended."""
        found: list[neutral.Event] = []
        for choice in self._states:
            self._flush(choice, found)
        return found

    def _flush(self, choice: int, found: list[neutral.Event]) -> None:
        state = self._states.get(choice)
        if state is None or not state.kept:
            return
        kept, state.kept = state.kept, ""
        is_thought = state.stage == "thought"
        found.append((neutral.ReasoningDelta if is_thought else neutral.TextDelta)(kept, choice))


def split_reply(reply: neutral.Reply) -> neutral.Reply:
    """The same for a whole answer, which it changes."""
    for choice in reply.choices:
        parts: list[neutral.Part] = []
        tags = ThinkTags()
        for part in choice.parts:
            if isinstance(part, neutral.Text):
                for event in [*tags.split([neutral.TextDelta(part.text)]), *tags.end()]:
                    _append(event, parts)
            else:
                parts.append(part)
        choice.parts = parts
    return reply


def _append(event: neutral.Event, parts: list[neutral.Part]) -> None:
    """What such a stream tells as parts of a message: thoughts and words, in their order."""
    last = parts[-1] if parts else None
    if isinstance(event, neutral.ReasoningDelta):
        if isinstance(last, neutral.Reasoning):
            last.text += event.text
        else:
            parts.append(neutral.Reasoning(event.text))
    elif isinstance(event, neutral.TextDelta):  # pragma: no branch - there is nothing else
        if isinstance(last, neutral.Text):
            last.text += event.text
        else:
            parts.append(neutral.Text(event.text))


def _read(state: _State, text: str, choice: int, found: list[neutral.Event]) -> None:
    text, state.kept = state.kept + text, ""
    if state.stage == "begin":
        words = text.lstrip()
        if len(words) < len(_OPEN) and _OPEN.startswith(words):
            state.kept = text
            return
        if not words.startswith(_OPEN):
            state.stage = "words"
            found.append(neutral.TextDelta(text, choice))
            return
        # The line break behind the tag belongs to the tag.
        state.stage, text = "thought", words[len(_OPEN) :].removeprefix("\n")
    if state.stage == "thought":
        thought, tag, text = text.partition(_CLOSE)
        if not tag:
            half = _half_tag(thought)
            state.kept = thought[len(thought) - half :]
            thought = thought[: len(thought) - half]
        if thought:
            found.append(neutral.ReasoningDelta(thought, choice))
        if not tag:
            return
        state.stage = "gap"
    text = text.lstrip()
    if text:
        state.stage = "words"
        found.append(neutral.TextDelta(text, choice))


def _half_tag(text: str) -> int:
    """How many characters at the end may be the begin of the closing tag."""
    for length in range(min(len(text), len(_CLOSE) - 1), 0, -1):
        if text.endswith(_CLOSE[:length]):
            return length
    return 0
