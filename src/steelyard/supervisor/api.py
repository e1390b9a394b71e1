"""A client of control's own API over its Unix socket: what the supervisor and the commands use.

The admin token is read from the state folder at each call, so that whoever may read that folder is
the administrator, and nobody else.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from steelyard.domain.errors import SteelyardError, StoreUnavailable
from steelyard.supervisor.home import is_laid_by_another

_TIMEOUT_S = 30.0
_UPLOAD_TIMEOUT_S = 600.0
"""For a file: a price list may have a million lines, which are read, compared and recorded."""


class ApiError(SteelyardError):
    """Control refused."""

    code = "api_error"


class Api:
    """Calls control; every method blocks."""

    def __init__(self, home: Path, runtime: Path, timeout_s: float = _TIMEOUT_S) -> None:
        self._home = home
        self._socket = runtime / "control.http"
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        """Whether control is up."""
        try:
            return self._send("GET", "/api/status", None, 2.0)[0] < 500
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str, **query: str) -> Any:
        """The JSON that ``path`` answers with.

        Raises:
            StoreUnavailable: control does not run.
            ApiError: it refused, and why.
        """
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer to posting ``body`` as JSON; raises as ``get`` does."""
        return self.call("POST", path, body)

    def upload(self, path: str, data: bytes, **query: str) -> Any:
        """The JSON answer to posting a file's bytes as they are; raises as ``get`` does."""
        return self.call("POST", path, data, query)

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        """One call, with bytes or anything that is JSON as its body; raises as ``get`` does."""
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        timeout_s = _UPLOAD_TIMEOUT_S if isinstance(body, bytes) else self._timeout_s
        try:
            status, content = self._send(method, target, body, timeout_s)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise StoreUnavailable(self._absence()) from error
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnavailable(f"control does not answer: {error}") from error
        if status >= 400:
            raise refusal(status, content)
        return json.loads(content) if content else None

    def stream(self, path: str, body: Any) -> Iterator[Any]:
        """The lines of JSON that posting ``body`` is answered with, as they come.

        Raises:
            StoreUnavailable: control does not run.
            ApiError: it refused, and why.
        """
        connection = _UnixConnection(self._socket, self._timeout_s)
        try:
            headers = {**self._headers("application/json"), "accept": "application/x-ndjson"}
            connection.request("POST", quote(path), json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise refusal(answer.status, answer.read())
            for line in answer:
                yield json.loads(line)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise StoreUnavailable(self._absence()) from error
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnavailable(f"control does not answer: {error}") from error
        finally:
            connection.close()

    def apply(self) -> list[str]:
        """Has control read the configuration file again; what it says, line by line."""
        try:
            answer = self.post("/api/config/apply")
        except SteelyardError as error:
            return [f"not applied, the old configuration holds: {error.message}"]
        return [f"applied, revision {answer['revision']}", *map(str, answer["changes"])]

    def _send(self, method: str, target: str, body: Any, timeout_s: float) -> tuple[int, bytes]:
        is_file = isinstance(body, bytes)
        headers = self._headers("application/octet-stream" if is_file else "application/json")
        content = body if body is None or is_file else json.dumps(body).encode()
        connection = _UnixConnection(self._socket, timeout_s)
        try:
            connection.request(method, target, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _headers(self, kind: str) -> dict[str, str]:
        """What every call says; the token goes to no folder of another user."""
        if is_laid_by_another(self._socket.parent):
            raise PermissionError(f"{self._socket.parent} is not a folder of this user; remove it")
        headers = {"host": "localhost", "content-type": kind}
        if token := self._token():
            headers["authorization"] = f"Bearer {token}"
        return headers

    def _absence(self) -> str:
        if (self._socket.parent / "processes.json").exists():
            return "control is just being started again; try in a moment"
        return f"no steelyard runs on {self._home}; start one: steelyard serve"

    def _token(self) -> str:
        try:
            return (self._home / "admin.token").read_text("ascii").strip()
        except OSError:
            return ""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def refusal(status: int, content: bytes) -> ApiError:
    """The error that an answer in OpenAI's shape tells."""
    try:
        error = json.loads(content)["error"]
        return ApiError(str(error["message"]), code=str(error.get("code") or "api_error"))
    except (ValueError, KeyError, TypeError):
        return ApiError(f"it was answered {status}")
