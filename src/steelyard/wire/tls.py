"""TLS contexts for upstream connections: verified, and resuming sessions.

asyncio and uvloop have no argument for a session to resume. Both make the connection's TLS object
with `SSLContext.wrap_bio`, so a context of our own can slip the last session in there. With TLS 1.3
the ticket arrives after the handshake, together with the first answer; that is why the pool
hands the session over when a call is complete and not when the connection is made.

What this does not do: 0-RTT data (Python exposes none; and a replayed request would be a second
bill). Tickets are used more than once, which lets an observer link our connections; both ends of a
gateway's connection are known anyhow. Keep-alive saves far more than resumption.
"""

import ssl
from typing import Any

SESSIONS_MAX = 256
"""Host names whose last session is remembered per context."""


class ResumingContext(ssl.SSLContext):
    """A client context that offers each host the session it had with it last."""

    _sessions: dict[str | bytes | None, ssl.SSLSession]

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Makes a connection's TLS object, with the remembered session of its host."""
        if kwargs.get("session") is None and not kwargs.get("server_side"):
            kwargs["session"] = self._remembered().get(kwargs.get("server_hostname"))
        return super().wrap_bio(*args, **kwargs)

    def remember(self, ssl_object: ssl.SSLObject) -> None:
        """Keeps the session of an established connection for the next one to the same host."""
        session = ssl_object.session
        if session is None or not session.has_ticket:
            return
        sessions = self._remembered()
        if len(sessions) >= SESSIONS_MAX and ssl_object.server_hostname not in sessions:
            sessions.clear()
        sessions[ssl_object.server_hostname] = session

    def _remembered(self) -> dict[str | bytes | None, ssl.SSLSession]:
        # SSLContext is made in __new__, with arguments of its own; so no __init__ here.
        if not hasattr(self, "_sessions"):
            self._sessions = {}
        return self._sessions


def tls_context(ca_file: str | None = None) -> ResumingContext:
    """Returns a context that verifies the peer's certificate and host name.

    Args:
        ca_file: PEM file of the authorities to trust, instead of the system's.

    Raises:
        OSError: The file cannot be read.
        ssl.SSLError: The file holds no certificate.
    """
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context
