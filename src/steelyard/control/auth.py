"""Who may use the API: the admin token for everything, a caller's own key for its own calls.

The Host header is checked too: a page on another site that makes a browser resolve its name to
this machine (DNS rebinding) sends its own name there.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection

from steelyard.domain.errors import Forbidden, Unauthenticated


def bearer(authorization: str | None) -> str:
    """The secret in an ``Authorization: Bearer`` header.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Send the admin token as 'Authorization: Bearer …'.")
    return secret.strip()


def is_admin(secret: str, admin_token: str) -> bool:
    """Whether ``secret`` is the admin token; takes as long for a near miss as for a far one."""
    return bool(admin_token) and hmac.compare_digest(secret.encode(), admin_token.encode())


def check_admin(authorization: str | None, admin_token: str) -> None:
    """Holds a call to the admin token.

    Raises:
        Unauthenticated: no token, or another.
    """
    if not is_admin(bearer(authorization), admin_token):
        raise Unauthenticated("This is not the admin token; it lies in admin.token.")


def check_host(host: str | None, allowed: Collection[str]) -> None:
    """Holds a call to the names this steelyard goes by: loopback, and those the file names.

    Raises:
        Forbidden: the Host header names something else.
    """
    name = _without_port(host or "").lower()
    if name in ("localhost", *(a.lower() for a in allowed)):
        return
    try:
        is_loopback = ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Forbidden(
            "This host name is not one of admin.hosts in steelyard.yaml.", code="host_not_allowed"
        )


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdecimal() and not name.endswith(":") else host
