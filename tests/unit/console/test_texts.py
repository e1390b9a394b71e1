from __future__ import annotations

import pytest

from steelyard.console.texts import CHINESE, ENGLISH, choose_language
from steelyard.domain.calls import Outcome


def test_both_languages_say_everything() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    assert all(ENGLISH.values()) and all(CHINESE.values())


def test_every_outcome_has_its_words() -> None:
    assert {outcome.value for outcome in Outcome} <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "de-DE,zh;q=0.5", "zh"),
        ("", "", "en"),
        ("", "zh;q=broken", "en"),
        ("zh", "en", "zh"),
        ("en", "zh", "en"),
        ("fr", "zh", "zh"),
    ],
)
def test_language_is_the_links_then_the_browsers(wanted: str, accepted: str, language: str) -> None:
    assert choose_language(wanted, accepted) == language
