import pytest

from steelyard.wire.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk
from steelyard.wire.errors import BadChunk


def decode(*pieces: bytes) -> tuple[bytes, ChunkedDecoder]:
    decoder = ChunkedDecoder()
    return b"".join(decoder.feed(piece) for piece in pieces), decoder


def test_round_trip():
    body, decoder = decode(encode_chunk(b"hello ") + encode_chunk(b"world") + LAST_CHUNK)
    assert body == b"hello world"
    assert decoder.is_done
    assert decoder.rest == b""


def test_one_chunk_per_read_is_given_as_it_is():
    body, decoder = decode(b"5\r\nhello\r\n", b"A\r\n0123456789\r\n", b"0\r\n\r\nGET")
    assert body == b"hello0123456789"
    assert decoder.is_done
    assert decoder.rest == b"GET"


def test_any_single_cut_gives_the_same():
    raw = b"3;a=b\r\nabc\r\n00b \r\nhello\r\nworl\r\n0\r\nx-trailer: y\r\n\r\nrest"
    raw = raw.replace(b"00b \r\n", b"00b ;x\r\n")
    for cut in range(len(raw)):
        body, decoder = decode(raw[:cut])
        if not decoder.is_done:
            body += decoder.feed(raw[cut:])
            assert decoder.rest == b"rest"
        assert body == b"abchello\r\nworl"


@pytest.mark.parametrize(
    "raw",
    [
        b"0x5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"1_0\r\n0123456789abcdef\r\n",
        b" 5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"\r\nhello\r\n",
        b"g\r\n",
        b";ext\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n",
        b"123456789\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"5" + b"0" * 600,
        b"5;" + b"a" * 600 + b"\r\n",
        b"5;\x00\r\nhello\r\n",
        b"0\r\nno-colon\r\n\r\n",
        b"0\r\n: x\r\n\r\n",
        b"0\r\nname : x\r\n\r\n",
        b"0\r\nname: x\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nname: " + b"x" * 600,
    ],
)
@pytest.mark.parametrize("is_bytewise", [False, True])
def test_refuses(raw, is_bytewise):
    pieces = [raw[i : i + 1] for i in range(len(raw))] if is_bytewise else [raw]
    with pytest.raises(BadChunk):
        decode(*pieces)


@pytest.mark.parametrize("line", [b"1;" + b"e" * 400 + b"\r\nx\r\n", b"0\r\n"])
def test_extensions_and_trailers_are_bounded_in_sum(line):
    more = line if line[:1] == b"1" else b"name: " + b"v" * 400 + b"\r\n"
    with pytest.raises(BadChunk, match="too many"):
        decode(line, *[more] * 50)


def test_upper_and_lower_case_sizes():
    assert decode(b"a\r\n0123456789\r\nA\r\n0123456789\r\n")[0] == b"0123456789" * 2
