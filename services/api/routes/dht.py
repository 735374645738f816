"""`/v1/dht`: the DHT as one of our nodes sees it, for those who look after a service."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.contracts import dht
from shared.errors import ErrorCode


async def status(request: web.Request) -> answers.StatusAnswer:
    """How a node is."""
    return render.status(await service_of(request).dht_node.status(dht.Status(), context_of(request)))


async def ping(request: web.Request, body: schemas.PingRequest) -> answers.PingAnswer:
    """Whether another node answers ours."""
    pinged = await service_of(request).dht_node.ping(dht.Ping(address=body.address), context_of(request))
    return render.pinged(body.address, pinged)


async def lookup(request: web.Request, path: schemas.TargetPath) -> answers.NearestAnswer:
    """The nodes nearest to a target."""
    found = await service_of(request).dht_node.lookup(dht.Lookup(target=bytes(path.target)), context_of(request))
    return render.nearest(found)


_ERRORS = (ErrorCode.BUS_UNAVAILABLE, ErrorCode.DHT_UNAVAILABLE)

ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/dht/status",
        status,
        Scope.ADMIN,
        Tag.DHT,
        "How a node is",
        _ERRORS,
        "With several DHT nodes, whichever takes the request answers.",
    ),
    Endpoint(
        "POST",
        "/v1/dht/ping",
        ping,
        Scope.ADMIN,
        Tag.DHT,
        "Whether another node answers ours",
        _ERRORS,
        'An IP address and a port, no name. Silence is `"answered": false`, not an error; `seen_as` is our node as '
        "the other one sees it (BEP 42).",
        packets=1,
    ),
    Endpoint(
        "GET",
        "/v1/dht/lookup/{target}",
        lookup,
        Scope.RELAY,
        Tag.DHT,
        "The nodes nearest to a target",
        _ERRORS,
        "Asks its way towards the target, and shows the nearest nodes that answered, at most eight.",
        packets=40,
    ),
]
