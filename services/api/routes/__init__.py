"""The endpoints: each reads a request, calls one use case, and renders what it answers."""

from __future__ import annotations

from aiohttp import web

from services.api.routes import devices, dht, items, links, messages, records, root


def all_routes() -> list[web.RouteDef]:
    """Every endpoint of the service."""
    return [*root.ROUTES, *links.ROUTES, *devices.ROUTES, *records.ROUTES, *messages.ROUTES, *items.ROUTES, *dht.ROUTES]
