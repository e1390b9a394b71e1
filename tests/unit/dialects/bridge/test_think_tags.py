from __future__ import annotations

import pytest

from steelyard.dialects.bridge import neutral as n
from steelyard.dialects.bridge.think_tags import ThinkTags, split_reply

WHOLE = "\n<think>\nHm, <b>2</b> </thin> k\n</think>\n\nIt is <think>2</think>."
THOUGHT, WORDS = "Hm, <b>2</b> </thin> k\n", "It is <think>2</think>."


def split(pieces: list[str], is_over: bool = True) -> tuple[str, str]:
    tags = ThinkTags()
    told = [tags.split([n.TextDelta(piece)]) for piece in pieces]
    told.append(tags.split([n.Finish(n.STOP)]) if is_over else tags.end())
    found = [event for one in told for event in one]
    return (
        "".join(event.text for event in found if isinstance(event, n.ReasoningDelta)),
        "".join(event.text for event in found if isinstance(event, n.TextDelta)),
    )


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 100])
def test_any_cut_gives_the_same_thought_and_words(step: int) -> None:
    pieces = [WHOLE[at : at + step] for at in range(0, len(WHOLE), step)]
    thought, words = split(pieces)
    assert thought.removeprefix("\n") == THOUGHT
    assert words == WORDS


@pytest.mark.parametrize("is_over", [True, False])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ("", "plain")),
        (" <thin", ("", " <thin")),
        ("<", ("", "<")),
        ("a <think>b</think>", ("", "a <think>b</think>")),
        ("<think>cut off </thi", ("cut off </thi", "")),
        ("<think></think>a", ("", "a")),
        ("<think>a</think> ", ("a", "")),
        ("", ("", "")),
    ],
)
def test_tags_only_count_at_the_begin(text: str, expected: tuple[str, str], is_over: bool) -> None:
    assert split([text], is_over) == expected


def test_other_events_pass_and_choices_are_apart() -> None:
    tags = ThinkTags()
    told: list[n.Event] = [
        n.Begin("r", "m"),
        n.TextDelta("<think>a", 0),
        n.TextDelta("b", 1),
        n.TextDelta("c", 1),
    ]
    assert tags.split(told) == [
        n.Begin("r", "m"),
        n.ReasoningDelta("a", 0),
        n.TextDelta("b", 1),
        n.TextDelta("c", 1),
    ]
    assert tags.split([n.Finish(n.STOP, 2)]) == [n.Finish(n.STOP, 2)]


def test_whole_answers() -> None:
    call = n.ToolCall("c", "f", "")
    reply = n.Reply("r", "m", 0, [n.Choice([n.Text(WHOLE), n.Text(" <th"), call])])
    [choice] = split_reply(reply).choices
    assert choice.parts == [n.Reasoning(THOUGHT), n.Text(WORDS + " <th"), call]
    reply = n.Reply("r", "m", 0, [n.Choice([n.Reasoning("a"), n.Text("<think>b</thi")])])
    [choice] = split_reply(reply).choices
    assert choice.parts == [n.Reasoning("ab</thi")]
