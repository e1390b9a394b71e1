from __future__ import annotations

import pytest

from steelyard.domain.answering import (
    GRACE_NS,
    WINDOW_NS,
    Kind,
    Oddity,
    Sighting,
    are_one_model,
    is_dated,
    is_of,
    judge,
    merged,
    names_known,
    shown,
)

MINUTE_NS = 60 * 10**9
OLD, NEW = "chat-2026-01-31", "chat-2026-08-06"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4", "gpt-4-0613"),
        ("GPT-4o", "openai/gpt-4o"),
        ("DeepSeek-V3", "Pro/deepseek-ai/DeepSeek-V3"),
        ("doubao-pro-32k", "doubao-pro-32k-240615"),
        ("qwen-max-latest", "qwen-max-2025-01-25"),
        ("llama3", "llama3:latest"),
        ("gemini-2.0-flash", "models/gemini-2.0-flash-001"),
        ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", "claude-3-5-sonnet-20240620"),
        ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet"),
    ],
)
def test_the_same_model_under_a_prefix_a_date_or_a_version(asked: str, answered: str) -> None:
    assert is_of(asked, answered) and is_of(answered, asked)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4", "gpt-4.1"),
        ("gpt-4", "gpt-4-32k"),
        ("o1", "o1-preview"),
        ("glm-4", "glm-4-9b"),
        ("llama-3", "llama-3-70b"),
        (OLD, NEW),
        ("claude-v1", "claude-v2"),
        ("model", ""),
        ("", "model"),
    ],
)
def test_another_model(asked: str, answered: str) -> None:
    assert not is_of(asked, answered)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("qwen_max_0919", "Qwen-Max"),
        ("claude-3.5-sonnet", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("Mixtral 8x7B_instruct", "mistralai/Mixtral-8x7B-Instruct"),
    ],
)
def test_two_catalogues_may_put_other_marks_between_words(one: str, other: str) -> None:
    assert are_one_model(one, other) and are_one_model(other, one)
    assert not is_of(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("qwen2-57b", "qwen2.5-7b"), ("gpt-4", "gpt-4.1"), ("gemma-7b", "gemma_7b_8192"), (OLD, NEW)],
)
def test_marks_part_figures_that_are_another_model_together(one: str, other: str) -> None:
    assert not are_one_model(one, other) and not are_one_model(other, one)


def test_names_that_are_known_to_stand_behind_it() -> None:
    assert is_of("deep-chat", "deep-v4-flash", ["deep-v4-flash"])
    assert is_of("deep-chat", "seller/Deep-V4-Pro", ["deep-v4-*"])
    assert not is_of("deep-chat", "deep-v3", ["deep-v4-*"])
    assert is_of("deep-chat", "deep-v4-flash-0806", ["deep-v4-flash"])


def test_an_endpoint_answers_as_the_model_that_it_is_of() -> None:
    for asked in ("ep-20240615123456-abcde", "my-deployment"):
        assert is_of(asked, "gpt-4o-2024-08-06", names_known(asked, "gpt-4o"))
    # Who asks for a version gets no other one, whatever the offer is called.
    assert names_known("gpt-4o-2024-08-06", "gpt-4o", ["x"]) == ("x",)
    assert not is_of("my-deployment", "", names_known("my-deployment", ""))


def test_what_says_which_version_it_means() -> None:
    dated = ("gpt-4o-2024-08-06", "gpt-4-0613", "x-240615", "claude-3-20240620-v1:0", "g-05-20")
    assert all(map(is_dated, dated))
    assert not any(map(is_dated, ("chat", "gemini-2.0-flash-001", "qwen-max-latest", "yi-34b")))


def seen(name: str, first_ns: int, last_ns: int | None = None) -> Sighting:
    return Sighting(name, first_ns, first_ns if last_ns is None else last_ns)


def test_an_alias_that_moves() -> None:
    assert judge("chat", [], seen(OLD, 0)) is None
    before = [seen(OLD, 0, 5 * MINUTE_NS)]
    assert judge("chat", before, seen(OLD, 6 * MINUTE_NS)) is None
    found = judge("chat", before, seen(NEW, 6 * MINUTE_NS))
    assert found == Oddity(Kind.ALIAS_MOVED, NEW, OLD)
    # An old machine that answers a little longer is no news, and neither is the new name.
    both = [*before, seen(NEW, 6 * MINUTE_NS)]
    assert judge("chat", both, seen(OLD, 7 * MINUTE_NS)) is None
    assert judge("chat", both, seen(NEW, 8 * MINUTE_NS)) is None
    # Moved back, days later.
    later = [seen(OLD, 0, 5 * MINUTE_NS), seen(NEW, 6 * MINUTE_NS, 3 * WINDOW_NS)]
    found = judge("chat", later, seen(OLD, 3 * WINDOW_NS + 1))
    assert found == Oddity(Kind.ALIAS_MOVED, OLD, NEW)


def test_who_asks_for_a_version_asks_for_no_alias() -> None:
    assert judge(OLD, [seen("chat", 0)], seen(OLD, 1)) is None
    assert judge(OLD, [seen(OLD, 0)], seen(NEW, 1)) == Oddity(Kind.SWAPPED, NEW, OLD)


def test_a_swap_is_said_when_it_is_new() -> None:
    assert judge("chat", [], seen("tiny", 0)) == Oddity(Kind.SWAPPED, "tiny", "")
    assert judge("chat", [seen("tiny", 0)], seen("tiny", 1)) is None
    again = judge(
        "chat", [seen("tiny", 0), seen("chat", 1, WINDOW_NS)], seen("tiny", WINDOW_NS + 1)
    )
    assert again == Oddity(Kind.SWAPPED, "tiny", "chat")
    assert judge("chat", [], seen("tiny", 0), ["tiny"]) is None


def test_two_names_in_turns() -> None:
    before = [seen(OLD, 0, 1), seen(NEW, 2, GRACE_NS)]
    assert judge("chat", before, seen(OLD, GRACE_NS)) is None
    found = judge("chat", before, seen(OLD, GRACE_NS + 3))
    assert found == Oddity(Kind.MIXED, NEW, OLD)
    # The other way round it is the same pair, so that it is said once.
    turned = [seen(OLD, 0, GRACE_NS + 3), seen(NEW, 2, GRACE_NS)]
    assert judge("chat", turned, seen(NEW, GRACE_NS + 4)) == found
    assert judge("chat", [seen(OLD, 0, GRACE_NS + 3)], seen(OLD.upper(), GRACE_NS + 4)) is None


def test_sightings_add_up() -> None:
    found = merged([seen(OLD, 3, 5)], Sighting(OLD, 1, 4, 7))
    assert found == [Sighting(OLD, 1, 5, 8)]
    assert merged(found, seen(NEW, 9)) == [*found, seen(NEW, 9)]


def test_a_name_is_shown_without_what_steers_terminals() -> None:
    assert shown("模型-1.5:é") == "模型-1.5:é"
    assert shown("a\x1b[2J\n\x9b\u202e\ud800\U000e0001") == (
        r"a\x1b[2J\n\x9b\u202e\ud800\U000e0001"
    )
