"""The loop of price changes: each is looked through, told, and followed once somebody approves.

Importing a list records its rates and bare events; this job adds the x-ray, approves what the
configuration's ``price_book.follow`` allows, tells the webhook, and fetches lists that are due.
Booking uses every recorded rate at once, since that is what the vendor bills; ranking waits for an
approval (``store.price_events.unapproved_ids``).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from steelyard.config.price_book import Fetch, Watch, every_s
from steelyard.control import webhook
from steelyard.control.control import Control
from steelyard.control.downloads import TIMEOUT_S, download
from steelyard.control.price_watch import xrays as price_xrays
from steelyard.control.prices import lists as price_lists
from steelyard.domain.errors import RequestError, StoreError
from steelyard.domain.instants import NS, instant_of
from steelyard.store import price_events, revisions, settings
from steelyard.store.price_events import APPROVED, OPEN, PriceEvent

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

TOLD = "prices.told"
"""Setting: number of the last event that the webhook was told of."""
FETCHED = "prices.fetched"
"""Setting: address without query -> what became of the last look at it."""
POLICY = "policy"
"""Who decided, where the configuration did."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""What does not belong into a file's name."""
_LOOK_EVERY_S = 5.0
_AGAIN_S = 60.0
_LIST_BYTES_MAX = 64 * 2**20
_NAME_MAX = 100


class NoSuchEvent(RequestError):
    """No price event has this number."""

    code = "price_event_not_found"
    status = 404


class PriceLoop:
    """The job; control owns one and runs it."""

    def __init__(self, control: Control, clock: Callable[[], int] = time.time_ns) -> None:
        """``clock`` gives UTC nanoseconds."""
        self._control = control
        self._clock = clock
        self._seen_revision = -1
        self._told_revision = -1
        self._seen_number = 0
        """Number of the last event that was looked through; those before it were, too."""

    async def run(self) -> None:
        """Looks again and again until cancelled; what fails for now is tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_again(_LOOK_EVERY_S, self.look_once))
            group.create_task(_again(_LOOK_EVERY_S, self.tell_once))
            group.create_task(_again(_AGAIN_S, self.fetch_due))

    async def look_once(self) -> None:
        """Looks through the events that are new, and follows those that the policy allows."""
        revision = await self._control.read(revisions.latest)
        if revision == self._seen_revision:
            return  # nobody recorded or decided anything
        if revision != self._control.publisher.revision:
            # Somebody may have taken a list over without asking this process.
            self._control.publisher.core.want()
        after = self._seen_number
        for event in await self._control.read(lambda c: _unseen(c, after)):
            work = price_xrays.body_of
            arguments = (self._control.places.home, self._control.database, event, self._clock())
            try:
                body = await asyncio.to_thread(work, *arguments)
            except (ArithmeticError, LookupError, TypeError, ValueError):
                # A mistake of ours, brought out by somebody else's list: it must not stop control.
                log.exception("price event %d cannot be looked through", event.number)
                body = {**event.body, "kind": "unknown", "summary": "cannot be looked through"}
            await asyncio.to_thread(self._keep, event, body)
            log.info("price event %d, %s: %s", event.number, event.listing, body["summary"])
            self._seen_number = event.number
        self._seen_revision = revision

    async def tell_once(self) -> None:
        """Tells the webhook of the events that it was not told of yet, oldest first."""
        revision = self._seen_revision
        if revision == self._told_revision:
            return
        target = watch_of(self._control).webhook
        waiting = await self._control.read(_untold)
        if target is None:
            # Who sets a webhook up wants news, not history.
            if waiting:
                await asyncio.to_thread(self._remember, TOLD, waiting[-1].number)
        elif waiting:
            async with _client() as client:
                for event in waiting:
                    await webhook.tell(client, target, event_row(event))
                    await asyncio.to_thread(self._remember, TOLD, event.number)
        else:
            self._told_revision = revision

    async def fetch_due(self) -> None:
        """Fetches the lists whose time has come and takes over what needs no person."""
        wanted = watch_of(self._control).fetch
        if not wanted:
            return
        known = await self._control.read(lambda c: settings.get(c, FETCHED, {}))
        async with _client() as client:
            for fetch in wanted:
                address = fetch.url.partition("?")[0]  # what follows may be a token
                last = known.get(address, {}).get("at_ns", 0)
                if self._clock() - last >= every_s(fetch.every) * NS:
                    outcome = await self._fetch(client, fetch, address)
                    known = {**known, address: outcome}
                    await asyncio.to_thread(self._remember, FETCHED, known)
                    say = log.info if outcome["state"] != price_lists.REFUSED else log.warning
                    say("price list of %s fetched: %s", fetch.source, outcome["state"])

    async def _fetch(self, client: httpx.AsyncClient, fetch: Fetch, address: str) -> dict[str, Any]:
        """What became of one list: its state, and what is wrong with it."""
        now_ns = self._clock()
        base = {"at_ns": now_ns, "source": fetch.source}
        try:
            data = await download(client, fetch.url, _LIST_BYTES_MAX)
        except (OSError, RequestError) as error:
            return {**base, "state": "failed", "problems": [str(error)]}
        name = _UNSAFE.sub("-", address.rpartition("/")[2]).lstrip(".")[:_NAME_MAX] or fetch.source
        order = price_lists.Order(name, data, fetch.source, is_unattended=True)
        database = self._control.database
        try:
            outcome = await asyncio.to_thread(price_lists.take, database, order, now_ns, "fetch")
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A mistake of ours, brought out by somebody else's file: it must not stop control.
            log.exception("the price list of %s cannot be taken over", fetch.source)
            return {**base, "state": "failed", "problems": [f"not read: {type(error).__name__}"]}
        problems = [finding.message for finding in outcome.findings if finding.is_error]
        if outcome.state == price_lists.TAKEN:
            self._control.publisher.core.want()
        elif outcome.state == price_lists.REFUSED:
            kept = self._control.places.home / "prices" / name
            await asyncio.to_thread(_keep_file, kept, data)
            advice = f"look at it: steelyard prices import {kept} --source {fetch.source} --dry-run"
            problems = [*problems[:20], advice]
        return {**base, "state": outcome.state, "problems": problems}

    def _keep(self, event: PriceEvent, body: Mapping[str, Any]) -> None:
        may_follow = _allows(watch_of(self._control), event.kind, str(body.get("kind", event.kind)))
        with self._control.database.write() as connection:
            price_events.write_body(connection, event.number, body)
            if may_follow:
                change = revisions.begin(connection, self._clock(), POLICY, "price_book.follow")
                price_events.decide(connection, change, event.number, APPROVED)
        if may_follow:
            self._control.publisher.core.want()

    def _remember(self, name: str, value: Any) -> None:
        with self._control.database.write() as connection:
            settings.put(connection, name, value)


def watch_of(control: Control) -> Watch:
    """What the configuration that holds says about following prices."""
    found = getattr(control.config, "price_book", None)
    return found if isinstance(found, Watch) else Watch()


async def decide(control: Control, number: int, state: str, actor: str) -> PriceEvent:
    """Approves or dismisses an event; returns it as it is then.

    Raises:
        NoSuchEvent: there is none of that number.
    """

    def work(connection: Connection, change: revisions.Change) -> PriceEvent:
        price_events.decide(connection, change, number, state)
        return find(connection, number)

    event: PriceEvent = await control.write(actor, f"price event {number} {state}", work)
    control.publisher.core.want()
    return event


def find(connection: Connection, number: int) -> PriceEvent:
    """The event of a number.

    Raises:
        NoSuchEvent: there is none.
    """
    found = price_events.load(connection, number=number)
    if not found:
        raise NoSuchEvent(f"No price event {number}; steelyard prices changes lists them.")
    return found[0]


def event_row(event: PriceEvent) -> dict[str, Any]:
    """An event as the API and the webhook tell it, as JSON; without the list's single steps."""
    body = {name: value for name, value in event.body.items() if name not in ("listing", "steps")}
    return {
        "number": event.number,
        "recorded_at": instant_of(event.at_ns).isoformat(),
        "state": event.state,
        "decided_at": instant_of(event.decided_at_ns).isoformat() if event.decided_at_ns else None,
        "decided_by": event.decided_by,
        **event.listing._asdict(),
        "kind": event.kind,
        **body,
    }


def _unseen(connection: Connection, after: int) -> list[PriceEvent]:
    """Open events after a number that nobody looked through yet, oldest first."""
    found = price_events.load(connection, OPEN, after=after)
    return [event for event in reversed(found) if "summary" not in event.body]


def _untold(connection: Connection) -> list[PriceEvent]:
    """Events that were looked through and not told, oldest first, up to the first one unseen."""
    told = settings.get(connection, TOLD, 0)
    found = []
    for event in reversed(price_events.load(connection, after=told)):
        if "summary" not in event.body and event.state == OPEN:
            break
        found.append(event)
    return found


def _allows(watch: Watch, *kinds: str) -> bool:
    """Whether a change of these kinds is followed without anybody's approval."""
    return watch.follow == "all" or (watch.follow == "cuts" and set(kinds) == {"cut"})


def _client() -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415 - costs a sixth of control's start, and most need it never

    # It logs whole addresses, and what people put into their queries is often a token.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(timeout=TIMEOUT_S)


def _keep_file(file: Path, data: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_bytes(data)


async def _again(pause_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Runs a job again and again; a database or disk that fails is told once, until it is well."""
    said = ""
    while True:
        try:
            await job()
            said = ""
        except (StoreError, OSError) as error:
            if str(error) != said:
                said = str(error)
                log.error("%s failed and is tried again: %s", job.__name__, error)
        await asyncio.sleep(pause_s)
