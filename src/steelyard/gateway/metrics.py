"""Counters of one worker: plain integers, summed over workers by control.

A labelled increment of a metrics library costs a microsecond; an attribute costs a thirtieth. Names
follow Prometheus' conventions; the reference page lists them all.
"""

from __future__ import annotations

from collections import Counter

_HELP = {
    "steelyard_calls_total": "Calls that reached the gateway, by door.",
    "steelyard_calls_refused_total": "Calls refused before any attempt, by error code.",
    "steelyard_attempts_total": "Attempts settled, by outcome.",
    "steelyard_input_tokens_total": "Input tokens booked.",
    "steelyard_output_tokens_total": "Output tokens booked.",
    "steelyard_settle_failures_total": "Settlements that could not be written; must stay 0.",
    "steelyard_internal_errors_total": "Exchanges that ended in an unexpected error; must stay 0.",
    "steelyard_calls_active": "Calls in flight.",
    "steelyard_snapshot_revision": "Revision of the snapshot in use.",
}


class Counters:
    """All counters of a worker."""

    __slots__ = (
        "active",
        "attempts",
        "calls",
        "input_tokens",
        "internal_errors",
        "output_tokens",
        "refused",
        "revision",
        "settle_failures",
    )

    def __init__(self) -> None:
        self.calls = 0
        self.active = 0
        self.attempts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.input_tokens = 0
        self.output_tokens = 0
        self.settle_failures = 0
        self.internal_errors = 0
        self.revision = 0

    def render(self) -> bytes:
        """The counters in Prometheus' text format."""
        rows: list[tuple[str, str, int]] = [
            ("steelyard_calls_total", '{door="openai_chat"}', self.calls),
            *(
                ("steelyard_calls_refused_total", f'{{code="{code}"}}', count)
                for code, count in sorted(self.refused.items())
            ),
            *(
                ("steelyard_attempts_total", f'{{outcome="{outcome}"}}', count)
                for outcome, count in sorted(self.attempts.items())
            ),
            ("steelyard_input_tokens_total", "", self.input_tokens),
            ("steelyard_output_tokens_total", "", self.output_tokens),
            ("steelyard_settle_failures_total", "", self.settle_failures),
            ("steelyard_internal_errors_total", "", self.internal_errors),
            ("steelyard_calls_active", "", self.active),
            ("steelyard_snapshot_revision", "", self.revision),
        ]
        lines: list[str] = []
        named = ""
        for name, labels, count in rows:
            if name != named:
                kind = "counter" if name.endswith("_total") else "gauge"
                lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} {kind}"]
                named = name
            lines.append(f"{name}{labels} {count}")
        return ("\n".join(lines) + "\n").encode()
