"""`/v1/items`: immutable byte strings by their hash, for anybody."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.contracts import dht
from shared.errors import ErrorCode, ScoutError
from shared.format.errors import MalformedError
from shared.format.items import content_of
from shared.json_bytes import Blob, Bytes20
from shared.moments import moment
from shared.usecases import items
from shared.usecases.keeping import kept, lasting


async def store(request: web.Request, body: schemas.ItemRequest) -> answers.ItemStoredAnswer:
    """Store a byte string, and answer with its hash."""
    return await _store(request, body)


async def store_as(request: web.Request, path: schemas.ItemPath, body: schemas.ItemRequest) -> answers.ItemStoredAnswer:
    """Store a byte string whose hash the caller knows."""
    actual = items.hash_of(body.value)
    if actual != path.hash:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            f"Expected a value whose hash is that of the path, got one with the hash {actual.hex()}.",
            facts={"hash": actual.hex()},
        )
    return await _store(request, body)


async def read(request: web.Request, path: schemas.ItemPath) -> answers.ItemAnswer:
    """The byte string under a hash."""
    value = await items.get(service_of(request).ports.dht, bytes(path.hash), context_of(request))
    return answers.ItemAnswer(value=Blob(value))


async def kept_until(request: web.Request, path: schemas.ItemPath) -> answers.ItemKeepAnswer:
    """Until when the caller's tenant has an item kept alive."""
    return await _wish(request, path, end=False)


async def release(request: web.Request, path: schemas.ItemPath) -> answers.ItemKeepAnswer:
    """Keep an item alive no longer."""
    return await _wish(request, path, end=True)


async def _wish(request: web.Request, path: schemas.ItemPath, *, end: bool) -> answers.ItemKeepAnswer:
    asked = dht.Release(target=bytes(path.hash), end=end)
    found = await service_of(request).ports.dht.release(asked, context_of(request))
    return answers.ItemKeepAnswer(kept_until=moment(found.until_ms or None), value=_content_of(found.value))


def _content_of(value: bytes | None) -> Blob | None:
    try:
        return None if value is None else Blob(content_of(value))
    except MalformedError:
        return None


async def _store(request: web.Request, asked: schemas.ItemRequest) -> answers.ItemStoredAnswer:
    reply = await items.put(service_of(request).ports.dht, bytes(asked.value), context_of(request), asked.keep)
    return answers.ItemStoredAnswer(
        hash=Bytes20(reply.target), storing=render.storing(reply.storing), **lasting(kept(reply))
    )


_READ_ERRORS = (ErrorCode.BUS_UNAVAILABLE, ErrorCode.DHT_UNAVAILABLE)
_STORE_ERRORS = (*_READ_ERRORS, ErrorCode.ITEM_TOO_LARGE, ErrorCode.NOT_STORED)

ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/items",
        store,
        Scope.RELAY,
        Tag.ITEMS,
        "Store a byte string",
        _STORE_ERRORS,
        "In the DHT, for anybody who knows its hash (BEP 44, immutable).",
        packets=50,
    ),
    Endpoint(
        "PUT",
        "/v1/items/{hash}",
        store_as,
        Scope.RELAY,
        Tag.ITEMS,
        "Store a byte string whose hash you know",
        _STORE_ERRORS,
        "The same, and a value of another hash is refused.",
        packets=50,
    ),
    Endpoint(
        "GET",
        "/v1/items/{hash}",
        read,
        Scope.RELAY,
        Tag.ITEMS,
        "The byte string under a hash",
        (*_READ_ERRORS, ErrorCode.NOT_FOUND),
        "What a node returns is checked against the hash; a value that is no byte string is as good as none.",
        packets=40,
    ),
    Endpoint(
        "GET",
        "/v1/items/{hash}/keep",
        kept_until,
        Scope.RELAY,
        Tag.ITEMS,
        "Until when you have an item kept alive",
        (ErrorCode.BUS_UNAVAILABLE,),
        "As your tenant's last `keep` said, with the content. Nobody is asked in the DHT.",
    ),
    Endpoint(
        "DELETE",
        "/v1/items/{hash}/keep",
        release,
        Scope.RELAY,
        Tag.ITEMS,
        "Keep an item alive no longer",
        (ErrorCode.BUS_UNAVAILABLE,),
        "Answers what there was to end. What other tenants asked for goes on, and nodes of the DHT hold the item for "
        "some hours yet.",
    ),
]
