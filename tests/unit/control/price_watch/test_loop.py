from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from control.price_rig import BASE, CUT, HEAD, MAY, NOW_NS, TOMORROW, event_of, row, shop, take
from steelyard.config.model import Config
from steelyard.config.price_book import Watch
from steelyard.control import downloads
from steelyard.control.control import Control
from steelyard.control.price_watch import loop as price_loop
from steelyard.control.price_watch import xrays as price_xrays
from steelyard.control.price_watch.loop import NoSuchEvent, PriceLoop, decide, event_row
from steelyard.control.prices import lists as price_lists
from steelyard.control.snapshot.compile import compile_core
from steelyard.domain.instants import DAY_NS, NS
from steelyard.gateway.snapshot import OfferEntry
from steelyard.store import price_events, settings

HOOK = {"url": "http://listener/prices", "secret": "hush"}
RISE = HEAD + row("input", "4", f"{MAY}/{TOMORROW}") + row("input", "5", TOMORROW)
RISE += BASE.removeprefix(HEAD + row("input", "4"))


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with shop(tmp_path) as made:
        yield made


@pytest.fixture
def watch(control: Control, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the configuration says about watching."""

    def put(**spec: Any) -> None:
        wanted = Watch.model_validate(spec)
        monkeypatch.setattr(price_loop, "watch_of", lambda _control: wanted)

    return put


class Web:
    """Answers by address, in place of the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: httpx.Response) -> None:
        self.answers = answers
        self.asked: list[httpx.Request] = []
        transport = httpx.MockTransport(self)
        monkeypatch.setattr(price_loop, "_client", lambda: httpx.AsyncClient(transport=transport))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[request.url.host]
        return httpx.Response(answer.status_code, content=answer.content)


def looked(control: Control) -> PriceLoop:
    loop = PriceLoop(control, lambda: NOW_NS)
    asyncio.run(loop.look_once())
    return loop


def test_an_event_is_looked_through_once_and_waits(control: Control) -> None:
    take(control, CUT, NOW_NS)
    assert "summary" not in event_of(control).body
    loop = looked(control)
    event = event_of(control)
    assert str(event.body["summary"]).startswith("cut; cheaper: input; as before: output")
    assert event.state == "open" and "steps" in event.body and "steps" not in event_row(event)
    asyncio.run(loop.look_once())
    assert event_of(control) == event
    with control.database.read() as tx:
        assert len(price_events.unapproved_ids(tx)) == 1


def test_a_list_that_another_process_took_over_reaches_the_workers(control: Control) -> None:
    publisher = control.publisher
    publisher.prepare()
    looked(control)
    assert not publisher.core._wanted.is_set()
    take(control, CUT, NOW_NS)
    looked(control)
    assert publisher.core._wanted.is_set()


@pytest.mark.parametrize(
    ("follow", "text", "state"),
    [
        ("none", CUT, "open"),
        ("cuts", CUT, "approved"),
        ("cuts", RISE, "open"),
        ("all", RISE, "approved"),
    ],
)
def test_a_policy_may_follow_changes(
    control: Control, watch: Any, follow: str, text: str, state: str
) -> None:
    watch(follow=follow)
    take(control, text, NOW_NS)
    looked(control)
    event = event_of(control)
    assert event.state == state
    assert event.decided_by == ("policy" if state == "approved" else "")
    with control.database.read() as tx:
        assert bool(price_events.unapproved_ids(tx)) is (state == "open")


def test_what_was_looked_through_is_not_read_again(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(control, CUT, NOW_NS)
    loop = looked(control)
    read: list[int] = []
    load = price_events.load

    def counted(*arguments: Any, **more: Any) -> Any:
        found = load(*arguments, **more)
        read.extend(event.number for event in found)
        return found

    monkeypatch.setattr(price_events, "load", counted)
    take(control, CUT.replace(",1,2026-11-22", ",0.5,2026-11-22"), NOW_NS)
    asyncio.run(loop.look_once())
    assert read == [2]


def test_a_cut_beside_a_rise_is_no_cut(control: Control, watch: Any) -> None:
    watch(follow="cuts")
    both = CUT.replace(row("output", "8"), row("output", "8", f"{MAY}/{TOMORROW}"))
    take(control, both + row("output", "9", TOMORROW), NOW_NS)
    looked(control)
    assert (event_of(control).state, event_of(control).body["kind"]) == ("open", "mixed")


TIERED = (
    HEAD
    + row("input", "4", f"{MAY}/{TOMORROW}")
    + row("input", "1", TOMORROW, when="prompt<=272k")
    + row("input", "2", TOMORROW, when="prompt>272k (whole request)")
    + BASE.removeprefix(HEAD + row("input", "4"))
)


@pytest.mark.parametrize(
    ("text", "is_correction", "approved"),
    [
        (CUT, False, 1e6),
        # Another condition takes the old one's place: the old line is ended by a line of the event.
        (TIERED, False, 1e6),
        # A line of the past is gone, and says so without an amount.
        (BASE.replace(row("input", "4"), row("input", "1", TOMORROW)), True, 1e6),
    ],
)
def test_whatever_a_list_changes_nobody_is_rerouted_before_it_is_approved(
    control: Control, text: str, is_correction: bool, approved: float
) -> None:
    def ranks() -> float:
        with control.database.read() as tx:
            core = compile_core(tx, NOW_NS + 2 * DAY_NS)
        entries = msgspec.msgpack.decode(core.models["chat"], type=tuple[OfferEntry, ...])
        return next(entry.rank_input for entry in entries if entry.name == "m/chat")

    assert ranks() == 4e6
    take(control, text, NOW_NS, is_correction=is_correction)
    assert ranks() == 4e6
    asyncio.run(decide(control, 1, "dismissed", "admin"))
    assert ranks() == 4e6
    asyncio.run(decide(control, 1, "approved", "admin"))
    assert ranks() == approved


def test_whoever_decides_is_kept(control: Control) -> None:
    take(control, CUT, NOW_NS)
    event = asyncio.run(decide(control, 1, "dismissed", "admin"))
    assert (event.state, event.decided_by) == ("dismissed", "admin")
    assert asyncio.run(decide(control, 1, "approved", "admin")).state == "approved"
    with pytest.raises(NoSuchEvent, match="No price event 5"):
        asyncio.run(decide(control, 5, "approved", "admin"))


def test_the_webhook_is_told_once_of_each(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(webhook=HOOK)
    web = Web(monkeypatch, listener=httpx.Response(200))
    take(control, CUT, NOW_NS)
    loop = looked(control)
    for _ in range(3):
        asyncio.run(loop.tell_once())
    (request,) = web.asked
    told = json.loads(request.content)
    assert (told["number"], told["headline_percent"], told["model"]) == (1, "-75.0", "chat")
    again = PriceLoop(control, lambda: NOW_NS)
    asyncio.run(again.look_once())
    asyncio.run(again.tell_once())
    assert len(web.asked) == 1


def test_who_sets_a_webhook_up_later_hears_no_history(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web(monkeypatch, listener=httpx.Response(200))
    take(control, CUT, NOW_NS)
    loop = looked(control)
    asyncio.run(loop.tell_once())
    watch(webhook=HOOK)
    asyncio.run(PriceLoop(control, lambda: NOW_NS).look_once())
    asyncio.run(loop.tell_once())
    assert web.asked == []


def test_what_is_not_looked_through_is_not_told(control: Control, watch: Any) -> None:
    watch(webhook=HOOK)
    take(control, CUT, NOW_NS)
    asyncio.run(PriceLoop(control, lambda: NOW_NS).tell_once())
    with control.database.read() as tx:
        assert settings.get(tx, price_loop.TOLD) is None


FETCH = [{"source": "own", "url": "https://lists/a/prices.csv?token=x", "every": "12h"}]


def fetched(control: Control) -> dict[str, Any]:
    with control.database.read() as tx:
        (look,) = settings.get(tx, price_loop.FETCHED).values()
    found: dict[str, Any] = look
    return found


def test_a_list_is_fetched_when_its_time_has_come(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web(monkeypatch, lists=httpx.Response(200, content=CUT.encode()))
    now = [NOW_NS]
    loop = PriceLoop(control, lambda: now[0])
    asyncio.run(loop.fetch_due())
    assert web.asked == []
    watch(fetch=FETCH)
    asyncio.run(loop.fetch_due())
    asyncio.run(loop.fetch_due())
    assert len(web.asked) == 1 and fetched(control)["state"] == "taken"
    assert event_of(control).kind == "cut"
    now[0] += 12 * 3600 * NS
    asyncio.run(loop.fetch_due())
    assert len(web.asked) == 2 and fetched(control)["state"] == "same"


def test_a_change_above_the_bound_waits_for_a_person(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(fetch=FETCH)
    text = CUT.replace(",1,2026-11-22", ",0.001,2026-11-22")
    Web(monkeypatch, lists=httpx.Response(200, content=text.encode()))
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    look = fetched(control)
    assert look["state"] == "refused" and "factor of 4000" in look["problems"][0]
    kept = control.places.home / "prices" / "prices.csv"
    assert kept.read_text() == text and str(kept) in look["problems"][-1]
    with control.database.read() as tx:
        assert price_events.load(tx) == []


def test_a_list_that_only_ends_prices_waits_for_a_person(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(fetch=FETCH)
    text = BASE.replace(row("output", "8"), row("output", "8", f"{MAY}/{TOMORROW}"))
    Web(monkeypatch, lists=httpx.Response(200, content=text.encode()))
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    look = fetched(control)
    assert look["state"] == "refused" and "end prices (1)" in look["problems"][0]
    take(control, text, NOW_NS)
    assert event_of(control).kind == "ended", "who imports it has looked"


@pytest.mark.parametrize(("path", "name"), [("..", "own"), ("a%2Fb;c", "a-2Fb-c"), ("", "own")])
def test_an_address_names_a_file_of_the_state_folder_only(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    watch(fetch=[{"source": "own", "url": f"https://lists/{path}?token=hush"}])
    Web(monkeypatch, lists=httpx.Response(200, content=b"nonsense"))
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    assert [file.name for file in (control.places.home / "prices").iterdir()] == [name]
    with control.database.read() as tx:
        assert "hush" not in json.dumps(settings.get(tx, price_loop.FETCHED))


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_has_no_list_is_told(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    watch(fetch=FETCH)
    Web(monkeypatch, lists=httpx.Response(status))
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    assert fetched(control)["problems"] == [f"the server answered {status}"]


def test_a_list_without_end_is_cut_off(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(fetch=FETCH)
    monkeypatch.setattr(price_loop, "_LIST_BYTES_MAX", 100)
    Web(monkeypatch, lists=httpx.Response(200, content=b"x" * 101))
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    assert fetched(control)["state"] == "failed"


def test_an_event_that_brings_out_a_mistake_of_ours_stops_nothing(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(follow="cuts")
    take(control, CUT, NOW_NS)

    def look_wrongly(*_: object) -> None:
        raise KeyError("region")

    monkeypatch.setattr(price_xrays, "body_of", look_wrongly)
    looked(control)
    assert event_of(control).body["summary"] == "cannot be looked through"
    assert event_of(control).state == "open"


def test_a_file_that_brings_out_a_mistake_of_ours_stops_nothing(
    control: Control, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(fetch=FETCH)
    Web(monkeypatch, lists=httpx.Response(200, content=CUT.encode()))

    def take_wrongly(*_: object) -> None:
        raise OverflowError("too large for SQLite")

    monkeypatch.setattr(price_lists, "take", take_wrongly)
    asyncio.run(PriceLoop(control, lambda: NOW_NS).fetch_due())
    assert fetched(control)["problems"] == ["not read: OverflowError"]


def test_a_job_that_fails_is_tried_again_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    left = [OSError("full"), OSError("full"), OSError("gone")]

    async def job() -> None:
        if not left:
            raise ValueError("a bug")
        raise left.pop(0)

    with pytest.raises(ValueError, match="a bug"):
        asyncio.run(price_loop._again(0, job))
    assert [record.getMessage() for record in caplog.records] == [
        "job failed and is tried again: full",
        "job failed and is tried again: gone",
    ]


def test_the_job_runs_until_it_is_cancelled(control: Control) -> None:
    take(control, CUT, NOW_NS)

    async def run() -> None:
        job = asyncio.get_running_loop().create_task(PriceLoop(control, lambda: NOW_NS).run())
        while "summary" not in event_of(control).body:
            await asyncio.sleep(0.01)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert job.cancelled()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_addresses_with_their_tokens_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with price_loop._client() as client:
            with pytest.raises(OSError, match="cannot be fetched: ConnectError"):
                await downloads.download(client, "http://127.0.0.1:9/x?token=hush", 1)

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert logging.getLogger("httpx").level == logging.WARNING
    assert "hush" not in caplog.text


def test_a_configuration_without_a_word_of_it_follows_nothing(control: Control) -> None:
    assert isinstance(control.config, Config)
    assert price_loop.watch_of(control).follow == "none"
