"""`/v1/messages`: for those who are away."""

from __future__ import annotations

import re

from aiohttp import web

from services.api import render, schemas
from services.api.service import answer, body_of, context_of, count, link_of, query_of, service_of
from shared.errors import ErrorCode, ScoutError
from shared.usecases import inbox, messages, records
from shared.usecases.inbox import Position, Query
from shared.usecases.messages import Outgoing

_CURSOR = re.compile(r"([0-9]{1,10})\.([0-9]{1,10}|-)\.([0-9a-f]{40})")


async def send(request: web.Request) -> web.Response:
    """Leave a message."""
    link = link_of(request)
    asked = await body_of(request, schemas.MessageRequest)
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    message = Outgoing(bytes(asked.body), seal=asked.seal, keep=asked.keep)
    sent = await messages.send(service.ports, service.synchroniser, place, message, context)
    count(service.meters, sent.synced)
    return answer(render.sent(sent))


async def read(request: web.Request) -> web.Response:
    """The messages that the others have left."""
    link, asked = link_of(request), query_of(request, schemas.MessagesQuery)
    position = None if asked.cursor is None else _position(asked.cursor)
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    record = await records.read_at(service.ports, place, context)
    query = Query(asked.after, asked.limit, asked.member, position)
    found = await inbox.read(service.ports, place, record.entries, query, context)
    return answer(render.inbox(found, record))


def _position(cursor: str) -> Position:
    matched = _CURSOR.fullmatch(cursor)
    if matched is None:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "The query: expected a cursor as an earlier answer gave it.")
    member, number, target = matched.groups()
    return Position(int(member), None if number == "-" else int(number), bytes.fromhex(target))


ROUTES = [web.post("/v1/messages", send), web.get("/v1/messages", read, allow_head=False)]
