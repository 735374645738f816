"""`/v1/items`: immutable byte strings by their hash, for anybody."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.service import answer, body_of, context_of, no_query, path_of, service_of
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import Blob, Bytes20
from shared.usecases import items
from shared.usecases.keeping import kept


async def store(request: web.Request) -> web.Response:
    """Store a byte string, and answer with its hash."""
    return await _store(request, await body_of(request, schemas.ItemRequest))


async def store_as(request: web.Request) -> web.Response:
    """Store a byte string whose hash the caller knows."""
    path = path_of(request, schemas.ItemPath)
    asked = await body_of(request, schemas.ItemRequest)
    actual = items.hash_of(asked.value)
    if actual != path.hash:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"Expected a value whose hash is that of the path, got one with the hash {actual.hex()}.",
            facts={"hash": actual.hex()},
        )
    return await _store(request, asked)


async def read(request: web.Request) -> web.Response:
    """The byte string under a hash."""
    no_query(request)
    path = path_of(request, schemas.ItemPath)
    value = await items.get(service_of(request).ports.dht, bytes(path.hash), context_of(request))
    return answer(answers.ItemAnswer(value=Blob(value)))


async def _store(request: web.Request, asked: schemas.ItemRequest) -> web.Response:
    reply = await items.put(service_of(request).ports.dht, bytes(asked.value), context_of(request), asked.keep)
    return answer(
        answers.ItemStoredAnswer(
            hash=Bytes20(reply.target), storing=render.storing(reply.storing), **render.lasting(kept(reply))
        )
    )


ROUTES = [
    web.post("/v1/items", store),
    web.put("/v1/items/{hash}", store_as),
    web.get("/v1/items/{hash}", read, allow_head=False),
]
