"""`/v1/devices`: where are my peers."""

from __future__ import annotations

from aiohttp import web

from services.api import answers, render, schemas
from services.api.callers import resolve_auto
from services.api.endpoints import Endpoint, Tag, Tagged
from services.api.routes.records import READ_ERRORS, WRITE_ERRORS, write
from services.api.scopes import Scope
from services.api.service import context_of, count_read, service_of
from shared.usecases import devices, records


async def read(request: web.Request, link: str) -> Tagged[answers.DevicesAnswer]:
    """The devices in the record."""
    service = service_of(request)
    found = await records.read(service.ports, link, context_of(request))
    count_read(service.meters, found)
    body = answers.DevicesAnswer(
        devices=[render.device(device) for device in devices.listed(found.entries)],
        seq=found.seq,
        passed_over=render.passed_over(found.passed_over),
        rollback_suspected=found.rollback_suspected,
    )
    return Tagged(body, found.tag)


async def announce(
    request: web.Request,
    link: str,
    condition: frozenset[str] | None,
    path: schemas.DevicePath,
    body: schemas.DeviceRequest,
) -> Tagged[answers.WrittenAnswer]:
    """Say where a device is."""
    proxies = service_of(request).limits.trusted_proxies
    addresses = [resolve_auto(address, request, proxies) for address in body.addresses]
    edit = devices.announcement(path.id, addresses, body.name, bytes(body.data), body.ttl)
    return await write(request, link, edit, condition, body.keep)


async def remove(
    request: web.Request, link: str, condition: frozenset[str] | None, path: schemas.DevicePath
) -> Tagged[answers.WrittenAnswer]:
    """Leave a device out."""
    return await write(request, link, devices.removal(path.id), condition)


ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/devices",
        read,
        Scope.READ,
        Tag.RECORDS,
        "The devices in the record",
        READ_ERRORS,
        "A content that is no device's, such as an original client's, is shown as it is: `foreign`, with all of it in "
        "`data`.",
        packets=40,
    ),
    Endpoint(
        "PUT",
        "/v1/devices/{id}",
        announce,
        Scope.WRITE,
        Tag.RECORDS,
        "Say where a device is",
        WRITE_ERRORS,
        "Replaces all that was said of this device; reads, merges and writes the record as `POST /v1/sync` does. "
        "It counts for `ttl` seconds from now, and is found as long as the record is kept alive: announce again before "
        "either ends. In `scout1` there is no ttl.",
        packets=100,
    ),
    Endpoint(
        "DELETE",
        "/v1/devices/{id}",
        remove,
        Scope.WRITE,
        Tag.RECORDS,
        "Leave a device out",
        WRITE_ERRORS,
        "A tombstone keeps it from coming back as long as an older version might say it is there. `scout1` has none: "
        "such a version may bring the device back, and `removal` says so.",
        packets=100,
    ),
]
