"""Who may call: authentication by the hash of a key."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.domain.accounts import hash_secret
from steelyard.domain.errors import Unauthenticated
from steelyard.gateway.view import Principal, View


def authenticate(
    headers: Mapping[bytes, bytes], view: View, revoked: frozenset[bytes] | set[bytes], now_ns: int
) -> Principal:
    """The caller, by the key in ``authorization: Bearer`` (or ``x-api-key``, ``api-key``).

    Raises:
        Unauthenticated: no key, or one that is unknown, revoked or expired.
    """
    value = headers.get(b"authorization")
    if value is not None and value.startswith(b"Bearer "):
        secret = value[7:].strip()
    elif value is not None:
        scheme, _, secret = value.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated("Send the key as 'Authorization: Bearer sk-...'.")
        secret = secret.strip()
    else:
        secret = headers.get(b"x-api-key") or headers.get(b"api-key", b"")
    if not secret:
        raise Unauthenticated(
            "No API key: send it as 'Authorization: Bearer sk-...'.", code="missing_api_key"
        )
    secret_hash = hash_secret(secret)
    principal = view.principal(secret_hash)
    if principal is None or secret_hash in revoked:
        raise Unauthenticated("This API key is unknown or was revoked.")
    if principal.expires_at_ns and now_ns >= principal.expires_at_ns:
        raise Unauthenticated("This API key has expired.", code="expired_api_key")
    return principal
