"""What came back of one question of a test; a value, light to import."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.weigh.authenticity.probes import ProbeAnswer


@dataclass(slots=True)
class Heard:
    """What came back of one question; what was not told is None or empty."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_s: float | None = None
    """Seconds to the first token, of a stream."""
    total_s: float | None = None
    logprobs: list[tuple[str, float]] | None = None
    """Of the likeliest first tokens, natural logarithms, likeliest first."""
    model: str = ""
    """The model's name in the answer."""
    fingerprint: str = ""
    """``system_fingerprint`` of the answer."""
    call_id: str = ""
    cost_pico: int = 0
    """Of all tries, in 10^-12 of the offer's currency."""
    error: str = ""
    """Why there is no answer."""
    asked_at: str = ""
    """When it was sent, UTC, ISO 8601."""
    status: int = field(default=200, repr=False)
    lost: int = field(default=0, repr=False)
    """Tries of which nobody can say what they cost: each may have cost the most that it can."""

    @property
    def is_answer(self) -> bool:
        """Whether the model answered."""
        return not self.error

    def of(self, probe_id: str) -> ProbeAnswer:
        """The same as the statistics know it."""
        return ProbeAnswer(
            probe_id=probe_id,
            text=self.text,
            finish_reason=self.finish_reason,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            first_s=self.first_s,
            total_s=self.total_s,
            logprobs=None if self.logprobs is None else tuple(self.logprobs),
        )
