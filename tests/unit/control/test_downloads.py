"""Fetching lists: whoever publishes one cannot lead control astray, fill it, or hold it up."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from steelyard.control import downloads
from steelyard.domain.errors import InvalidRequest, TooLarge

Handler = Callable[[httpx.Request], httpx.Response]


def get(handler: Handler, url: str = "https://lists/a?token=hush", bytes_max: int = 100) -> bytes:
    async def run() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            return await downloads.download(client, url, bytes_max)

    return asyncio.run(run())


def test_a_list_comes_as_it_is_and_is_asked_for_uncompressed() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"x" * 100)

    assert get(answer) == b"x" * 100
    assert asked[0].headers["accept-encoding"] == "identity"
    with pytest.raises(TooLarge):
        get(answer, bytes_max=99)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br"])
def test_a_small_answer_stays_small(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 10**6))
    head = {"content-encoding": encoding}
    with pytest.raises(InvalidRequest, match="compresses"):
        get(lambda _: httpx.Response(200, headers=head, content=bomb))


@pytest.mark.parametrize(
    ("location", "is_followed"),
    [
        ("https://mirror.example/b", True),
        ("/b", True),
        ("http://mirror.example/b", False),
        ("https://127.0.0.1/b", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://[::1]/b", False),
        ("https://[::ffff:127.0.0.1]/b", False),
        ("https://10.0.0.1/b", False),
        ("https://LOCALHOST/b", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_server_redirects_to_other_servers_only(location: str, is_followed: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(302, headers={"location": location})
        return httpx.Response(200, content=b"list")

    if is_followed:
        assert get(answer) == b"list"
    else:
        with pytest.raises(InvalidRequest, match="redirects to where"):
            get(answer)


def test_a_body_of_a_redirect_is_not_read_and_no_circle_is_walked() -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"0" * 2**20

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(302, headers={"location": "/a"}, content=endless())

    with pytest.raises(InvalidRequest, match="again and again"):
        get(answer)
    assert asked == downloads.REDIRECTS_MAX + 1


@pytest.mark.parametrize("url", ["http://[::1", "http://h:port/?token=hush"])
def test_what_is_no_address_is_no_crash_and_tells_no_token(url: str) -> None:
    with pytest.raises(OSError, match="cannot be fetched") as caught:
        get(lambda _: httpx.Response(200), url)
    assert "hush" not in str(caught.value)
