"""Updates: only from whom we trust, unchanged, and never older than what was applied."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, date, datetime

import pytest

from steelyard.control import downloads
from steelyard.control.price_watch import updates as price_updates
from steelyard.control.price_watch.updates import Update
from steelyard.control.prices import lists as price_lists
from steelyard.control.prices.lists import Outcome
from steelyard.domain.errors import Forbidden, InvalidRequest, StoreUnavailable, TooLarge
from steelyard.domain.instants import instant_ns
from steelyard.store.database import Database

LIST = (
    b"vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to"
    b",source,note\nMine,official,chat,CNY,per_1m_tokens,input,,1,2026-01-01,,page,\n"
)
DAY = date(2026, 11, 21)
NOW_NS = 1_773_144_000 * 10**9
TODAY_NS = instant_ns(datetime(2026, 11, 21, 12, tzinfo=UTC))


def test_an_update_is_read_as_it_was_written() -> None:
    private, _public = price_updates.make_keys()
    update = price_updates.read_update(price_updates.write_update(LIST, DAY, "main", private))
    assert (update.day, update.key, update.head_lines, update.content) == (DAY, "main", 4, LIST)
    assert len(update.signature) == 64
    unsigned = price_updates.read_update(price_updates.write_update(b"\xef\xbb\xbf" + LIST, DAY))
    assert unsigned == Update(DAY, "", b"", 2, LIST)


def test_windows_line_ends_do_not_matter() -> None:
    private, public = price_updates.make_keys()
    listed = LIST.replace(b"\n", b"\r\n")
    made = price_updates.write_update(listed, DAY, "main", private)
    head, body = made[: -len(listed)], made[-len(listed) :]
    update = price_updates.read_update(head.replace(b"\n", b"\r\n") + body)
    price_updates.check(update, {"main": public})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (LIST, "no update: its first line"),
        (b"", "no update"),
        (b"# steelyard price update\nvendor\n", "an update says date, key, signature"),
        (b"# steelyard price update\n# date: 2026-11-21\n# mood: fine\n", "not mood"),
        (b"# steelyard price update\n# date: 21.11.2026\n", "cannot be read"),
        (b"# steelyard price update\n# date: 0999-01-01\n", "cannot be read"),
        (b"# steelyard price update\n# date: 2026-11-21\n# signature: !\n", "cannot be read"),
    ],
)
def test_what_is_no_update(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        price_updates.read_update(data)


def test_only_a_trusted_signature_over_day_and_list_counts() -> None:
    private, public = price_updates.make_keys()
    update = price_updates.read_update(price_updates.write_update(LIST, DAY, "main", private))
    trusted = {"main": public}
    price_updates.check(update, trusted)
    later = update._replace(day=date(2026, 11, 22))
    longer = update._replace(content=LIST + b"\n")
    for forged in (later, longer, update._replace(signature=b"\0" * 64)):
        with pytest.raises(Forbidden, match="signature is wrong"):
            price_updates.check(forged, trusted)
    with pytest.raises(Forbidden, match="trusted are: other"):
        price_updates.check(update, {"other": public})
    with pytest.raises(InvalidRequest, match="no public key"):
        price_updates.check(update, {"main": "abc"})
    with pytest.raises(InvalidRequest, match="no private key"):
        price_updates.write_update(LIST, DAY, "main", "!")


def test_without_a_signature_only_if_somebody_says_so() -> None:
    update = price_updates.read_update(price_updates.write_update(LIST, DAY))
    with pytest.raises(Forbidden, match="--unsigned"):
        price_updates.check(update, {})
    price_updates.check(update, {}, may_be_unsigned=True)


def applied(database: Database, day: date, content: bytes = LIST, name: str = "up.txt") -> Outcome:
    update = price_updates.read_update(price_updates.write_update(content, day))
    order = price_updates.order_of(update, name, TODAY_NS)
    assert order.origin == price_lists.STEELYARD
    return price_lists.take(database, order, TODAY_NS, "admin")


def test_only_a_newer_one_than_the_newest_is_applied(database: Database) -> None:
    outcome = applied(database, DAY)
    assert outcome.state == price_lists.TAKEN
    assert [step.line.line for step in outcome.difference.steps] == [4]
    assert applied(database, DAY).state == price_lists.SAME
    dearer = LIST.replace(b",1,", b",2,")
    with pytest.raises(InvalidRequest, match="another update of 2026-11-21 was applied already"):
        applied(database, DAY, dearer)
    with pytest.raises(InvalidRequest, match="one of 2026-11-21 was applied already"):
        applied(database, date(2026, 11, 20), dearer)
    with pytest.raises(InvalidRequest, match="which is not yet"):
        applied(database, date(9999, 12, 31))
    assert applied(database, date(2026, 11, 22), dearer).has_corrections


def test_of_two_at_once_the_newer_one_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = price_lists.diff

    def diff_while_a_newer_one_comes(*arguments: object) -> object:
        monkeypatch.setattr(price_lists, "diff", original)
        applied(database, date(2026, 11, 22))
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(price_lists, "diff", diff_while_a_newer_one_comes)
    with pytest.raises(InvalidRequest, match="one of 2026-11-22 was applied already"):
        applied(database, DAY)


def test_what_comes_late_by_an_update_names_no_option_that_it_lacks(database: Database) -> None:
    applied(database, DAY)
    later = LIST.replace(b",1,2026-01-01", b",2,2026-06-01")
    (finding,) = applied(database, date(2026, 11, 22), later).findings
    assert finding.kind == "late" and "--correction" not in finding.message
    assert finding.message.endswith("were priced by the old rate and stay so")


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://prices.example/up.txt", True),
        ("http://127.0.0.1:8000/up.txt", True),
        ("http://[::1]/up.txt", True),
        ("http://localhost/up.txt", True),
        ("http://prices.example/up.txt", False),
        ("file:///etc/passwd", False),
        ("https://", False),
    ],
)
def test_addresses(url: str, is_allowed: bool) -> None:
    if is_allowed:
        price_updates.check_address(url)
    else:
        with pytest.raises(InvalidRequest, match="over https"):
            price_updates.check_address(url)


async def fetched(answer: bytes, path: str = "/up.txt") -> bytes:
    """What ``fetch`` makes of a server that gives an answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await price_updates.fetch(f"http://127.0.0.1:{port}{path}")


OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


def test_an_update_is_fetched() -> None:
    assert asyncio.run(fetched(OK + LIST)) == LIST


def test_what_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match="redirects to where"):
        redirect = b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"
        asyncio.run(fetched(redirect))
    with pytest.raises(StoreUnavailable, match="cannot be fetched"):
        asyncio.run(fetched(b""))
    with pytest.raises(InvalidRequest, match="over https"):
        asyncio.run(price_updates.fetch("http://prices.example/up.txt"))
    monkeypatch.setattr(price_updates, "UPDATE_BYTES_MAX", 100)
    with pytest.raises(TooLarge):
        asyncio.run(fetched(OK + LIST))


def test_a_slow_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT_S", 0.05)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(StoreUnavailable, match="cannot be fetched"):
            asyncio.run(price_updates.fetch(url))
