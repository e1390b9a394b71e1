"""Laws of the chunked coding: any tearing gives the same body, and nothing bad gets through."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from steelyard.wire.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk
from steelyard.wire.errors import BadChunk

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
CUTS = st.lists(st.integers(0, 400), max_size=20)


def torn(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    return [stream[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def decode(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """Returns the body, and the bytes after it, or None if it is not complete."""
    decoder = ChunkedDecoder()
    body = b""
    for i, piece in enumerate(pieces):
        body += decoder.feed(piece)
        if decoder.is_done:
            return body, decoder.rest + b"".join(pieces[i + 1 :])
    return body, None


@given(BODIES, CUTS, st.sampled_from([b"", b"x-a: b\r\n"]), st.binary(max_size=10))
def test_any_tearing_gives_the_same_body(parts, cuts, trailer, rest):
    raw = b"".join(map(encode_chunk, parts)) + LAST_CHUNK[:-2] + trailer + b"\r\n" + rest
    assert decode(torn(raw, cuts)) == (b"".join(parts), rest)


@given(
    st.lists(
        st.sampled_from(
            [b"0", b"1", b"5", b"a", b"\r\n", b"\r", b"\n", b";", b"x", b" ", b":", b"+", b"_"]
        ),
        max_size=24,
    ).map(b"".join),
    CUTS,
)
def test_tearing_never_changes_what_is_accepted(raw, cuts):
    outcomes: list[object] = []
    for pieces in ([raw], torn(raw, cuts), [raw[i : i + 1] for i in range(len(raw))]):
        outcome: object = "refused"
        with contextlib.suppress(BadChunk):
            outcome = decode(pieces)
        # Whether a hopeless beginning is refused now or when more comes may depend on the tearing;
        # a complete body may not.
        outcomes.append(outcome if isinstance(outcome, tuple) and outcome[1] is not None else None)
    assert outcomes[0] == outcomes[1] == outcomes[2]
