"""`/v1/devices`: where are my peers."""

from __future__ import annotations

from aiohttp import web
from msgspec import UNSET

from services.api import answers, render, schemas
from services.api.callers import resolve_auto
from services.api.conditions import if_match
from services.api.routes.records import write
from services.api.service import answer, body_of, context_of, count_read, link_of, no_query, path_of, service_of
from shared.errors import ErrorCode, ScoutError
from shared.usecases import devices, records


async def read(request: web.Request) -> web.Response:
    """The devices in the record."""
    no_query(request)
    service = service_of(request)
    found = await records.read(service.ports, link_of(request), context_of(request))
    count_read(service.meters, found)
    body = answers.DevicesAnswer(
        devices=[render.device(device) for device in devices.listed(found.entries)],
        seq=found.seq,
        passed_over=render.passed_over(found.passed_over),
        rollback_suspected=found.rollback_suspected,
    )
    return answer(body, tag=found.tag)


async def announce(request: web.Request) -> web.Response:
    """Say where a device is."""
    link, condition, path = link_of(request), if_match(request), path_of(request, schemas.DevicePath)
    asked = await body_of(request, schemas.DeviceRequest)
    if asked.ttl is not UNSET:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            "Expected no ttl: the format scout1 has no room for one. Announce again within two hours, or remove.",
        )
    proxies = service_of(request).limits.trusted_proxies
    addresses = [resolve_auto(address, request, proxies) for address in asked.addresses]
    edit = devices.announcement(path.id, addresses, asked.name, bytes(asked.data))
    return await write(request, link, edit, condition, asked.keep)


async def remove(request: web.Request) -> web.Response:
    """Leave a device out."""
    no_query(request)
    link, condition, path = link_of(request), if_match(request), path_of(request, schemas.DevicePath)
    return await write(request, link, devices.removal(path.id), condition)


ROUTES = [
    web.get("/v1/devices", read, allow_head=False),
    web.put("/v1/devices/{id}", announce),
    web.delete("/v1/devices/{id}", remove),
]
