import pytest

from steelyard.wire.errors import BadRequest, BadResponse
from steelyard.wire.http1 import (
    CACHE_LINES_MAX,
    CHUNKED,
    REQUEST_SINGLETONS,
    RESPONSE_SINGLETONS,
    UNTIL_CLOSE,
    FieldReader,
    HeadLimits,
    read_request,
    read_response,
)

LIMITS = HeadLimits(headers_count_max=20, target_bytes_max=100)


def request(head: bytes):
    reader = FieldReader(REQUEST_SINGLETONS, LIMITS.headers_count_max)
    first = read_request(head, reader, LIMITS)
    again = read_request(head, reader, LIMITS)  # now from the lines it remembers
    for name in type(first).__slots__:
        assert getattr(first, name) == getattr(again, name)
    return first


def response(head: bytes, is_head: bool = False):
    reader = FieldReader(RESPONSE_SINGLETONS, 20)
    first = read_response(head, reader, is_head)
    again = read_response(head, reader, is_head)
    for name in type(first).__slots__:
        assert getattr(first, name) == getattr(again, name)
    return first


def test_reads_a_request():
    read = request(
        b"POST /v1/chat?a=b?c HTTP/1.1\r\nHost: [::1]:80\r\nAccept: a \t\r\nX-Empty:\r\n"
        b"ACCEPT:\tb\r\nContent-Length: 12\r\nX-Bytes: \xc3\xa9"
    )
    assert (read.method, read.target) == (b"POST", b"/v1/chat?a=b?c")
    assert (read.path, read.query) == (b"/v1/chat", b"a=b?c")
    assert read.headers == {
        b"host": b"[::1]:80",
        b"accept": b"a, b",
        b"x-empty": b"",
        b"content-length": b"12",
        b"x-bytes": b"\xc3\xa9",
    }
    assert read.body_length == 12
    assert read.is_keep_alive and not read.is_http10 and not read.is_expecting_continue


@pytest.mark.parametrize(
    ("version", "connection", "is_keep_alive"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, CLOSE\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_keep_alive(version, connection, is_keep_alive):
    read = request(b"GET / HTTP/" + version + b"\r\n" + connection + b"Host: x")
    assert read.is_keep_alive is is_keep_alive
    assert read.is_http10 is (version == b"1.0")


def test_chunked_and_expect():
    read = request(
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue"
    )
    assert read.body_length == CHUNKED
    assert read.is_expecting_continue


def test_an_offer_of_http2_is_ignored():
    assert request(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c")


H = b"\r\nHost: x\r\n"
BAD_HEADS = [
    # request line
    (b"", 400),
    (b"GET", 400),
    (b"GET /" + H, 400),
    (b"GET  / HTTP/1.1" + H, 400),
    (b"GET / HTTP/1.1 " + H, 400),
    (b" GET / HTTP/1.1" + H, 400),
    (b"GET\t/ HTTP/1.1" + H, 400),
    (b"GET / http/1.1" + H, 400),
    (b"GET / HTTP/1.1x" + H, 400),
    (b"GET / HTTP/01.1" + H, 505),
    (b"GET / HTTP/2.0" + H, 505),
    (b"GET / HTTP/0.9" + H, 505),
    (b"GET / HTTP/1.2" + H, 505),
    (b"PRI * HTTP/2.0", 505),
    (b"get / HTTP/1.1" + H, 501),
    (b"CONNECT x:80 HTTP/1.1" + H, 501),
    (b"TRACE / HTTP/1.1" + H, 501),
    (b"\x16\x03\x01\x02 a b", 400),
    (b"GET http://x/ HTTP/1.1" + H, 400),
    (b"GET x:80 HTTP/1.1" + H, 400),
    (b"OPTIONS * HTTP/1.1" + H, 400),
    (b"GET /\xc3\xa9 HTTP/1.1" + H, 400),
    (b"GET /#fragment HTTP/1.1" + H, 400),
    (b"GET /\x00 HTTP/1.1" + H, 400),
    (b"GET /\x7f HTTP/1.1" + H, 400),
    (b"GET /" + b"a" * 100 + b" HTTP/1.1" + H, 414),
    # header lines
    (b"GET / HTTP/1.1" + H + b"Folded: a\r\n b", 400),
    (b"GET / HTTP/1.1" + H + b" Leading: a", 400),
    (b"GET / HTTP/1.1" + H + b"Spaced : a", 400),
    (b"GET / HTTP/1.1" + H + b"no colon", 400),
    (b"GET / HTTP/1.1" + H + b": no name", 400),
    (b"GET / HTTP/1.1" + H + b"N\xc3\xa4me: a", 400),
    (b"GET / HTTP/1.1" + H + b"Name: a\x00b", 400),
    (b"GET / HTTP/1.1" + H + b"Name: a\x1bb", 400),
    (b"GET / HTTP/1.1" + H + b"Name: a\x7fb", 400),
    (b"GET / HTTP/1.1" + H + b"Name: a\nOther: b", 400),
    (b"GET / HTTP/1.1" + H + b"Name: a\rOther: b", 400),
    (b"GET / HTTP/1.1" + H + b"\nName: a", 400),
    (b"GET / HTTP/1.1" + H + b"A: b\r\n" * 20 + b"A: b", 431),
    # who is asked
    (b"GET / HTTP/1.1", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nhOST: y", 400),
    (b"GET / HTTP/1.1\r\nHost:", 400),
    (b"GET / HTTP/1.1\r\nHost: a b", 400),
    (b"GET / HTTP/1.1\r\nHost: a/b", 400),
    (b"GET / HTTP/1.1\r\nHost: a@b", 400),
    (b"GET / HTTP/1.1\r\nHost: a:b", 400),
    # framing
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1\r\nContent-Length: 1", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1\r\nContent-Length: 2", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1, 1", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: +1", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: -1", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1_0", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 0x1", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1.0", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length:", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: \xc2\xb2", 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: " + b"9" * 16, 400),
    (b"POST / HTTP/1.1" + H + b"Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding: chunked\r\nContent-Length: 1", 400),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", 400),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding: gzip, chunked", 501),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding: chunked, identity", 501),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding: xchunked", 501),
    (b"POST / HTTP/1.1" + H + b"Transfer-Encoding:", 501),
    (b"POST / HTTP/1.0" + H + b"Transfer-Encoding: chunked", 400),
    # what we do not do
    (b"POST / HTTP/1.1" + H + b"Expect: 200-ok", 417),
    (b"GET / HTTP/1.1" + H + b"Upgrade: websocket", 501),
    (b"GET / HTTP/1.1" + H + b"Authorization: a\r\nAuthorization: a", 400),
    (b"GET / HTTP/1.1" + H + b"Content-Type: a\r\nContent-Type: b", 400),
]


@pytest.mark.parametrize(("head", "status"), BAD_HEADS)
def test_refuses(head, status):
    with pytest.raises(BadRequest) as refusal:
        request(head.removesuffix(b"\r\n"))
    assert refusal.value.status == status
    assert refusal.value.code and refusal.value.message.endswith(".")


def test_remembers_no_secrets_and_not_too_much():
    reader = FieldReader(REQUEST_SINGLETONS, 20)
    for i in range(3 * CACHE_LINES_MAX):
        reader.read([b"Authorization: Bearer secret", b"X-Id: %d" % i, b"Long: " + b"x" * 200])
    assert 0 < len(reader._seen) <= CACHE_LINES_MAX
    assert all(line.startswith(b"X-Id") for line in reader._seen)
    for i in range(3 * CACHE_LINES_MAX):
        read_request(b"GET /%d HTTP/1.1\r\nHost: x" % i, reader, LIMITS)
        read_request(b"GET /%d?key=secret HTTP/1.1\r\nHost: x" % i, reader, LIMITS)
    assert 0 < len(reader.start_lines) <= CACHE_LINES_MAX
    assert not any(b"secret" in line for line in reader.start_lines)


@pytest.mark.parametrize(
    ("head", "length", "is_keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", 5, True),
        (b"HTTP/1.1 200\r\nContent-Length: 5\r\nConnection: close", 5, False),
        (b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked", CHUNKED, True),
        (b"HTTP/1.1 200 OK\r\nConnection: close", UNTIL_CLOSE, False),
        (b"HTTP/1.0 200 OK", UNTIL_CLOSE, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5", 5, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive", 5, True),
        (b"HTTP/1.1 204 No Content", 0, True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5", 0, True),
        (b"HTTP/1.1 100 Continue", 0, True),
    ],
)
def test_reads_a_response(head, length, is_keep_alive):
    read = response(head)
    assert (read.body_length, read.is_keep_alive) == (length, is_keep_alive)
    assert read.status == int(head[9:12])


def test_the_answer_to_head_has_no_body():
    assert response(b"HTTP/1.1 200 OK\r\nContent-Length: 5", is_head=True).body_length == 0
    assert response(b"HTTP/1.1 200 OK", is_head=True).body_length == 0


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"garbage",
        b"HTTP/2 200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 20 OK\r\nContent-Length: 5",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 5",
        b"HTTP/1.1 999 OK\r\nContent-Length: 5",
        b"HTTP/1.1  200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 200 O\x00K\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n folded",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\nY: b",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX : a",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5" + b"\r\nA: b" * 20,
    ],
)
def test_refuses_a_response(head):
    with pytest.raises(BadResponse):
        response(head)
