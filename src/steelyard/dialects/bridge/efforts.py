"""Efforts of thought and bounds of it: what stands for what, where a vendor takes only one."""

from __future__ import annotations

EFFORT_TOKENS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of thought that stand for an effort: the equivalences of Google's own layer for OpenAI's
dialect; above ``high`` there is no bound."""


def effort_of(tokens: int) -> str:
    """The least effort that reaches a bound."""
    return next((name for name, bound in EFFORT_TOKENS.items() if tokens <= bound), "high")
