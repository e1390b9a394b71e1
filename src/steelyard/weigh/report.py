"""Results as plain rows: for tables (the command line renders them), JSON and the status page.

Shares and bounds are decimal text, money is an integer of pico-units beside its currency, so that a
program loses nothing and a person can read it. No prompt and no answer is in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import combinations
from statistics import median

from steelyard.domain.tasks import Verdict
from steelyard.weigh.paired import paired_difference
from steelyard.weigh.runner import Result

Row = dict[str, object]

METHOD = "betting confidence sequence (hedged capital, Waudby-Smith and Ramdas 2024)"


def result_row(result: Result) -> Row:
    """One offer's line in the table of a weighing."""
    times = [record.time_s for record in result.records if record.is_answered]
    return {
        **verdict_row(result.verdict),
        "prompt_form": result.form.id,
        "constraint": result.form.constraint.value,
        "n_asked": len(result.records),
        "n_total": result.n_total,
        "paid_pico": result.paid_pico,
        "n_faults": len(result.faults),
        "time_median_s": round(median(times), 3) if times else None,
        "stopped": result.stopped,
        "is_cheapest": result.is_cheapest,
        "n_stored": result.n_stored,
    }


def verdict_row(verdict: Verdict) -> Row:
    """A verdict as text and integers."""
    accepted = verdict.cost_per_accepted_pico
    return {
        "task": verdict.task,
        "offer": verdict.offer,
        "form_digest": verdict.form_digest,
        "status": verdict.status.value,
        "floor": str(verdict.floor),
        "quality": None if verdict.quality is None else _decimal(verdict.quality),
        "lower": str(verdict.lower),
        "upper": str(verdict.upper),
        "confidence": str(verdict.confidence),
        "method": METHOD,
        "n": verdict.n,
        "n_unscored": verdict.n_unscored,
        "cost_pico": verdict.cost_pico,
        # Rounded half-even to a whole pico-unit: a figure to compare by, nothing is booked by it.
        "cost_per_accepted_pico": None if accepted is None else round(accepted),
        "cost_lower_pico": verdict.cost_lower_pico,
        "cost_upper_pico": verdict.cost_upper_pico,
        "currency": verdict.currency,
        "time_s": round(verdict.time_s, 3),
        "decided_at": verdict.decided_at.isoformat(),
        "model_answered": verdict.model_answered,
    }


def item_rows(result: Result) -> list[Row]:
    """One line an item: its grade or why there is none; the set's own faults come last."""
    rows: list[Row] = [
        {
            "offer": record.offer,
            "sample": record.sample,
            "grade": None if record.grade.value is None else _decimal(record.grade.value),
            "reason": record.grade.reason,
            "finish_reason": record.finish_reason,
            "cost_pico": record.cost_pico,
            "currency": record.currency,
            "time_s": round(record.time_s, 3),
            "call_id": record.call_id,
        }
        for record in result.records
    ]
    for fault in result.faults:
        rows.append(
            {"offer": result.offer, "sample": fault.where, "grade": None, "reason": fault.reason}
        )
    return rows


def unscored_reasons(result: Result) -> dict[str, int]:
    """How often each reason for an unscored item occurred, the commonest first."""
    counts: dict[str, int] = {}
    for record in result.records:
        if record.grade.value is None:
            counts[record.grade.reason] = counts.get(record.grade.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def difference_rows(results: Sequence[Result]) -> list[Row]:
    """Each pair of offers on the items that both have graded.

    Each row's bounds hold at the stated confidence by themselves, not all rows together.
    """
    rows: list[Row] = []
    for left, right in combinations(results, 2):
        grades = {record.sample: record.grade.value for record in right.records}
        common = [record for record in left.records if record.sample in grades]
        difference = paired_difference(
            [record.grade.value for record in common],
            [grades[record.sample] for record in common],
            left.verdict.confidence,
        )
        rows.append(
            {
                "left": left.offer,
                "right": right.offer,
                "difference": None if difference.mean is None else _decimal(difference.mean),
                "lower": str(difference.lower),
                "upper": str(difference.upper),
                "n": difference.n,
            }
        )
    return rows


def _decimal(value: Fraction) -> str:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return str(exact.quantize(Decimal("0.000001"), ROUND_HALF_EVEN))
