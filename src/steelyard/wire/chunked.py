"""The chunked transfer coding, read strictly and written; sans-I/O.

One decoder serves both directions. It gives all data of one read at once, joined, so that what
comes after it is called once per read and not once per chunk.
"""

from steelyard.wire.errors import BadChunk

SIZE_DIGITS_MAX = 8
"""Hexadecimal digits of a chunk size; 4 GiB in one chunk is absurd for any of our bodies."""

LINE_BYTES_MAX = 512
"""Bytes of one size line with its extensions, or of one trailer line."""

EXTRAS_BYTES_MAX = 16 * 1024
"""Bytes of all extensions and trailers of one body; they are dropped, so they must stay few."""

_HEX = b"0123456789abcdefABCDEF"
# Tab and visible ASCII and what lies above: all a line of text may hold.
_TEXT = bytes(c for c in range(256) if c == 9 or (c >= 32 and c != 127))

LAST_CHUNK = b"0\r\n\r\n"


# What is expected next.
_SIZE, _DATA, _DATA_END, _TRAILER = range(4)


class ChunkedDecoder:
    """Takes the bytes of a chunked body in any pieces, gives its data.

    Once `is_done` is true, `rest` holds the bytes after the body, and nothing more may be fed.
    """

    __slots__ = ("_extras", "_left", "_partial", "_state", "is_done", "rest")

    def __init__(self) -> None:
        self._state = _SIZE
        self._left = 0
        self._partial = b""
        self._extras = 0
        self.is_done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Returns the body's data in `data`, which may be nothing.

        Raises:
            BadChunk: The framing is broken or passes a bound.
        """
        if self._partial:
            data = self._partial + data
            self._partial = b""
        elif self._state == _SIZE:
            # One event, one chunk, one read: what vendors' streams look like almost always.
            stop = data.find(b"\r\n", 0, SIZE_DIGITS_MAX + 2)
            if stop > 0 and not data[:stop].translate(None, _HEX):
                size = int(data[:stop], 16)
                if size and len(data) == stop + size + 4 and data.endswith(b"\r\n"):
                    return data[stop + 2 : -2]
        return self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        at = 0
        end = len(data)
        while at < end:
            state = self._state
            if state == _DATA:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                if self._left:
                    break
                self._state = _DATA_END
            elif state == _DATA_END:
                if end - at < 2 and data[at] == 13:
                    self._partial = data[at:]
                    break
                if data[at : at + 2] != b"\r\n":
                    raise BadChunk("a chunk does not end where it said")
                at += 2
                self._state = _SIZE
            else:
                stop = data.find(b"\r\n", at, at + LINE_BYTES_MAX)
                if stop < 0:
                    self._keep_line(data[at:])
                    break
                self._read_line(data[at:stop])
                at = stop + 2
                if self.is_done:
                    self.rest = data[at:]
                    break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _keep_line(self, partial: bytes) -> None:
        # A last CR may be half of the line's end; all before it must be text already, so that
        # a body with bare line feeds is refused now and not at the bound.
        if len(partial) >= LINE_BYTES_MAX or partial.removesuffix(b"\r").translate(None, _TEXT):
            raise BadChunk("malformed or endless line in a chunked body")
        self._partial = partial

    def _read_line(self, line: bytes) -> None:
        if self._state == _TRAILER:
            self._read_trailer(line)
            return
        if line.translate(None, _HEX):
            line = self._without_extension(line)
        if not line or len(line) > SIZE_DIGITS_MAX:
            raise BadChunk("malformed chunk size")
        self._left = int(line, 16)
        self._state = _DATA if self._left else _TRAILER

    def _without_extension(self, line: bytes) -> bytes:
        size, semicolon, extension = line.partition(b";")
        size = size.rstrip(b" \t")
        if not semicolon or size.translate(None, _HEX) or extension.translate(None, _TEXT):
            raise BadChunk("malformed chunk size")
        self._count(line)
        return size

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self.is_done = True
            return
        name, colon, _ = line.partition(b":")
        if not colon or not name or line.translate(None, _TEXT) or b" " in name or b"\t" in name:
            raise BadChunk("malformed trailer")
        self._count(line)

    def _count(self, line: bytes) -> None:
        self._extras += len(line)
        if self._extras > EXTRAS_BYTES_MAX:
            raise BadChunk("too many chunk extensions or trailers")


def encode_chunk(data: bytes) -> bytes:
    """Returns `data`, which must not be empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
