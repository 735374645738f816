"""`/v1/sync` and `/v1/record`: the record as it is."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag, Tagged
from services.api.scopes import Scope
from services.api.service import context_of, count, count_read, service_of
from shared.errors import ErrorCode, ScoutError
from shared.usecases import records
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.sighting import CachedDht

READ_ERRORS = (ErrorCode.DHT_UNAVAILABLE,)
"""Of reading a record."""

WRITE_ERRORS = (
    *READ_ERRORS,
    ErrorCode.CONFLICT,
    ErrorCode.SEQ_EXHAUSTED,
    ErrorCode.ENTRY_TOO_LARGE,
    ErrorCode.TOO_MANY_ENTRIES,
    ErrorCode.RECORD_FULL,
    ErrorCode.NOT_STORED,
)
"""Of reading, merging and writing a record."""


async def synchronise(
    request: web.Request, link: str, condition: frozenset[str] | None, body: schemas.SyncRequest
) -> Tagged[answers.WrittenAnswer]:
    """Merge all versions and the caller's entries, store the union, answer with it."""
    return await write(request, link, _edit(body), condition, body.keep)


async def read(request: web.Request, link: str, query: schemas.RecordQuery) -> Tagged[answers.RecordAnswer]:
    """The record's entries."""
    service = service_of(request)
    cached = CachedDht(service.ports.dht, service.stores.sightings)
    ports = replace(service.ports, dht=cached) if query.read == "cached" else service.ports
    found = await records.read(ports, link, context_of(request), settle=query.read == "settled")
    count_read(service.meters, found)
    return Tagged(render.record(found), found.tag, cached.age_ms)


async def write(
    request: web.Request, link: str, edit: Edit, condition: frozenset[str] | None, keep: int = 0
) -> Tagged[answers.WrittenAnswer]:
    """Synchronise the record of `link` with `edit`, and keep it alive for `keep` seconds."""
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    change = edit if edit.wanted or edit.removed else None
    synced = count(service.meters, await service.synchroniser.synchronise(place, change, context, condition, keep))
    body = render.written(synced, edit.news(synced.record.entries), removal=bool(edit.removed))
    return Tagged(body, synced.record.tag)


def _edit(asked: schemas.SyncRequest) -> Edit:
    """The change that a body asks for. Raises ScoutError (`invalid_request`) when it says two things of one id."""
    named = [entry.id for entry in asked.entries] + asked.remove
    if len(set(named)) < len(named):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected each id once in entries and remove together.")
    wanted = tuple(Wanted(entry.id, bytes(entry.value), entry.seq, entry.ttl) for entry in asked.entries)
    return Edit(wanted, frozenset(asked.remove))


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/sync",
        synchronise,
        Scope.WRITE,
        Tag.RECORDS,
        "Merge, and write the union",
        WRITE_ERRORS,
        "The original's operation: reads every version, merges, and writes the union with a compare-and-swap on every "
        "node, so that writers who meet never overwrite each other. With neither `entries` nor `remove` forked "
        "versions are merged, and a record on too few nodes is written again.",
        packets=100,
    ),
    Endpoint(
        "GET",
        "/v1/record",
        read,
        Scope.READ,
        Tag.RECORDS,
        "The record as it is",
        READ_ERRORS,
        "Every entry with its content, those of message lists too. A record that nobody wrote has no entries and seq "
        "0.",
        packets=40,
    ),
]
