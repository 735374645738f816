"""`/v1/devices`: where are my peers."""

from __future__ import annotations

from aiohttp import web
from msgspec import UNSET

from services.api import answers, render, schemas
from services.api.callers import resolve_auto
from services.api.endpoints import Endpoint, Tag, Tagged
from services.api.routes.records import READ_ERRORS, WRITE_ERRORS, write
from services.api.scopes import Scope
from services.api.service import context_of, count_read, service_of
from shared.errors import ErrorCode, ScoutError
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
    if body.ttl is not UNSET:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST,
            "Expected no ttl: the format scout1 has no room for one. Announce again within two hours, or remove.",
        )
    proxies = service_of(request).limits.trusted_proxies
    addresses = [resolve_auto(address, request, proxies) for address in body.addresses]
    edit = devices.announcement(path.id, addresses, body.name, bytes(body.data))
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
        "Announce again within two hours, or let the cluster do it by `keep`.",
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
        "`scout1` has no tombstones: an older version on some node may bring the device back, and `removal` says so.",
        packets=100,
    ),
]
