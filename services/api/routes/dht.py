"""`/v1/dht`: the DHT as one of our nodes sees it, for those who look after a service."""

from __future__ import annotations

from aiohttp import web

from services.api import render, schemas
from services.api.service import answer, body_of, context_of, no_query, path_of, service_of
from shared.contracts import dht


async def status(request: web.Request) -> web.Response:
    """How a node is."""
    no_query(request)
    return answer(render.status(await service_of(request).dht_node.status(dht.Status(), context_of(request))))


async def ping(request: web.Request) -> web.Response:
    """Whether another node answers ours."""
    asked = await body_of(request, schemas.PingRequest)
    pinged = await service_of(request).dht_node.ping(dht.Ping(address=asked.address), context_of(request))
    return answer(render.pinged(asked.address, pinged))


async def lookup(request: web.Request) -> web.Response:
    """The nodes nearest to a target."""
    no_query(request)
    path = path_of(request, schemas.TargetPath)
    found = await service_of(request).dht_node.lookup(dht.Lookup(target=bytes(path.target)), context_of(request))
    return answer(render.nearest(found))


ROUTES = [
    web.get("/v1/dht/status", status, allow_head=False),
    web.post("/v1/dht/ping", ping),
    web.get("/v1/dht/lookup/{target}", lookup, allow_head=False),
]
