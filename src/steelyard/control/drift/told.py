"""What drift watching says, as it is kept, shown and told: never an item, never an answer."""

from __future__ import annotations

from typing import Any

from steelyard.control.drift.look import Look, Subject
from steelyard.control.drift.watched import Watched
from steelyard.domain.instants import instant_of
from steelyard.store.measurements import Measurement
from steelyard.weigh.drift import State


def body_of(subject: Subject, look: Look) -> dict[str, Any]:
    """What a look says, as it is kept; exact numbers as text, no item and no answer."""
    found = look.watch.finding()
    return {
        "state": found.state.value,
        "watch": subject.mark,
        "form_digest": subject.verdict.form_digest,
        "decided_at": subject.verdict.decided_at.isoformat(),
        "causes": list(found.causes),
        "since": found.since.isoformat() if found.since is not None else None,
        "change": None if found.change is None else f"{float(found.change):.6f}",
        "lower": str(found.lower),
        "upper": str(found.upper),
        "n": found.n,
        "length": None if found.length is None else f"{float(found.length):.3f}",
        "is_better": found.is_better,
        "unscored": found.n_unscored,
        "evidence": round(found.evidence, 3),
        "needed": round(found.needed, 3),
        "pass": found.pass_number,
        "pool": len(look.watch.ids),
        "alpha": subject.rules.error,
        "tolerance": str(subject.rules.tolerance),
        "items": look.n_seen,
        "paid": {currency: str(pico) for currency, pico in look.bills},
        "detail": look.detail,
    }


def row_of(watched: Watched) -> dict[str, Any]:
    """A watch as the API tells it."""
    known = watched.known
    body: dict[str, Any] = dict(known.body) if known is not None else {}
    for private in ("watch", "anew", "form_digest"):
        body.pop(private, None)
    is_waiting = watched.due_ns is not None and not watched.refusal
    return {
        "task": watched.subject.task.name,
        "offer": watched.subject.offer,
        "state": known.state if known is not None else State.THIN.value,
        "at": instant_of(known.at_ns) if known is not None else None,
        "next_at": instant_of(watched.due_ns or 0) if is_waiting else None,
        "why_not": watched.refusal,
        "looks": 0,
        "items": 0,
        "n": 0,
        **{name: None for name in ("change", "lower", "upper", "length")},
        "paid": {},
        "causes": [],
        **body,
    }


def text_of(alarm: Measurement) -> str:
    """An alarm in a sentence."""
    body = alarm.body
    told = []
    if "quality" in body["causes"]:
        points = 100 * float(body["change"])
        told.append(f"the mean grade changed by {points:.1f} points over {body['n']} items")
    if "length" in body["causes"]:
        told.append(f"answers are {float(body['length']):.2f} times as long")
    return f"offer {alarm.offer} drifted on {alarm.task}: {'; '.join(told)}"


def event_of(alarm: Measurement) -> dict[str, Any]:
    """An alarm as the webhook tells it; ``event`` tells it from flags and changes of prices."""
    body = alarm.body
    names = ("causes", "since", "change", "lower", "upper", "n", "length", "alpha")
    return {
        "event": "drift",
        "number": f"drift-{alarm.number}",
        "offer": alarm.offer,
        "task": alarm.task,
        "at": instant_of(alarm.at_ns).isoformat(),
        **{name: body[name] for name in names},
        "summary": text_of(alarm),
    }
