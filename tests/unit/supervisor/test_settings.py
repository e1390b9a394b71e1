from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.supervisor.settings import Settings, cores


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("gateway.example", "http://gateway.example:80"),
    ],
)
def test_address_is_one_that_this_machine_can_call(host: str, address: str) -> None:
    assert Settings(Path("h"), Path("r"), host=host, port=80).address == address


def test_there_is_a_core() -> None:
    assert cores() >= 1
