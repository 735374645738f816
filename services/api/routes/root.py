"""`/`: where to go from here."""

from __future__ import annotations

from aiohttp import web

from services.api.service import no_query


async def show(request: web.Request) -> web.Response:
    """Name the service and its documentation."""
    no_query(request)
    return web.json_response({"service": "scout", "api": "/v1", "documentation": "docs/api.md"})


ROUTES = [web.get("/", show)]
