"""Control's end of the workers' links: frames in, news out.

A frame is a length (u32, little-endian) and a msgpack array; what the arrays mean stands in
``docs/design/interfaces.md``. A worker that sends nonsense loses its link and connects again. A
closed link says nothing about leases: only the journal does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger(__name__)

FRAME_BYTES_MAX = 1 << 20
_WRITE_BUFFER_MAX = 64 << 20
"""A worker that does not read its link for this long is cut off."""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])


class WorkerLink:
    """One worker's link."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.incarnation = 0
        """0 until it has said hello."""
        self.worker = -1
        self.pid = 0
        self.revision = 0
        """Of the snapshot that the worker serves from."""
        self.loads = 0
        """Snapshots that the worker has taken up since it connected."""

    @property
    def is_open(self) -> bool:
        """Whether the worker is still there."""
        return not self._writer.transport.is_closing()

    def send(self, *fields: object) -> None:
        """Sends one frame; a link that is gone or full loses it."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _WRITE_BUFFER_MAX:
            transport.abort()
            return
        body = _encoder.encode(fields)
        self._writer.write(len(body).to_bytes(4, "little") + body)


class LinkServer:
    """All links; hands frames to ``on_frame`` and greets each worker through ``on_hello``."""

    def __init__(
        self,
        on_frame: Callable[[WorkerLink, str, list[Any]], None],
        on_hello: Callable[[WorkerLink], None],
    ) -> None:
        self._on_frame = on_frame
        self._on_hello = on_hello
        self._server: asyncio.Server | None = None
        self.links: set[WorkerLink] = set()
        """Workers that have said hello."""
        self.taken = asyncio.Event()
        """Set whenever a worker has taken up a snapshot, or left."""

    async def open(self, path: Path) -> None:
        """Starts to listen; a socket left by a dead control is replaced."""
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        """Stops listening and ends all links."""
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link._writer.close()

    def broadcast(self, *fields: object) -> None:
        """Sends one frame to all workers."""
        for link in self.links:
            link.send(*fields)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = WorkerLink(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "little")
                if length > FRAME_BYTES_MAX:
                    raise ValueError(f"a frame of {length} bytes")
                fields = _decoder.decode(await reader.readexactly(length))
                self._take(link, fields)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (ValueError, TypeError, IndexError, msgspec.MsgspecError) as error:
            log.error(
                "worker %d (incarnation %d) sent nonsense: %s", link.worker, link.incarnation, error
            )
        finally:
            self.links.discard(link)
            writer.close()
            self.taken.set()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _take(self, link: WorkerLink, fields: list[Any]) -> None:
        kind = fields[0]
        if kind == "hello":
            link.incarnation, link.worker, link.pid, link.revision = map(int, fields[1:5])
            self.links.add(link)
            self._on_hello(link)
        elif not link.incarnation:
            raise ValueError(f"{kind!r} before hello")
        elif kind == "loaded":
            link.revision = int(fields[1])
            link.loads += 1
            self.taken.set()
        else:
            self._on_frame(link, kind, fields[1:])
