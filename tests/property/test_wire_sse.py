"""Law: however a stream of events is torn, it is the same stream with the same events."""

from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.wire.sse import BOM, EventSplitter, encode, events

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [b"", b"", b"data: a", b"data:b", b"data", b": c", b"event: d", b"data: \xe2\x82\xac", b"x"]
)
STREAMS = st.builds(
    lambda mark, lines: mark + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", BOM]),
    st.lists(st.tuples(LINES, LINE_ENDS), max_size=30),
)
CUTS = st.lists(st.integers(0, 400), max_size=30)


def torn(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    return [stream[start:end] for start, end in zip(edges, edges[1:], strict=False)]


@given(STREAMS, CUTS)
def test_any_tearing_gives_the_same_stream_and_events(stream, cuts):
    splitter = EventSplitter()
    ready = [splitter.feed(piece) for piece in torn(stream, cuts)]
    assert b"".join(ready) + splitter.pending == stream.removeprefix(BOM)
    # Taken apart piece by piece, as the meter does, no event is lost, doubled or cut in half.
    by_piece = [payload for part in ready for payload in events(part)]
    assert by_piece + list(events(splitter.pending)) == list(events(stream))


@given(STREAMS, CUTS)
@example(BOM + b"event: d\nevent: d\nx\n\n\n", [24])
def test_an_event_is_never_held_back_once_it_is_complete(stream, cuts):
    splitter = EventSplitter()
    fed = b""
    ready = b""
    for piece in torn(stream, cuts):
        fed += piece
        ready += splitter.feed(piece)
        # An empty line behind an event is none of its own, and may wait for what follows.
        assert list(events(ready)) == list(events(EventSplitter().feed(fed)))


@given(st.binary(), st.sampled_from([None, "error"]))
def test_what_is_encoded_is_read_back(data, event):
    (payload,) = events(encode(data, event))
    assert payload == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
