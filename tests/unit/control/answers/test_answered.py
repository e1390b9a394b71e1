"""Names that answered: counted once from the ledger, flagged when they change, told of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.shop_rig import AT_NS, HOUR_NS, book, shop_control
from steelyard.control.answers import answered as watch
from steelyard.control.answers.answered import AnswerWatch, NoSuchFlag
from steelyard.control.control import Control
from steelyard.domain.answering import Kind, Sighting
from steelyard.ledger.scribe import Scribe
from steelyard.store import answered, revisions, settings
from steelyard.testing.records import make_intent, make_settlement

OLD, NEW = "chat-2026-01-31", "chat-2026-08-06"


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = shop_control(tmp_path)
    yield made
    made.close()


class Books:
    """Writes journals and books them."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._incarnation = 17

    def book(self, *names: str, at_ns: int = AT_NS, offer: str = "shop/m") -> None:
        with self.control.database.read() as tx:
            revision = revisions.latest(tx)
        self._incarnation += 1
        calls = []
        for number, name in enumerate(names, 1):
            intent = make_intent(
                number,
                incarnation=self._incarnation,
                called_at_ns=at_ns + number,
                offer=offer,
                revision=revision,
            )
            calls.append((intent, make_settlement(intent, model_answered=name)))
        book(self.control, self._incarnation, calls, at_ns + HOUR_NS)

    def look(self) -> int:
        return asyncio.run(AnswerWatch(self.control).look_once())

    def names(self) -> dict[str, int]:
        with self.control.database.read() as tx:
            (found,) = answered.names(tx, "shop/m").values()
        return {seen.name: seen.calls for seen in found}

    def flags(self) -> list[answered.Flag]:
        with self.control.database.read() as tx:
            return answered.flags(tx)[::-1]


@pytest.fixture
def ledger(control: Control) -> Books:
    return Books(control)


def test_each_line_is_counted_once(ledger: Books) -> None:
    assert ledger.look() == 0
    ledger.book(OLD, OLD, "")
    assert ledger.look() == 0
    ledger.book(OLD)
    assert (ledger.look(), ledger.look()) == (0, 0)
    assert ledger.names() == {OLD: 3}
    with ledger.control.database.read() as tx:
        assert answered.names(tx) == {("shop/m", "chat"): [Sighting(OLD, AT_NS + 1, AT_NS + 2, 3)]}


def test_merged_parts_are_not_counted_again(ledger: Books) -> None:
    ledger.book(OLD)
    ledger.look()
    for _ in range(2):
        ledger.book(OLD)
    with Scribe(ledger.control.places.home, ledger.control.database) as scribe:
        scribe.run_once(AT_NS + 48 * HOUR_NS)
        scribe.tend(AT_NS + 48 * HOUR_NS)
    ledger.look()
    assert ledger.names() == {OLD: 3}


def test_a_ledger_from_before_is_counted_whole(ledger: Books) -> None:
    for name in (OLD, NEW):
        ledger.book(name)
    with Scribe(ledger.control.places.home, ledger.control.database) as scribe:
        scribe.run_once(AT_NS + 48 * HOUR_NS)
        scribe.tend(AT_NS + 48 * HOUR_NS)
    assert ledger.look() == 1
    assert ledger.names() == {OLD: 1, NEW: 1}


def test_a_part_that_is_gone_stops_nobody(ledger: Books, caplog: pytest.LogCaptureFixture) -> None:
    ledger.book(OLD)
    ledger.look()
    ledger.book(OLD)
    with ledger.control.database.read() as tx:
        ((_, name),) = answered.batches_after(tx, settings.get(tx, watch.COUNTED))
    (ledger.control.places.home / "ledger" / name).unlink()
    ledger.look()
    assert f"{name} is gone" in caplog.text
    assert ledger.names() == {OLD: 1}


def test_who_counts_at_the_same_time_counts_nothing_twice(
    ledger: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.book(OLD)
    found = watch._parts

    def slowly(tx: Any, counted: int | None) -> Any:
        monkeypatch.undo()
        parts = found(tx, counted)
        ledger.look()
        return parts

    monkeypatch.setattr(watch, "_parts", slowly)
    ledger.look()
    assert ledger.names() == {OLD: 1}


def test_changes_are_flagged(ledger: Books, caplog: pytest.LogCaptureFixture) -> None:
    ledger.book(OLD, NEW, NEW)
    assert ledger.look() == 1
    ledger.book("tiny")
    assert ledger.look() == 1
    ledger.book("tiny", offer="nobody/knows")
    ledger.look()
    kinds = [(flag.oddity.kind, flag.oddity.name) for flag in ledger.flags()]
    assert kinds == [(Kind.ALIAS_MOVED, NEW), (Kind.SWAPPED, "tiny")]
    assert "chat was answered by tiny, which is another model" in caplog.text
    row = watch.flag_row(ledger.flags()[0])
    assert (row["asked"], row["answered"], row["answered_before"]) == ("chat", NEW, OLD)


def test_what_a_vendor_says_steers_no_terminal(
    ledger: Books, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.book("ti\x1b]0;ny\x07\n\u202e")
    ledger.look()
    named = r"ti\x1b]0;ny\x07\n\u202e"
    assert f"was answered by {named}, which" in caplog.text
    (flag,) = ledger.flags()
    swapped = flag._replace(oddity=flag.oddity._replace(before=flag.oddity.name))
    row = watch.event_of(swapped)
    assert row["answered"] == row["answered_before"] == named
    assert named in row["summary"]
    with ledger.control.database.read() as tx:
        (seen,) = watch.names_by_offer(tx)["shop/m"]
    assert seen["name"] == named


def test_a_known_name_is_no_swap(ledger: Books) -> None:
    from steelyard.store import objects  # noqa: PLC0415 - only here

    with ledger.control.database.write() as tx:
        body = {**objects.current(tx, "offer")["shop/m"].body, "answers_as": ["tiny"]}
        change = revisions.begin(tx, 1, "file", "a test")
        objects.put(tx, change, "offer", "shop/m", body, managed_by="file")
    ledger.book("tiny")
    assert ledger.look() == 0


def test_a_flag_is_closed_by_whoever_knows_of_it(ledger: Books) -> None:
    ledger.book("tiny")
    ledger.look()
    (flag,) = ledger.flags()
    seen = asyncio.run(watch.take_note(ledger.control, flag.number, "admin"))
    assert watch.flag_row(seen)["state"] == "seen"
    with pytest.raises(NoSuchFlag):
        asyncio.run(watch.take_note(ledger.control, 99, "admin"))


def test_the_webhook_is_told_once(ledger: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def listen(request: httpx.Request) -> httpx.Response:
        told.append(json.loads(request.content))
        return httpx.Response(204)

    real = httpx.AsyncClient
    transport = httpx.MockTransport(listen)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **more: real(transport=transport, **more))
    job = AnswerWatch(ledger.control)
    ledger.book(OLD, NEW)
    ledger.look()
    asyncio.run(job.tell_once())
    assert told == []  # who sets a webhook up wants news, not history
    hook = {"url": "http://listener/x", "secret": "hush"}
    config = ledger.control.config
    assert config is not None
    book = type(config.price_book).model_validate({"webhook": hook})
    ledger.control.config = config.model_copy(update={"price_book": book})
    ledger.book("tiny")
    ledger.look()
    for _ in range(2):
        asyncio.run(job.tell_once())
    (event,) = told
    assert event["event"] == "answer_flag" and event["number"].startswith("answer-")
    assert (event["kind"], event["answered"]) == ("swapped", "tiny")


def test_a_name_that_never_answered_before_has_proofs_looked_at_anew(ledger: Books) -> None:
    def is_wanted(*names: str) -> bool:
        before = ledger.control.publisher.core._wishes
        ledger.book(*names)
        ledger.look()
        return ledger.control.publisher.core._wishes > before

    assert is_wanted("m")
    assert not is_wanted("m", "m")
    assert is_wanted("m", "other")
