"""`/v1/mutable`: signed values as their owners made them, for those who keep their keys to themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag
from services.api.scopes import Scope
from services.api.service import context_of, service_of
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import Bytes20
from shared.moments import moment
from shared.usecases import mutable
from shared.usecases.keeping import lasting
from shared.usecases.mutable import Address, Ahead, Signed


async def read(request: web.Request, path: schemas.MutablePath, query: schemas.MutableQuery) -> answers.MutableAnswer:
    """Every version of an item."""
    at = Address(bytes(path.public_key), bytes(query.salt))
    settle = query.read == "settled"
    found = await mutable.get(service_of(request).ports.dht, at, context_of(request), settle=settle)
    return render.versions(found)


async def store(
    request: web.Request, path: schemas.MutablePath, query: schemas.SaltQuery, body: schemas.SignedRequest
) -> answers.RelayedAnswer:
    """Store a version."""
    at = Address(bytes(path.public_key), bytes(query.salt))
    signed = Signed(bytes(body.v), body.seq, bytes(body.sig))
    seen = None if body.seen is None else [bytes(signature) for signature in body.seen]
    relayed = await mutable.put(service_of(request).ports.dht, at, signed, seen, body.keep, context_of(request))
    return answers.RelayedAnswer(
        target=Bytes20(relayed.target), storing=render.storing(relayed.storing), **lasting(relayed.kept)
    )


async def store_ahead(request: web.Request, body: schemas.AheadRequest) -> answers.AheadAnswer:
    """Hand versions over for a time to come."""
    versions = [_ahead(version) for version in body.versions]
    kept = await mutable.put_ahead(service_of(request).ports.dht, versions, context_of(request))
    return answers.AheadAnswer(kept_until=moment(kept.until_ms or None), keep_error=kept.refused or None)


def _ahead(version: schemas.AheadVersion) -> Ahead:
    return Ahead(
        at=Address(bytes(version.public_key), bytes(version.salt)),
        signed=Signed(bytes(version.v), version.seq, bytes(version.sig)),
        from_ms=_unix_ms(version.start),
        until_ms=0 if version.end is None else _unix_ms(version.end),
    )


def _unix_ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected times with their offset from UTC, such as 12:00:00Z.")
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


_ERRORS = (ErrorCode.BUS_UNAVAILABLE, ErrorCode.DHT_UNAVAILABLE)
_PUT_ERRORS = (*_ERRORS, ErrorCode.CONFLICT, ErrorCode.NOT_STORED, ErrorCode.ITEM_TOO_LARGE)

ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/mutable/{public_key}",
        read,
        Scope.RELAY,
        Tag.MUTABLE,
        "Every version of a signed item",
        _ERRORS,
        "As nodes hold it, signatures checked; what is inside is its owners' business. Merge what you can open, and "
        "name all signatures in `seen` when you write.",
        packets=40,
    ),
    Endpoint(
        "PUT",
        "/v1/mutable/{public_key}",
        store,
        Scope.RELAY,
        Tag.MUTABLE,
        "Store a version that you signed",
        _PUT_ERRORS,
        "With `seen` it is a compare-and-swap on every node; a node that holds a version not named there is a "
        "`conflict`. The cluster keeps it alive from your signed copy, and never sees a key.",
        packets=100,
    ),
    Endpoint(
        "POST",
        "/v1/ahead",
        store_ahead,
        Scope.RELAY,
        Tag.MUTABLE,
        "Hand over versions for a time to come",
        (*_ERRORS, ErrorCode.ITEM_TOO_LARGE),
        "The cluster puts each from its `start` to its `end`: sign a record for the days on which you sleep, and your "
        "peers find it on each of them.",
        packets=1,
    ),
]
