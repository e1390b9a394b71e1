"""A client of control's own API over its Unix socket: what the supervisor and the commands use.

The admin token is read from the state folder at each call, so that whoever may read that folder is
the administrator, and nobody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from steelyard.domain.errors import SteelyardError, StoreUnavailable

_TIMEOUT_S = 30.0


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
            return self._send("GET", "/api/status", None, 2.0).status_code < 500
        except httpx.HTTPError:
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

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        """One call; raises as ``get`` does."""
        url = str(httpx.URL(path, params=query)) if query else path
        try:
            answer = self._send(method, url, body, self._timeout_s)
        except httpx.ConnectError as error:
            raise StoreUnavailable(
                f"no steelyard runs on {self._home}; start one: steelyard serve"
            ) from error
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"control does not answer: {error}") from error
        if answer.status_code >= 400:
            raise refusal(answer)
        return answer.json() if answer.content else None

    def apply(self) -> list[str]:
        """Has control read the configuration file again; what it says, line by line."""
        try:
            return _lines(self.post("/api/config/apply"))
        except SteelyardError as error:
            return [f"not applied, the old configuration holds: {error.message}"]

    def _send(self, method: str, url: str, body: Any, timeout_s: float) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self._socket))
        token = self._token()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(transport=transport, base_url="http://localhost") as client:
            return client.request(method, url, json=body, headers=headers, timeout=timeout_s)

    def _token(self) -> str:
        try:
            return (self._home / "admin.token").read_text("ascii").strip()
        except OSError:
            return ""


def refusal(answer: httpx.Response) -> ApiError:
    """The error that an answer of the API tells."""
    try:
        error = answer.json()["error"]
        return ApiError(str(error["message"]), code=str(error.get("code") or "api_error"))
    except (ValueError, KeyError, TypeError):
        return ApiError(f"control answered {answer.status_code}")


def _lines(answer: Any) -> list[str]:
    if not isinstance(answer, dict):
        return ["applied"]
    changes = answer.get("changes") or []
    return [f"applied, revision {answer.get('revision', '?')}", *map(str, changes)]
