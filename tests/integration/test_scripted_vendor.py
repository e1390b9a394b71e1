"""The scripted vendor on real sockets: what leaves it, what it notes, how it breaks off."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from steelyard.testing.upstream import (
    Answer,
    Fault,
    Pause,
    Raw,
    ScriptedVendor,
    Settings,
)

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request):
    """Runs a coroutine to its end on each of the two loops."""

    def runner(story: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as loop:
            loop.run(asyncio.wait_for(story, 10))

    return runner


def chat(*, attempt: str = "a-1", headers: str = "", **fields: object) -> bytes:
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    ).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: vendor\r\n"
        f"X-Steelyard-Attempt: {attempt}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


async def connect(vendor: ScriptedVendor) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", vendor.port)


async def response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one response with a length or chunks; return its head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head, await reader.readexactly(length)
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return head, body


def test_kept_alive_and_pipelined_requests_are_answered_in_order(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            vendor.script([Fault("slow-first-byte", "0.05"), Answer(parts=("second",))])
            reader, writer = await connect(vendor)
            writer.write(chat() + chat(stream=True))
            _, first = await response(reader)
            _, second = await response(reader)
            assert json.loads(first)["object"] == "chat.completion"
            assert b"second" in second
            assert second.endswith(b"data: [DONE]\n\n")
            assert [r.connection for r in vendor.received] == [1, 1]
            assert [r.serial for r in vendor.received] == [1, 2]
            writer.close()

    run(story())


def test_requests_are_kept_as_they_came(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            reader, writer = await connect(vendor)
            sent = chat(attempt="7-1.1", headers="X-Odd: Value \r\n")
            for byte in range(0, len(sent), 7):
                writer.write(sent[byte : byte + 7])
                await writer.drain()
            await response(reader)
            [got] = vendor.received
            assert (got.method, got.target) == ("POST", "/v1/chat/completions")
            assert (b"X-Odd", b"Value ") in got.headers or (b"X-Odd", b"Value") in got.headers
            assert got.header("x-steelyard-attempt") == "7-1.1"
            assert got.body == sent.partition(b"\r\n\r\n")[2]
            writer.close()

    run(story())


def test_log_has_every_request_before_its_answer_and_marks_the_partial_ones(run, tmp_path: Path):
    async def story() -> None:
        log = tmp_path / "attempts.log"
        async with ScriptedVendor(Settings(log=log)) as vendor:
            vendor.script([Fault("hang")])
            _, silent = await connect(vendor)
            silent.write(chat(attempt="whole"))
            await vendor.until(lambda v: len(v.received) == 1)
            assert log.read_text() == "full\twhole\n"
            _, cut = await connect(vendor)
            cut.write(chat(attempt="half")[:-5])
            await cut.drain()
            await vendor.until(lambda v: v.connections_open == 2)
            cut.close()
            await vendor.until(lambda v: len(v.partial) == 1)
            assert log.read_text() == "full\twhole\npartial\thalf\n"
            silent.close()
            await vendor.until(lambda v: len(v.abandoned) == 1)
            assert vendor.abandoned[0].header("x-steelyard-attempt") == "whole"

    run(story())


@pytest.mark.parametrize("name", ["reset", "reset-mid-stream"])
def test_reset_is_a_reset(run, name: str):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            vendor.script([Fault(name)])
            reader, writer = await connect(vendor)
            writer.write(chat(stream=True))
            with pytest.raises(ConnectionResetError):
                await reader.read()
                await reader.read()
            writer.close()
            assert not vendor.abandoned

    run(story())


@pytest.mark.parametrize(
    "name",
    ["early-close", "cut-mid-event", "cut-before-usage", "close-delimited", "connection-close"],
)
def test_these_faults_end_the_connection_in_good_order(run, name: str):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            reader, writer = await connect(vendor)
            writer.write(chat(model=f"fault:{name}", stream=True))
            said = await reader.read()
            assert (said == b"") is (name == "early-close")
            writer.close()

    run(story())


def test_one_byte_splits_really_arrive_apart(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            reader, writer = await connect(vendor)
            writer.write(chat(model="fault:one-byte"))
            pieces = [await reader.read(65_536) for _ in range(5)]
            assert min(map(len, pieces)) < 20
            await response(_rest(reader, b"".join(pieces)))
            writer.close()

    run(story())


def _rest(reader: asyncio.StreamReader, read: bytes) -> asyncio.StreamReader:
    reader._buffer[:0] = read  # the stream reader has no way to give bytes back
    return reader


def test_endless_line_waits_for_a_slow_reader_instead_of_growing(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            reader, writer = await connect(vendor)
            writer.write(chat(model="fault:endless-line", stream=True))
            await reader.readuntil(b"data: ")
            await asyncio.sleep(0.05)
            [connection] = vendor._connections
            assert connection._is_full
            got = sum([len(await reader.read(1 << 20)) for _ in range(20)])
            assert got > 0
            writer.transport.abort()
            await vendor.until(lambda v: len(v.abandoned) == 1)

    run(story())


def test_idle_connections_can_be_closed_and_busy_ones_stay(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            idle_reader, idle = await connect(vendor)
            idle.write(chat())
            await response(idle_reader)
            busy_reader, busy = await connect(vendor)
            busy.write(chat(model="fault:slow-first-byte:0.1"))
            await vendor.until(lambda v: len(v.received) == 2)
            vendor.close_idle()
            assert await idle_reader.read() == b""
            assert b"chat.completion" in (await response(busy_reader))[1]
            idle.close()
            busy.close()

    run(story())


def test_other_pages_keys_and_mistakes_get_openai_errors(run):
    async def story() -> None:
        async with ScriptedVendor(Settings(key="sk-right")) as vendor:
            reader, writer = await connect(vendor)
            right = "Authorization: Bearer sk-right\r\n"
            writer.write(chat(headers="Authorization: Bearer sk-wrong\r\n"))
            head, body = await response(reader)
            assert b" 401 " in head
            assert json.loads(body)["error"]["code"] == "invalid_api_key"
            writer.write(chat(headers=right, model="fault:no-such"))
            head, body = await response(reader)
            assert b" 400 " in head
            assert "no-such" in json.loads(body)["error"]["message"]
            writer.write(f"GET /v1/models HTTP/1.1\r\nHost: x\r\n{right}\r\n".encode())
            _, body = await response(reader)
            assert {m["object"] for m in json.loads(body)["data"]} == {"model"}
            writer.write(f"GET /elsewhere HTTP/1.1\r\nHost: x\r\n{right}\r\n".encode())
            head, _ = await response(reader)
            assert b" 404 " in head
            writer.write(b"no http at all\r\n\r\n")
            assert b" 400 " in (await response(reader))[0]
            assert await reader.read() == b""
            writer.close()

    run(story())


def test_expect_continue_and_interim_responses(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            reader, writer = await connect(vendor)
            sent = chat(headers="Expect: 100-continue\r\n", model="fault:interim")
            head, _, body = sent.partition(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\n")
            assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(body)
            assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
            assert b" 103 " in await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in (await response(reader))[0]
            writer.close()

    run(story())


def test_tls_and_unix_sockets(run, tmp_path: Path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def story() -> None:
        async with ScriptedVendor(Settings(tls=context)) as vendor:
            assert vendor.base_url.startswith("https://")
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", vendor.port, ssl=trusting, server_hostname="localhost"
            )
            writer.write(chat())
            assert b" 200 " in (await response(reader))[0]
            writer.close()
            await writer.wait_closed()
        path = str(tmp_path / "v.sock")
        async with ScriptedVendor(Settings(uds=path)):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(chat())
            assert b" 200 " in (await response(reader))[0]
            writer.close()

    run(story())


def test_raw_entries_leave_as_they_are(run):
    async def story() -> None:
        async with ScriptedVendor() as vendor:
            vendor.script([Raw((b"HTTP/1.1 200 OK\r\n", Pause(0.01), b"\r\n"))])
            reader, writer = await connect(vendor)
            writer.write(chat())
            assert await reader.readexactly(19) == b"HTTP/1.1 200 OK\r\n\r\n"
            writer.close()

    run(story())


def test_command_serves_its_script_and_logs(tmp_path: Path):
    script = tmp_path / "script.jsonl"
    script.write_text('{"fault": "429", "argument": 2}\n\n{"parts": ["only"], "delay_s": 0.01}\n')
    log = tmp_path / "log"
    command = [sys.executable, "-m", "steelyard.testing.upstream", "--script", str(script)]
    with subprocess.Popen(
        [*command, "--log", str(log), "--events", "2"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(json.loads(process.stdout.readline())["base_url"].split(":")[2][:-3])

            async def story() -> list[bytes]:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(chat(attempt="1") + chat(attempt="2") + chat(attempt="3"))
                found = [b"".join(await response(reader)) for _ in range(3)]
                writer.close()
                return found

            first, second, third = asyncio.run(story())
        finally:
            process.kill()
    assert b"retry-after: 2" in first
    assert b'"content":"only"' in second
    assert b"word0 word1 " in third
    assert log.read_text() == "full\t1\nfull\t2\nfull\t3\n"
