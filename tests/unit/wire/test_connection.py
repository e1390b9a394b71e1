import pytest

from steelyard.wire.connection import BACKLOG_BYTES_MAX

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def ok(request, reply):
    reply.respond(200, b"", request.target)


def test_a_request_in_one_read(client):
    client.send(POST % 5 + b"hello")
    assert client.reply.is_open
    assert client.requests[0].body == b"hello"
    assert client.requests[0].peer == "192.0.2.7"
    client.reply.respond(200, b"content-type: text/plain\r\n", b"world")
    answer = client.transport.take()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n")
    assert b"content-length: 5\r\ndate: " in answer
    assert answer.endswith(b"GMT\r\n\r\nworld")
    assert client.transport.writes == 1
    assert not client.transport.is_closed
    assert client.server.requests == 1


def test_byte_by_byte(client):
    client.on_request = ok
    for byte in POST % 5 + b"hello" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + GET % 1:
        client.send(bytes([byte]))
    assert [request.body for request in client.requests] == [b"hello", b"hello", b""]


def test_pipelined_requests_wait_for_their_turn(client):
    client.send(GET % 1 + POST % 2 + b"ab" + GET % 3)
    client.send(GET % 4)
    for count in (1, 2, 3, 4):
        assert len(client.seen) == count
        client.reply.respond(200, b"", b"%d" % count)
    assert [request.body for request in client.requests] == [b"", b"ab", b"", b""]
    answers = client.transport.take().split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer[-1:] for answer in answers] == [b"1", b"2", b"3", b"4"]


def test_thousands_pipelined_and_answered_at_once_do_not_recurse(client):
    client.on_request = ok
    client.send(GET % 7 * 5000)
    assert len(client.seen) == 5000


def test_a_backlog_is_bounded_by_not_reading(client):
    client.send(GET % 1)
    client.send(GET % 2 * (BACKLOG_BYTES_MAX // 20))
    assert not client.transport.is_reading
    assert len(client.seen) == 1
    client.on_request = ok
    client.reply.respond(200, b"", b"")
    assert client.transport.is_reading
    assert len(client.seen) > BACKLOG_BYTES_MAX // 30


def test_an_empty_line_before_a_request_is_forgiven(client):
    client.on_request = ok
    client.send(GET % 1 + b"\r\n" + GET % 2)
    assert len(client.seen) == 2


def test_continue_is_said_when_the_body_is_awaited(client):
    head = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    client.send(head % 5)
    assert client.transport.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert client.requests[0].body == b"hello"
    client.reply.respond(200, b"", b"")
    client.transport.take()
    client.send(head % 5 + b"h")
    assert client.transport.take() == b""


def test_no_continue_for_a_body_that_is_refused(make_client):
    client = make_client(body_bytes_max=4)
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.transport.take().startswith(b"HTTP/1.1 413 ")


REFUSED = [
    (b"GARBAGE\r\n\r\n", 400, "malformed_request"),
    (b"\r\n\r\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\nHost: x\n\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\r\nHost: x\n\r\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\r\nHost: x\r\r\n", 400, "malformed_request"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, "malformed_request"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"),
    (b"GET /\r\n\r\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, "host_missing"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "malformed_header"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "malformed_header"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, "malformed_header"),
    (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed_target"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", 501, "upgrade_unknown"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", 417, "expectation_unknown"),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431, "headers_too_large"),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, "headers_too_large"),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, 431, "headers_too_large"),
    (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431, "headers_too_large"),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target_too_long"),
    (POST % 100_000_000 + b"x", 413, "body_too_large"),
    (CHUNKED + b"FFFFFFFFF\r\n", 400, "malformed_chunk"),
    (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400, "malformed_chunk"),
    (CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400, "malformed_chunk"),
    # CL.TE and TE.CL: the second request must never be seen by anybody
    (
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n") + b"0\r\n\r\n" + GET % 1,
        400,
        "framing_conflict",
    ),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello" + GET % 1, 400, None),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "framing_conflict"),
]


@pytest.mark.parametrize("is_bytewise", [False, True])
@pytest.mark.parametrize(("raw", "status", "code"), REFUSED)
def test_what_is_refused_reaches_no_handler(client, raw, status, code, is_bytewise):
    if is_bytewise and len(raw) > 80_000:
        raw = raw[:80_000]
    step = 1 if is_bytewise else len(raw)
    for at in range(0, len(raw), step):
        client.send(raw[at : at + step])
    assert client.seen == []
    answer = client.transport.take()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close\r\n" in answer
    assert client.transport.has_eof
    if code:
        assert client.server.refused == {code: 1}
    client.send(GET % 1)  # after a refusal nothing is heard any more
    assert client.seen == []
    assert client.transport.take() == b""
    client.loop.advance(3.0)
    assert client.transport.is_aborted


def test_a_chunked_body_is_bounded_by_count(make_client):
    client = make_client(body_bytes_max=100)
    client.send(CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n")
    client.send(b"40\r\n" + b"x" * 64 + b"\r\n")
    assert client.transport.take().startswith(b"HTTP/1.1 413 ")
    assert client.seen == []


def test_all_arriving_bodies_together_are_bounded(make_client):
    client = make_client(bodies_bytes_max=10)
    server = client.server
    client.send(POST % 8 + b"1234")
    assert server.bodies_bytes == 4
    client.send(b"5678")
    assert (len(client.requests), server.bodies_bytes) == (1, 0)
    client.reply.respond(200, b"", b"")
    client.transport.take()
    client.send(CHUNKED + b"b\r\n12345678901\r\n")
    assert client.transport.take().startswith(b"HTTP/1.1 503")
    assert server.bodies_bytes == 0


def test_a_body_that_breaks_off_is_forgotten(client):
    client.send(POST % 8 + b"1234")
    client.connection.connection_lost(None)
    assert client.server.bodies_bytes == 0


def test_a_refusal_comes_after_the_answers_before_it(client):
    client.send(GET % 1 + b"GARBAGE\r\n\r\n")
    client.reply.respond(200, b"", b"one")
    answer = client.transport.take()
    assert answer.index(b"200 OK") < answer.index(b"400 Bad Request")


def test_close_is_honoured(client):
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET % 2)
    client.reply.respond(200, b"", b"")
    assert b"connection: close\r\n" in client.transport.take()
    assert client.transport.is_closed
    assert len(client.seen) == 1


def test_http10_closes_unless_asked_not_to(make_client):
    client = make_client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    client.reply.respond(200, b"", b"x")
    assert client.transport.is_closed
    client = make_client()
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    client.reply.respond(200, b"", b"x")
    assert b"connection: keep-alive\r\n" in client.transport.take()
    assert not client.transport.is_closed


@pytest.mark.parametrize(
    ("sent", "wait_s", "answer"),
    [
        (b"", 15.2, b""),
        (b"GET / HT", 15.2, b"HTTP/1.1 408 "),
        (POST % 5 + b"he", 30.2, b"HTTP/1.1 408 "),
        (CHUNKED + b"5\r\nhe", 30.2, b"HTTP/1.1 408 "),
    ],
)
def test_slow_requests_time_out(client, sent, wait_s, answer):
    if sent:
        client.send(sent)
    client.loop.advance(wait_s - 0.4)
    assert not client.transport.has_eof
    assert not client.transport.is_closed
    client.loop.advance(0.4)
    assert client.transport.take().startswith(answer)
    client.loop.advance(3.0)
    assert client.transport.is_closed
    assert client.seen == []


def test_a_body_that_makes_progress_does_not_time_out(client):
    client.send(POST % 5)
    for byte in b"hello":
        client.loop.advance(29.0)
        client.send(bytes([byte]))
    assert client.requests[0].body == b"hello"


def test_an_answer_may_take_its_time_and_then_keep_alive_runs(client):
    client.send(GET % 1)
    client.loop.advance(1000.0)
    client.reply.respond(200, b"", b"")
    client.loop.advance(70.0)
    assert not client.transport.is_closed
    client.loop.advance(6.0)
    assert client.transport.is_closed and not client.transport.is_aborted


def test_a_client_that_stops_reading_is_cut_off(client):
    gone = []
    client.send(GET % 1)
    client.reply.on_gone = lambda: gone.append(1)
    client.reply.start(200, b"")
    client.connection.pause_writing()
    client.loop.advance(59.0)
    client.connection.resume_writing()
    client.loop.advance(1000.0)
    client.connection.pause_writing()
    client.loop.advance(61.0)
    assert client.transport.is_aborted
    client.connection.connection_lost(None)
    assert gone == [1]


def test_requests_wait_while_the_answers_are_not_read(client):
    client.send(GET % 1)
    client.connection.pause_writing()
    client.reply.respond(200, b"", b"x")
    client.send(GET % 2)
    assert len(client.seen) == 1
    client.connection.resume_writing()
    assert len(client.seen) == 2


def test_too_many_connections(make_client):
    client = make_client(connections_max=0)
    assert client.transport.take().startswith(b"HTTP/1.1 503 ")
    assert client.server.refused == {"too_many_connections": 1}


def test_a_lost_connection_leaves_nothing_behind(client):
    client.send(GET % 1)
    client.connection.connection_lost(ConnectionResetError())
    assert not client.reply.is_open
    assert client.server.open_connections == set()
    client.loop.advance(1000.0)
    assert client.loop.is_idle


def test_drain_closes_idle_connections_and_the_others_after_their_answer(make_client):
    client = make_client()
    client.connection.drain()
    assert client.transport.is_closed
    client = make_client()
    client.send(GET % 1)
    client.connection.drain()
    assert not client.transport.is_closed
    client.reply.respond(200, b"", b"")
    assert b"connection: close" in client.transport.take()
    assert client.transport.is_closed


def test_a_half_closed_client_that_does_not_read_is_cut_off_in_the_end(client):
    client.send(GET % 1)
    client.reply.start(200, b"")
    client.connection.eof_received()
    client.send(GET % 2)
    assert len(client.seen) == 1
    client.loop.advance(61.0)
    assert client.transport.is_aborted


def test_a_handler_may_stream_from_inside_the_call(client):
    def stream(request, reply):
        reply.start(200, b"")
        reply.end(request.target)

    client.on_request = stream
    client.send(GET % 1 + GET % 2)
    assert client.transport.take().count(b"0\r\n\r\n") == 2
