"""What every handler shares: who calls, bodies checked, errors in OpenAI's shape.

Messages of our own errors are written for strangers; of any other error only its kind is told, and
the log has the rest. Secrets are in neither.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from steelyard.control.auth import check_admin, check_host
from steelyard.control.control import Control
from steelyard.domain.errors import InvalidRequest, SteelyardError, TooLarge
from steelyard.domain.instants import instant_ns

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 16 * 2**20
_DIGITS_MAX = 9
Handler = Callable[[Request], Awaitable[Response]]
_Body = TypeVar("_Body", bound="Body")


class Body(BaseModel):
    """A request's body: unknown keys refused, nothing guessed."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)


def control_of(request: Request) -> Control:
    """The control that serves this request."""
    control: Control = request.app.state.control
    return control


def admin(handler: Handler) -> Handler:
    """``handler`` for whoever has the admin token only."""

    async def guarded(request: Request) -> Response:
        check_admin(request.headers.get("authorization"), control_of(request).admin_token)
        return await handler(request)

    return guarded


def check_host_of(request: Request) -> None:
    """Holds a request to the names that steelyard goes by.

    Raises:
        Forbidden: it names another host.
    """
    config = control_of(request).config
    allowed = set(config.admin.hosts) if config is not None else set()
    if config is not None and config.admin.listen is not None:
        allowed.add(config.admin.listen.rpartition(":")[0])
    check_host(request.headers.get("host"), allowed)


async def body_of(request: Request, model: type[_Body]) -> _Body:
    """The request's JSON body.

    Raises:
        InvalidRequest: it is no JSON, or not what is asked for; all mistakes are named.
        TooLarge: it is.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise TooLarge(f"A body may have {BODY_BYTES_MAX >> 20} MiB.")
    try:
        return model.model_validate_json(bytes(raw) or b"{}")
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidRequest("; ".join(found[:10])) from None


def listed(rows: list[Any], **more: Any) -> Response:
    """A list as OpenAI's API shows lists."""
    return answer({"object": "list", "data": rows, **more})


def answer(value: Any, status: int = 200) -> Response:
    """JSON; exact numbers (``Decimal``, ``Fraction``) as text, instants as ISO 8601."""
    return Response(as_json(value), status, media_type="application/json")


def as_json(value: Any) -> bytes:
    """The same as bytes, on one line; half a surrogate pair, which a model may write, escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain).encode()
    except UnicodeEncodeError:
        return json.dumps(value, default=_plain).encode()


async def on_error(request: Request, error: Exception) -> Response:
    """Any error as a JSON body in OpenAI's shape."""
    if not isinstance(error, SteelyardError):
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        error = SteelyardError("Something went wrong inside steelyard; the log has more.")
    shown: dict[str, Any] = {
        "message": error.message,
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }
    findings = getattr(error, "findings", None)
    if findings is not None:
        shown["findings"] = [asdict(finding) for finding in findings]
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(int(error.retry_after_s) + 1)
    told = answer({"error": shown}, error.status)
    told.headers.update(headers)
    return told


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, tuple | set | frozenset):
        return sorted(value)
    return str(value)


def asked_count(name: str, text: str | None, default: int) -> int:
    """The count in a parameter.

    Raises:
        InvalidRequest: it is none, or one that nobody means.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        raise InvalidRequest(f"{name}: write a whole number from 0", param=name)
    return int(text)


def asked_ns(name: str, text: str | None, default: int = 0) -> int:
    """The instant (UTC nanoseconds) in a parameter; of a day the first one, without a zone UTC.

    Raises:
        InvalidRequest: it is none.
    """
    if text is None:
        return default
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{name}: write a day or an instant, such as 2026-11-21"
        raise InvalidRequest(message, param=name) from error
    found = instant_ns(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    # Nothing was booked before 1970 or will be after 2262; no database takes more than 63 bits.
    return min(max(found, 0), 2**63 - 1)
