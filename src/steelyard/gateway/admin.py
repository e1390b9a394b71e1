"""Everything that is not the data plane's own goes to control, byte by byte.

Pages and the admin API live in the control process behind a Unix socket; a worker only carries
them, and only for callers on this machine: elsewhere they are served on ``admin.listen``. Control
checks the Host header and the admin token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from steelyard.wire.call import Failure, Origin, PoolLimits, Timeouts
from steelyard.wire.server import Reply, Request
from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Handle, Pool

_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"content-length",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"date",
        b"expect",
    )
)
_TIMEOUTS = Timeouts(connect_s=2.0, first_byte_s=120.0, idle_s=120.0)
_LOOPBACK = ("127.", "::ffff:127.")
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"x-forwarded-host")
"""What proxies add: one on this machine carries callers from elsewhere."""
_UNAVAILABLE = b'{"error":{"message":"The control plane is away; calls to models go on.","type":\
"server_error","param":null,"code":"control_unavailable"}}'


class AdminRelay:
    """Carries requests to control's HTTP socket."""

    def __init__(self, path: str, wheel: TimerWheel, pool_limits: PoolLimits | None = None) -> None:
        limits = pool_limits or PoolLimits(connections_max=64, queue_max=256)
        self._pool = Pool(Origin(uds=path), limits, wheel, asyncio.get_running_loop())

    def carry(self, request: Request, reply: Reply) -> None:
        """Sends the request on and the answer back."""
        lines = [b"%b %b HTTP/1.1\r\n" % (request.method, request.target)]
        lines += [
            b"%b: %b\r\n" % (name, value)
            for name, value in request.headers.items()
            if name not in _HOP_BY_HOP
        ]
        lines.append(b"x-forwarded-for: %b\r\n" % request.peer.encode())
        lines.append(b"content-length: %d\r\n\r\n" % len(request.body))
        lines.append(request.body)
        carried = _Carried(reply)
        handle = self._pool.send(
            b"".join(lines), carried, _TIMEOUTS, is_head=request.method == b"HEAD"
        )
        carried.begin(handle)

    def close(self) -> None:
        """Closes the pool."""
        self._pool.close()


def is_local(peer: str) -> bool:
    """Whether a peer's address is on this machine; a Unix socket's peer is."""
    return not peer or peer == "::1" or peer.startswith(_LOOPBACK)


def is_forwarded(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a proxy says that it carries somebody else's request."""
    return any(name in headers for name in _FORWARDED)


class _Carried:
    """One answer of control on its way back; a ``wire`` sink."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def begin(self, handle: Handle) -> None:
        self._reply.flow = handle
        self._reply.on_gone = handle.cancel

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        kept = [
            b"%b: %b\r\n" % (name, value)
            for name, value in headers.items()
            if name not in _HOP_BY_HOP
        ]
        self._reply.start(status, b"".join(kept))

    def on_body(self, data: bytes) -> None:
        self._reply.write(data)

    def on_end(self) -> None:
        self._reply.flow = None
        self._reply.end()

    def on_failed(self, failure: Failure) -> None:
        self._reply.flow = None
        if self._reply.is_started:
            self._reply.abort()
        elif self._reply.is_open:
            self._reply.respond(503, b"content-type: application/json\r\n", _UNAVAILABLE)
