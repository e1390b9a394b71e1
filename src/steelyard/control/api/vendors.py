"""Vendors that channels may name: what their presets know."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control.api.web import admin, control_of, listed
from steelyard.control.configuration.presets import vendor_rows


@admin
async def list_vendors(request: Request) -> Response:
    """All vendors, packaged and one's own, with the channels that use them; one by ``?name=``."""
    config, name = control_of(request).config, request.query_params.get("name")
    return listed(vendor_rows(config, name))


routes = [Route("/api/vendors", list_vendors)]
