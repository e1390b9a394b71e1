import pytest

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Flow:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_streams_in_chunks(client):
    client.send(GET)
    client.reply.start(200, b"content-type: text/event-stream\r\n")
    head = client.transport.take()
    assert b"transfer-encoding: chunked\r\n" in head
    assert b"content-length" not in head
    client.reply.write(b"hello")
    client.reply.write(b"")
    assert client.transport.take() == b"5\r\nhello\r\n"
    client.reply.end(b"!")
    assert client.transport.take() == b"1\r\n!\r\n0\r\n\r\n"
    assert client.transport.writes == 3
    assert not client.reply.is_open
    client.send(GET)
    assert len(client.seen) == 2


def test_end_without_a_last_piece(client):
    client.send(GET)
    client.reply.start(200, b"")
    client.transport.take()
    client.reply.end()
    assert client.transport.take() == b"0\r\n\r\n"


def test_http10_streams_until_the_close(client):
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    client.reply.start(200, b"")
    client.reply.write(b"hello")
    client.reply.end(b"!")
    answer = client.transport.take()
    assert b"chunked" not in answer
    assert b"connection: close\r\n" in answer
    assert body_of(answer) == b"hello!"
    assert client.transport.is_closed


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(client, status):
    client.send(GET)
    client.reply.respond(status, b"", b"ignored")
    answer = client.transport.take()
    assert b"content-length" not in answer
    assert body_of(answer) == b""
    client.send(GET)
    client.reply.start(status, b"")
    client.reply.write(b"ignored")
    client.reply.end(b"ignored")
    answer = client.transport.take()
    assert b"chunked" not in answer
    assert body_of(answer) == b""
    assert not client.transport.is_closed


def test_the_answer_to_head_says_the_length_only(client):
    client.send(GET.replace(b"GET", b"HEAD"))
    client.reply.respond(200, b"", b"hello")
    answer = client.transport.take()
    assert b"content-length: 5\r\n" in answer
    assert body_of(answer) == b""
    client.send(GET.replace(b"GET", b"HEAD"))
    client.reply.start(200, b"")
    client.reply.write(b"hello")
    client.reply.end(b"!")
    assert body_of(client.transport.take()) == b""
    assert not client.transport.is_closed


def test_abort_shows(make_client):
    client = make_client()
    client.send(GET)
    client.reply.start(200, b"")
    client.reply.write(b"x")
    client.reply.abort()
    assert client.transport.is_closed and not client.transport.is_aborted
    assert not client.transport.take().endswith(b"0\r\n\r\n")
    client = make_client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    client.reply.start(200, b"")
    client.reply.abort()
    assert client.transport.is_aborted


def test_on_gone_is_called_once_and_only_before_the_end(make_client):
    client = make_client()
    gone = []
    client.send(GET)
    client.reply.on_gone = lambda: gone.append(client.reply.is_open)
    client.connection.eof_received()
    client.connection.connection_lost(None)
    assert gone == [False]
    client.reply.start(200, b"")
    client.reply.write(b"x")
    client.reply.end()
    assert client.transport.take() == b""
    client = make_client()
    client.send(GET)
    client.reply.on_gone = lambda: gone.append(True)
    client.reply.respond(200, b"", b"")
    client.connection.connection_lost(None)
    assert gone == [False]


def test_answering_after_the_client_left_does_nothing(client):
    client.send(GET)
    client.connection.connection_lost(None)
    client.reply.respond(200, b"", b"x")
    client.reply.abort()
    assert client.transport.take() == b""


def test_answering_twice_is_our_fault(client):
    client.send(GET)
    with pytest.raises(RuntimeError):
        client.reply.end()
    client.reply.respond(200, b"", b"")
    with pytest.raises(RuntimeError):
        client.reply.respond(200, b"", b"")
    with pytest.raises(RuntimeError):
        client.reply.start(200, b"")


def test_a_slow_reader_pauses_the_flow(client):
    flow = Flow()
    client.send(GET)
    client.reply.flow = flow
    assert client.reply.flow is flow
    client.reply.start(200, b"")
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert flow.calls == ["pause", "resume"]
    client.reply.flow = None
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert flow.calls == ["pause", "resume"]


def test_a_flow_that_comes_late_is_paused_at_once(client):
    flow = Flow()
    client.send(GET)
    client.connection.pause_writing()
    client.reply.flow = flow
    assert flow.calls == ["pause"]


@pytest.mark.parametrize("end", ["respond", "end", "abort", "gone"])
def test_a_finished_reply_holds_nobody(client, end):
    client.send(GET)
    client.reply.flow = Flow()
    client.reply.on_gone = lambda: None
    if end == "respond":
        client.reply.respond(200, b"", b"")
    elif end == "abort":
        client.reply.abort()
    elif end == "gone":
        client.connection.connection_lost(None)
    else:
        client.reply.start(200, b"")
        client.reply.end()
    assert client.reply.flow is None
    assert client.reply.on_gone is None
