"""Everything about prices over the API: one file per group, each with its ``routes``."""

from __future__ import annotations

from starlette.routing import Route

from steelyard.control.api.prices import book, changes, claims, market, what_if

routes: list[Route] = [
    *book.routes,
    *changes.routes,
    *claims.routes,
    *market.routes,
    *what_if.routes,
]
