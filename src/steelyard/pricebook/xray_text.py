"""An x-ray told: as JSON for the body of a price event, and in one line for people."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from steelyard.domain.listings import Fact
from steelyard.domain.money import format_pico, round_half_even
from steelyard.pricebook.changes import ItemChange, PriceStep
from steelyard.pricebook.wording import condition_text, price_text
from steelyard.pricebook.xray import FORECAST_DAYS, ONLY, XRay


def plain(xray: XRay) -> dict[str, Any]:
    """The x-ray as JSON values, for the body of an event; exact amounts as text."""
    step, ahead = xray.step, xray.forecast
    return {
        "listing": step.listing._asdict(),
        "kind": step.kind.value,
        "at": step.at.isoformat(),
        "summary": summary(xray),
        "headline_percent": percent_text(step.headline),
        "effective_percent": percent_text(ahead.percent),
        "typical_percent": percent_text(xray.typical),
        "items": [_item(change) for change in step.items],
        "untouched": sorted(_untouched(step)),
        "place": xray.place._asdict(),
        "limits": [_limit(fact) for fact in xray.limits],
        "proofs": [proof._asdict() for proof in xray.proofs],
        "forecast": {
            "days": FORECAST_DAYS,
            "currency": step.listing.currency,
            "before": format_pico(ahead.before_pico),
            "after": format_pico(ahead.after_pico),
            "difference": format_pico(ahead.after_pico - ahead.before_pico),
            "unpriced_calls": ahead.unpriced_calls,
            "accounts": [
                {
                    "account": effect.account,
                    "before": format_pico(effect.before_pico),
                    "after": format_pico(effect.after_pico),
                    "difference": format_pico(effect.after_pico - effect.before_pico),
                }
                for effect in ahead.effects
            ],
        },
        "reroutes": [reroute._asdict() for reroute in xray.reroutes],
        "other_steps": xray.other_steps,
    }


def summary(xray: XRay) -> str:
    """The change in one line, for people: what the headline leaves out."""
    step = xray.step
    parts = [str(step.kind)]
    cut = _names(change for change in step.items if (change.percent or 0) < 0)
    risen = _names(change for change in step.items if change.is_dearer)
    if cut:
        parts.append(f"cheaper: {', '.join(cut)}")
    if risen:
        parts.append(f"dearer: {', '.join(risen)}")
    if (cut or risen) and (same := sorted(_untouched(step) & {"input", "output", "cache_read"})):
        parts.append(f"as before: {', '.join(same)}")
    place = xray.place
    if place.word != ONLY:
        parts.append(f"{place.word} model ({place.rank} of {place.of} from the cheapest)")
    if xray.limits:
        parts.append(f"{len(xray.limits)} known limits or offers of free use")
    proven = sorted({proof.task for proof in xray.proofs if proof.status == "proven"})
    parts.append(f"proven for {', '.join(proven)}" if proven else "proven for nothing yet")
    return "; ".join(parts)


def percent_text(percent: Fraction | None) -> str | None:
    """A percentage with one decimal and its sign, such as ``-97.5``."""
    if percent is None:
        return None
    tenths = round_half_even(10 * percent.numerator, percent.denominator)
    sign = "-" if tenths < 0 else "+" if tenths > 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"


def _untouched(step: PriceStep) -> set[str]:
    """Items with a price of their own that cost under all conditions what they did."""
    return {rate.item for rate in step.after} - {change.item for change in step.items}


def _names(changes: Iterable[ItemChange]) -> list[str]:
    """The changes in words, each item once with the conditions that set it apart."""
    found: dict[str, list[str]] = {}
    for change in changes:
        found.setdefault(change.item, []).append(condition_text(change.condition))
    return [
        f"{item} ({'; '.join(filter(None, texts))})" if any(texts) and "" not in texts else item
        for item, texts in found.items()
    ]


def _item(change: ItemChange) -> dict[str, Any]:
    return {
        "item": change.item,
        "condition": condition_text(change.condition),
        "before": price_text(change.before) if change.before is not None else None,
        "after": price_text(change.after) if change.after is not None else None,
        "percent": percent_text(change.percent),
        "rate_ids": [rate.rate_id for rate in (change.before, change.after) if rate is not None],
    }


def _limit(fact: Fact) -> dict[str, Any]:
    return {"kind": fact.kind, **fact.body, "source": fact.source}
