"""Tokens and host names."""

from __future__ import annotations

import pytest

from steelyard.control.auth import bearer, check_admin, check_host, is_admin
from steelyard.domain.errors import Forbidden, Unauthenticated


def test_the_admin_token_and_nothing_else() -> None:
    check_admin("Bearer right", "right")
    check_admin("bearer  right ", "right")
    for header in (None, "", "right", "Basic right", "Bearer", "Bearer wrong", "Bearer ríght"):
        with pytest.raises(Unauthenticated):
            check_admin(header, "right")


def test_an_empty_token_lets_nobody_in() -> None:
    assert not is_admin("", "")
    assert bearer("Bearer x") == "x"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:80",
        "[::1]",
    ],
)
def test_loopback_names_are_ours(host: str) -> None:
    check_host(host, ())


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil", "::"]
)
def test_other_names_are_not(host: str | None) -> None:
    with pytest.raises(Forbidden, match=r"admin\.hosts"):
        check_host(host, ())


def test_names_from_the_file_are_ours_too() -> None:
    check_host("Admin.Example.com:8443", ["admin.example.com"])
