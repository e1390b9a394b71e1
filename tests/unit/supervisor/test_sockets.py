from __future__ import annotations

import socket

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.supervisor import sockets


def test_all_sockets_share_one_port_and_each_takes_connections() -> None:
    listeners = sockets.bind("127.0.0.1", 0, 3)
    ports = {listener.getsockname()[1] for listener in listeners}
    assert len(ports) == 1
    with socket.create_connection(("127.0.0.1", ports.pop()), timeout=2):
        pass
    for listener in listeners:
        listener.close()


def test_port_taken_is_seen_even_when_the_other_shares_it() -> None:
    with sockets.bind("127.0.0.1", 0, 1)[0] as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} .* is taken") as caught:
            sockets.bind("127.0.0.1", port, 1, wait_s=0.1)
    assert "\n" not in caught.value.message


def test_port_that_frees_itself_in_time_is_taken() -> None:
    closed = sockets.bind("127.0.0.1", 0, 1)[0]
    port = closed.getsockname()[1]
    closed.close()
    listeners = sockets.bind("127.0.0.1", port, 2)
    assert {listener.getsockname()[1] for listener in listeners} == {port}
    for listener in listeners:
        listener.close()


def test_address_of_nobody_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match="no such address"):
        sockets.bind("no.such.host.invalid", 0, 1)
