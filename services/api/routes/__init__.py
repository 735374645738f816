"""The endpoints: each takes what was read from a request, calls one use case, and answers with what that found."""

from __future__ import annotations

from services.api.endpoints import Endpoint
from services.api.routes import (
    console,
    devices,
    dht,
    documentation,
    events,
    fleet,
    items,
    links,
    messages,
    mutable,
    peers,
    records,
    root,
)


def all_endpoints() -> list[Endpoint]:
    """Every endpoint of the service, in the order of the documentation."""
    return [
        *links.ENDPOINTS,
        *devices.ENDPOINTS,
        *records.ENDPOINTS,
        *messages.ENDPOINTS,
        *events.ENDPOINTS,
        *mutable.ENDPOINTS,
        *items.ENDPOINTS,
        *peers.ENDPOINTS,
        *dht.ENDPOINTS,
        *fleet.ENDPOINTS,
        *console.ENDPOINTS,
        *root.ENDPOINTS,
        *documentation.ENDPOINTS,
    ]
