"""What was heard, as the statistics know it."""

from __future__ import annotations

from steelyard.control.authenticity.heard import Heard
from steelyard.weigh.authenticity.probes import ProbeAnswer


def test_what_was_told_is_handed_on_and_the_rest_is_not_made_up() -> None:
    heard = Heard(text="a", finish_reason="stop", logprobs=[("a", -0.5)], total_s=1.5, model="m")
    assert heard.is_answer
    assert heard.of("open-en-00") == ProbeAnswer(
        "open-en-00", "a", "stop", total_s=1.5, logprobs=(("a", -0.5),)
    )
    assert not Heard(error="HTTP 500").is_answer
