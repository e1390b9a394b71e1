"""The listening sockets, which the supervisor owns.

One per worker, all on the same port (SO_REUSEPORT): the kernel spreads connections over them, and
because the supervisor keeps each open, connections that wait in a killed worker's queue are taken
up by its successor instead of being reset.
"""

from __future__ import annotations

import errno
import socket
import time

from steelyard.domain.errors import ConfigError

BACKLOG = 2048
"""Connections that may wait per worker; the kernel cuts this to ``net.core.somaxconn``."""
BIND_WAIT_S = 2.0
"""How long a port may be taken by what is just ending, for all we know."""


def bind(host: str, port: int, count: int, wait_s: float = BIND_WAIT_S) -> list[socket.socket]:
    """``count`` listening sockets on one address; with port 0, on one free port.

    Args:
        host: name or address.
        port: of all of them.
        count: one for each worker.
        wait_s: how long a port that is taken may take to become free.

    Raises:
        ConfigError: the port is taken or not ours to take, or there is no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(f"no such address to listen on: {host!r}") from error
    if port:
        _check_free(family, address, (host, port), wait_s)
    sockets: list[socket.socket] = []
    for _ in range(count):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(BACKLOG)
        sockets.append(listener)
        address = listener.getsockname()
    return sockets


def _check_free(
    family: int, address: tuple[object, ...], named: tuple[str, int], wait_s: float
) -> None:
    """Sees whether anyone listens on the port.

    Two supervisors of one user could both bind it with SO_REUSEPORT and would then share the
    connections between two ledgers; a socket without that option sees the other.
    """
    deadline = time.monotonic() + wait_s
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                return
            except OSError as error:
                if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise ConfigError(_why_not(error, *named)) from error


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another: PORT={port + 1} make run"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one above 1023"
    return f"cannot listen on {host}:{port}: {error.strerror}"
