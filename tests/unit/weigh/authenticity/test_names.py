"""One model under several names."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from steelyard.weigh.authenticity import names
from steelyard.weigh.authenticity.probes import ProbeAnswer
from steelyard.weigh.authenticity.verdict import AuthenticityState, AuthenticityVerdict

ERROR = Fraction(1, 100)
ANSWERS = [ProbeAnswer("open-en-00", "cat")]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is compared with what; the text of the first answer says what comes of it."""
    asked: list[Any] = []

    def judge(reference: Any, suspect: Any, **more: Any) -> AuthenticityVerdict:
        asked.append((reference, suspect, more))
        state = AuthenticityState(suspect[0].text)
        return AuthenticityVerdict(
            state, (), (), (), ERROR, len(reference), len(suspect), 0.0, "why"
        )

    monkeypatch.setattr(names, "judge", judge)
    return asked


def test_only_what_could_be_told_apart_and_was_not_is_a_twin(judged: list[Any]) -> None:
    others = {
        f"shop/{state.value}": [ProbeAnswer("open-en-00", state)] for state in AuthenticityState
    }
    (twin,) = names.twins("shop/m", ANSWERS, others, error=ERROR, seed=3)
    assert (twin.offer, twin.n) == ("shop/genuine", 1)
    assert "shop/m and shop/genuine are sold as two models" in twin.words
    assert len(judged) == 3 and judged[0][2] == {"error": ERROR, "seed": 3}


def test_without_others_nothing_is_compared(judged: list[Any]) -> None:
    assert names.twins("shop/m", ANSWERS, {}, error=ERROR, seed=3) == []
    assert not judged
