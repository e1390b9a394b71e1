"""Published claims held against the book: those that are shipped, or those of the caller's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import Body, admin, answer, body_of, control_of
from steelyard.control.prices.exchange import exchange_of
from steelyard.domain.errors import InvalidRequest
from steelyard.pricebook import shipped
from steelyard.pricebook.claims import (
    Claim,
    ClaimError,
    Outcome,
    Verdict,
    differences,
    judge_all,
    read_claims,
    unexplained,
)
from steelyard.pricebook.market import Market
from steelyard.pricebook.wording import decimal_text
from steelyard.store import listings

_DIGITS = 15


class _File(Body):
    """Claims of the caller's own."""

    text: str
    """YAML, as ``docs/howto/check-a-claim.md`` describes."""


@admin
async def show_shipped(request: Request) -> Response:
    """The verdicts over the shipped claims, or over those of ``?text=``."""
    text = request.query_params.get("text")
    data = shipped.read("claims.yaml") if text is None else text.encode()
    return await _judged(request, data)


@admin
async def show_own(request: Request) -> Response:
    """The verdicts over the claims in the body."""
    body = await body_of(request, _File)
    return await _judged(request, body.text.encode())


async def _judged(request: Request, data: bytes) -> Response:
    try:
        claims = read_claims(data)
        verdicts = await control_of(request).read(lambda c: _verdicts(c, claims))
    except ClaimError as error:
        raise InvalidRequest(str(error)) from error
    return answer(
        {
            "object": "list",
            "data": [verdict_row(verdict) for verdict in verdicts],
            "unexplained": unexplained(verdicts),
        }
    )


def _verdicts(connection: Connection, claims: Sequence[Claim]) -> list[Verdict]:
    wanted = {
        (named.listing.vendor, named.listing.model)
        for claim in claims
        for named in claim.listings.values()
    }
    lines = [line for pair in sorted(wanted) for line in listings.load(connection, *pair)]
    market = Market(lines, listings.facts(connection))
    return judge_all(claims, market, exchange_of(connection).rate)


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON; exact numbers as text."""
    claim = verdict.claim
    return {
        "id": claim.claim_id,
        "published": claim.published,
        "text": claim.text,
        "text_zh": claim.text_zh,
        "source": claim.source,
        "status": verdict.status.value,
        "limits": verdict.limits,
        "differences": differences(verdict),
        "computed": [_computed(outcome) for outcome in verdict.outcomes],
    }


def _computed(outcome: Outcome) -> dict[str, Any]:
    value, reading = outcome.value, outcome.reading
    amount = None
    if value is not None:
        is_day = value.unit == "day"
        amount = str(value.amount) if is_day else decimal_text(value.amount, _DIGITS)  # type: ignore[arg-type]
    return {
        "says": outcome.part.says,
        "reading": reading.name,
        "kind": reading.kind,
        "value": amount,
        "unit": value.unit if value is not None else None,
        "shown": str(value) if value is not None else None,
        "fits": outcome.fits,
        "expected": reading.expect or None,
        "problem": outcome.problem,
        "limits": outcome.limits,
        "inputs": [used._asdict() for used in outcome.inputs],
    }


routes = [
    Route("/api/prices/claims", show_shipped),
    Route("/api/prices/claims", show_own, methods=["POST"]),
]
