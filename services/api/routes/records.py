"""`/v1/sync` and `/v1/record`: the record as it is."""

from __future__ import annotations

from aiohttp import web

from services.api import render, schemas
from services.api.conditions import if_match, is_known
from services.api.service import answer, body_of, context_of, count, count_read, link_of, query_of, service_of
from shared.errors import ErrorCode, ScoutError
from shared.usecases import records
from shared.usecases.changes import Edit, Wanted


async def synchronise(request: web.Request) -> web.Response:
    """Merge all versions and the caller's entries, store the union, answer with it."""
    link, condition = link_of(request), if_match(request)
    asked = await body_of(request, schemas.SyncRequest)
    return await write(request, link, _edit(asked), condition, asked.keep)


async def read(request: web.Request) -> web.Response:
    """The record's entries."""
    link, asked = link_of(request), query_of(request, schemas.RecordQuery)
    service = service_of(request)
    found = await records.read(service.ports, link, context_of(request), settle=asked.read == "settled")
    count_read(service.meters, found)
    if is_known(request, found.tag):
        return web.Response(status=web.HTTPNotModified.status_code, headers={"ETag": f'"{found.tag}"'})
    return answer(render.record(found), tag=found.tag)


async def write(
    request: web.Request, link: str, edit: Edit, condition: frozenset[str] | None, keep: int = 0
) -> web.Response:
    """Synchronise the record of `link` with `edit`, and keep it alive for `keep` seconds."""
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    change = edit if edit.wanted or edit.removed else None
    synced = count(service.meters, await service.synchroniser.synchronise(place, change, context, condition, keep))
    body = render.written(synced, edit.news(synced.record.entries), removed=bool(edit.removed))
    return answer(body, tag=synced.record.tag)


def _edit(asked: schemas.SyncRequest) -> Edit:
    """The change that a body asks for. Raises ScoutError (`invalid_request`) when it says two things of one id."""
    named = [entry.id for entry in asked.entries] + asked.remove
    if len(set(named)) < len(named):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected each id once in entries and remove together.")
    wanted = tuple(Wanted(entry.id, bytes(entry.value), entry.seq) for entry in asked.entries)
    return Edit(wanted, frozenset(asked.remove))


ROUTES = [web.post("/v1/sync", synchronise), web.get("/v1/record", read, allow_head=False)]
