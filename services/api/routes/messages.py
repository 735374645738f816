"""`/v1/messages`: for those who are away."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.endpoints import Endpoint, Tag, Tagged
from services.api.routes.records import READ_ERRORS, WRITE_ERRORS
from services.api.scopes import Scope
from services.api.service import context_of, count, service_of
from shared.errors import ErrorCode
from shared.usecases import inbox, messages, receipts, records
from shared.usecases.inbox import Query
from shared.usecases.messages import Outgoing


async def send(request: web.Request, link: str, body: schemas.MessageRequest) -> answers.SentAnswer:
    """Leave a message."""
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    message = Outgoing(bytes(body.body), seal=body.seal, keep=body.keep)
    sent = await messages.send(service.ports, service.synchroniser, place, message, context)
    count(service.meters, sent.synced)
    return render.sent(sent)


async def read(request: web.Request, link: str, query: schemas.MessagesQuery) -> answers.InboxAnswer:
    """The messages that the others have left."""
    position = None if query.cursor is None else inbox.position_of(query.cursor)
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    record = await records.read_at(service.ports, place, context)
    service.releaser.notice(place, record, context)
    wanted = Query(query.after, query.limit, query.member, position)
    found = await inbox.read(service.ports, place, record.entries, wanted, context)
    return render.inbox(found, record, receipts.of_mine(place, record.entries))


async def acknowledge(
    request: web.Request, link: str, body: schemas.AcknowledgeRequest
) -> Tagged[answers.WrittenAnswer]:
    """Say what has been received."""
    service, context = service_of(request), context_of(request)
    place = await records.locate(service.ports, link, context)
    change = receipts.acknowledgement(place, {receipt.member: receipt.number for receipt in body.received})
    synced = count(service.meters, await service.synchroniser.synchronise(place, change, context, keep=body.keep))
    return Tagged(render.written(synced, (), removal=False), synced.record.tag)


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/messages",
        send,
        Scope.WRITE,
        Tag.MESSAGES,
        "Leave a message",
        (*WRITE_ERRORS, ErrorCode.MESSAGE_TOO_LARGE),
        "Stores the message first, then moves the head of your member's list in the record: no list ever points to "
        "nothing. The body is sealed unless `seal` is off.",
        packets=160,
    ),
    Endpoint(
        "GET",
        "/v1/messages",
        read,
        Scope.READ,
        Tag.MESSAGES,
        "The messages that the others have left",
        READ_ERRORS,
        "Walks the lists of all other members from their newest message back, and answers oldest first within each "
        "list.",
        packets=200,
    ),
    Endpoint(
        "POST",
        "/v1/messages/ack",
        acknowledge,
        Scope.WRITE,
        Tag.MESSAGES,
        "Say what has been received",
        WRITE_ERRORS,
        "Their senders stop keeping alive what all members have received, and see how far that is. A lower number than "
        "was said before changes nothing. `scout1` has no room for it.",
        packets=100,
    ),
]
