"""What happened to model prices, by day: dated events in a few words, with their sources.

The events are data (``shipped/timeline.yaml``); this reads and filters them. They tell people why a
step stands in a history, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import yaml

from steelyard.config.nesting import check_nesting

KINDS = ("new", "cut", "rise", "free", "terms")
"""What an event can be; ``terms`` are caches, hours and tiers rather than the price itself."""
_MUST = {"day", "vendor", "kind", "models", "text", "source"}
_MAY = {"quote", "currency"}


class TimelineError(ValueError):
    """A timeline file that cannot be read; says where."""


class Event(NamedTuple):
    """Something that happened to prices."""

    day: date
    """In the vendor's own zone."""
    vendor: str
    kind: str
    models: tuple[str, ...]
    """As the price list names them."""
    text: str
    quote: str
    """Word for word as the source has it; empty for none."""
    source: str
    currency: str
    """Of the listings that are meant; empty where no listed price begins on that day."""


def read_timeline(data: bytes) -> list[Event]:
    """The events of a file (YAML), oldest first.

    Raises:
        TimelineError: it cannot be read, or an event is not made as it should be.
    """
    try:
        text = data.decode("utf-8-sig")
        check_nesting(text)
        plain = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - it makes texts only
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise TimelineError(f"no YAML: {error}") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("events"), list):
        raise TimelineError("a timeline has a list of events")
    events = [_event(spec, number) for number, spec in enumerate(plain["events"], 1)]
    return sorted(events, key=lambda event: (event.day, event.vendor))


def between(
    events: Sequence[Event],
    since: date = date.min,
    until: date = date.max,
    vendor: str | None = None,
    model: str | None = None,
) -> list[Event]:
    """The events in [since, until), of a vendor or about a model where one is named."""
    return [
        event
        for event in events
        if since <= event.day < until
        and (vendor is None or vendor.casefold() == event.vendor.casefold())
        and (model is None or model.casefold() in {name.casefold() for name in event.models})
    ]


def _event(spec: Any, number: int) -> Event:
    where = f"event {number}"
    if not isinstance(spec, dict):
        raise TimelineError(f"{where}: a mapping is meant")
    missing, unknown = sorted(_MUST - set(spec)), sorted(set(spec) - _MUST - _MAY)
    if missing or unknown:
        wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}"
        raise TimelineError(f"{where}: {wrong}")
    if spec["kind"] not in KINDS:
        raise TimelineError(f"{where}: unknown kind {spec['kind']!r}; one of {', '.join(KINDS)}")
    if not isinstance(spec["models"], list):
        raise TimelineError(f"{where}: models are a list")
    try:
        day = date.fromisoformat(str(spec["day"]))
    except ValueError as error:
        raise TimelineError(f"{where}: {error}") from error
    return Event(
        day=day,
        vendor=str(spec["vendor"]),
        kind=str(spec["kind"]),
        models=tuple(map(str, spec["models"])),
        text=" ".join(str(spec["text"]).split()),
        quote=str(spec.get("quote", "")),
        source=str(spec["source"]),
        currency=str(spec.get("currency", "")),
    )
