import pytest

from steelyard.wire.errors import EventTooLong
from steelyard.wire.sse import EventSplitter, comment, encode, events


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\r\n\n", b"\n\r\n", b"\n\r"])
def test_gives_whole_events_and_keeps_the_rest(end):
    splitter = EventSplitter()
    assert splitter.feed(b"data: 1" + end + b"data: 2" + end + b"data: 3") == (
        b"data: 1" + end + b"data: 2" + end
    )
    assert splitter.pending == b"data: 3"
    assert splitter.feed(end) == b"data: 3" + end
    assert splitter.pending == b""


def test_passes_whole_events_as_the_very_object():
    splitter = EventSplitter()
    splitter.feed(b"data: 0\n\n")
    data = b"data: 1\n\n"
    assert splitter.feed(data) is data


def test_a_line_end_is_no_event_end():
    splitter = EventSplitter()
    for piece in (b"data: 1\r", b"\n", b"data: 2\r\n", b"data: 3\n"):
        assert splitter.feed(piece) == b""
    assert splitter.feed(b"\n") == b"data: 1\r\ndata: 2\r\ndata: 3\n\n"


def test_a_crlf_torn_at_the_events_end_means_nothing():
    splitter = EventSplitter()
    assert splitter.feed(b"data: 1\r\n\r") == b"data: 1\r\n\r"
    assert splitter.feed(b"\ndata: 2\n\n") == b"\ndata: 2\n\n"


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_drops_a_byte_order_mark_at_the_beginning_only(cut):
    splitter = EventSplitter()
    stream = b"\xef\xbb\xbfdata: \xef\xbb\xbf\n\n"
    assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == b"data: \xef\xbb\xbf\n\n"


def test_a_stream_that_only_begins_like_a_mark():
    splitter = EventSplitter()
    assert splitter.feed(b"\xef") == b""
    assert splitter.feed(b"\xbbx\n\n") == b"\xef\xbbx\n\n"


def test_an_endless_event_is_refused():
    splitter = EventSplitter(event_bytes_max=100)
    assert splitter.feed(b"data: " + b"x" * 94) == b""
    with pytest.raises(EventTooLong):
        splitter.feed(b"x")


def test_a_long_event_that_is_complete_passes():
    splitter = EventSplitter(event_bytes_max=100)
    data = b"data: " + b"x" * 1000 + b"\n\n"
    assert splitter.feed(data) == data


def test_events_give_payloads():
    stream = (
        b": hello\n\nevent: a\ndata: 1\ndata:2\n\ndata\n\nid: 7\n\n"
        b"data:  two\r\n\r\ndata: [DONE]\r\rdata: last"
    )
    assert list(events(stream)) == [b"1\n2", b"", b" two", b"[DONE]", b"last"]


def test_other_fields_are_no_data():
    assert list(events(b"database: 1\n\ndata : 2\n\nDATA: 3\n\n")) == []


def test_encode_is_read_back():
    assert encode(b"x", "error") == b"event: error\ndata: x\n\n"
    assert list(events(encode(b"a\nb\r\nc"))) == [b"a\nb\nc"]


def test_comment_is_no_event():
    assert comment("cost 3") == b": cost 3\n\n"
    assert list(events(comment("cost 3"))) == []


@pytest.mark.parametrize("text", ["a\nb", "a\rb"])
def test_one_line_fields_stay_on_one_line(text):
    with pytest.raises(ValueError, match="one line"):
        comment(text)
    with pytest.raises(ValueError, match="one line"):
        encode(b"", text)
