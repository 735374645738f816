"""`/v1/events`, `/v1/mutable/{public_key}/events`: what changes, as it changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from aiohttp import web

from services.api import render, schemas
from services.api.endpoints import EVENT_STREAM, Endpoint, Tag
from services.api.event_stream import EventStream, Nothing, Sent
from services.api.scopes import Scope
from services.api.service import CALLER, Service, context_of, service_of
from services.api.watchers import PaidDht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode
from shared.usecases import records
from shared.usecases.looking import Looked
from shared.usecases.mutable import Address
from shared.usecases.ports import Ports
from shared.usecases.sighting import Look, SharedDht
from shared.usecases.watching import Event, MessageArrived, RecordChanged, Watch, watch
from shared.usecases.watching_items import ItemWatch, watch_item


async def of_link(request: web.Request, link: str, after: str | None) -> web.StreamResponse:
    """What is new in a record, and new messages."""
    service = service_of(request)
    with service.watchers.place(request[CALLER]):
        watching = watch(_ports(request), link, _contexts(request), after)
        # what is no link is refused, instead of a stream that ends at once
        await records.locate(service.ports, link, context_of(request))
        stream = await EventStream.begin(request)
        return await stream.run(_of_link(service, watching))


async def of_item(
    request: web.Request, path: schemas.MutablePath, query: schemas.SaltQuery, after: str | None
) -> web.StreamResponse:
    """The versions of a signed item, whenever they change."""
    service = service_of(request)
    at = Address(bytes(path.public_key), bytes(query.salt))
    with service.watchers.place(request[CALLER]):
        watching = watch_item(_ports(request), at, _contexts(request), after)
        stream = await EventStream.begin(request)
        return await stream.run(_of_item(service, watching))


async def _of_link(service: Service, watching: Watch) -> AsyncGenerator[Sent | Nothing, None]:
    async with aclosing(watching.events()) as events:
        async for event in events:
            yield Nothing(event.failed) if isinstance(event, Looked) else _counted(service, _sent(event))


async def _of_item(service: Service, watching: ItemWatch) -> AsyncGenerator[Sent | Nothing, None]:
    async with aclosing(watching.events()) as events:
        async for event in events:
            if isinstance(event, Looked):
                yield Nothing(event.failed)
            else:
                yield _counted(service, Sent("versions", event.id, render.versions(event.reply)))


def _sent(event: Event) -> Sent:
    if isinstance(event, RecordChanged):
        return Sent("record", event.id, render.record(event.record))
    if isinstance(event, MessageArrived):
        return Sent("message", event.id, render.message(event.message))
    return Sent("gap", event.id, render.gap(event.gap))


def _counted(service: Service, event: Sent) -> Sent:
    service.meters.watch.events.labels(event.name).inc()
    return event


def _ports(request: web.Request) -> Ports:
    """Those of one watcher: it sees what the cluster sees, and pays for what it looks at itself."""
    service = service_of(request)
    looks = service.meters.watch.looks

    def count(look: Look) -> None:
        looks.labels(look).inc()

    paid = PaidDht(service.ports.dht, service.accounts, request[CALLER])
    shared = SharedDht(paid, service.stores.sightings, service.clock, count=count)
    return replace(service.ports, dht=shared, pause=service.watchers.pause)


def _contexts(request: web.Request) -> Callable[[], CallContext]:
    """A deadline for each step: the stream itself has none."""
    service, asked = service_of(request), context_of(request)
    return lambda: replace(asked, deadline_ms=service.clock.utc_ms() + service.limits.deadline_ms, spending=None)


_ERRORS = (ErrorCode.BUS_UNAVAILABLE, ErrorCode.TOO_MANY_WATCHERS)

ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/events",
        of_link,
        Scope.READ,
        Tag.EVENTS,
        "What is new on a link",
        _ERRORS,
        "Server-sent events: `record` with the record as `GET /v1/record` gives it, at once and whenever it changes; "
        "`message` with a new message as in `GET /v1/messages`; `gap` where messages can't be read. Send the `id` of "
        "the last event as `Last-Event-ID`, and the stream goes on behind it. All watchers of a cluster share one look "
        "at the DHT, every 5 to 60 seconds; what is written through the cluster they see within about a second. A look "
        "costs whoever makes it what reading the record does; the stream itself is free.",
        media=EVENT_STREAM,
    ),
    Endpoint(
        "GET",
        "/v1/mutable/{public_key}/events",
        of_item,
        Scope.RELAY,
        Tag.EVENTS,
        "What is new at a signed item",
        _ERRORS,
        "Server-sent events: `versions` with the item as `GET /v1/mutable/{public_key}` gives it, at once and whenever "
        "it changes. No key is needed: what is inside is its owners' business.",
        media=EVENT_STREAM,
    ),
]
