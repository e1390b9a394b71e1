"""Events of price changes: what a list changed about one listing, and what was decided about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from steelyard.domain.listings import Listing
from steelyard.store.listings import rate_id
from steelyard.store.revisions import Change, note
from steelyard.store.schema import list_rates, price_events

OPEN = "open"
APPROVED = "approved"
DISMISSED = "dismissed"
STATES = (OPEN, APPROVED, DISMISSED)
KINDS = ("cut", "rise", "new", "ended", "corrected")


class PriceEvent(NamedTuple):
    """A price change of one listing."""

    number: int
    at_ns: int
    """UTC, nanoseconds: when it was recorded."""
    list_number: int
    listing: Listing
    kind: str
    """One of ``KINDS``."""
    body: Mapping[str, Any]
    state: str
    """One of ``STATES``."""
    decided_at_ns: int | None
    decided_by: str


def add(
    connection: Connection,
    change: Change,
    list_number: int,
    listing: Listing,
    *,
    kind: str,
    body: Mapping[str, Any],
) -> int:
    """Adds an open event; returns its number."""
    row = connection.execute(
        insert(price_events)
        .values(
            at_ns=change.at_ns,
            list_number=list_number,
            **listing._asdict(),
            kind=kind,
            body=_text(body),
            state=OPEN,
        )
        .returning(price_events.c.event_number)
    )
    return int(row.scalar_one())


def load(
    connection: Connection,
    state: str | None = None,
    number: int | None = None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[PriceEvent]:
    """Events, the newest first.

    Args:
        connection: To the control database.
        state: Only those in this state.
        number: Only the one of this number.
        after: Only those with a greater number.
        limit: At most so many, the newest.
    """
    query = select(price_events).order_by(price_events.c.event_number.desc()).limit(limit)
    if after:
        query = query.where(price_events.c.event_number > after)
    if state is not None:
        query = query.where(price_events.c.state == state)
    if number is not None:
        query = query.where(price_events.c.event_number == number)
    return [
        PriceEvent(
            *(row.event_number, row.at_ns, row.list_number),
            Listing(row.vendor, row.channel, row.model, row.currency),
            *(row.kind, json.loads(row.body), row.state, row.decided_at_ns, row.decided_by),
        )
        for row in connection.execute(query)
    ]


def count(connection: Connection, state: str | None = None) -> int:
    """How many events there are, or are in a state."""
    query = select(func.count()).select_from(price_events)
    if state is not None:
        query = query.where(price_events.c.state == state)
    return int(connection.scalar(query) or 0)


def write_body(connection: Connection, number: int, body: Mapping[str, Any]) -> None:
    """Says more about an event, such as its effect on the own traffic."""
    connection.execute(
        update(price_events).where(price_events.c.event_number == number).values(body=_text(body))
    )


def decide(connection: Connection, change: Change, number: int, state: str) -> bool:
    """Approves or dismisses an event; returns whether there is one that was not so already.

    Raises:
        ValueError: that is no state.
    """
    if state not in STATES:
        raise ValueError(f"an event is {', '.join(STATES)}, not {state!r}")
    done = connection.execute(
        update(price_events)
        .where(price_events.c.event_number == number, price_events.c.state != state)
        .values(state=state, decided_at_ns=change.at_ns, decided_by=change.actor)
    )
    if done.rowcount:
        note(connection, change, state, f"price-event/{number}")
    return bool(done.rowcount)


def unapproved_ids(connection: Connection) -> frozenset[str]:
    """Ids of the rates that nobody has approved: they are booked by, and reroute nothing."""
    query = (
        select(list_rates.c.rate_number)
        .join(price_events, price_events.c.event_number == list_rates.c.event_number)
        .where(price_events.c.state != APPROVED)
    )
    return frozenset(rate_id(number) for number in connection.scalars(query))


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
