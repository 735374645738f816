"""The endpoint table: what a handler's signature says is what is read, answered and documented."""

from __future__ import annotations

import pytest
from aiohttp import web

from services.api import answers, schemas
from services.api.app import build_app
from services.api.endpoints import Endpoint, Tag
from services.api.routes import all_endpoints, devices
from services.api.scopes import Scope
from shared.errors import ErrorCode
from tests.unit.api.world import Api


def test_a_signature_is_the_declaration() -> None:
    [announce] = [endpoint for endpoint in devices.ENDPOINTS if endpoint.method == "PUT"]
    assert announce.name == "devices_announce"
    assert announce.takes["path"] is schemas.DevicePath
    assert announce.takes["body"] is schemas.DeviceRequest
    assert set(announce.takes) == {"link", "condition", "path", "body"}
    assert announce.answer is answers.WrittenAnswer
    assert announce.is_tagged
    assert {ErrorCode.BAD_HANDLE, ErrorCode.PRECONDITION_FAILED, ErrorCode.RECORD_FULL} <= announce.codes
    assert ErrorCode.MESSAGE_TOO_LARGE not in announce.codes


def test_a_handler_that_asks_for_what_nobody_reads_is_refused_at_once() -> None:
    async def handler(_request: web.Request, headers: dict[str, str]) -> web.Response:
        return web.Response(headers=headers)

    with pytest.raises(TypeError, match="headers"):
        Endpoint("GET", "/v1/x", handler, Scope.READ, Tag.SERVICE, "x")


async def test_the_router_and_the_table_hold_the_same(api: Api) -> None:
    routes = {
        (route.method, resource.canonical)
        for resource in build_app(api.service).router.resources()
        for route in resource
    }
    assert routes == {endpoint.key for endpoint in all_endpoints()}
    assert len({endpoint.name for endpoint in all_endpoints()}) == len(all_endpoints())


def test_all_but_the_ways_in_ask_for_a_scope() -> None:
    assert [endpoint.path for endpoint in all_endpoints() if endpoint.scope is None and "/v1" in endpoint.path] == []


async def test_devices_that_the_caller_knows_are_not_sent_again(api: Api) -> None:
    link = await api.link()
    await api.call("PUT", "/v1/devices/7", {"name": "phone"}, link=link)
    seen = await api.call("GET", "/v1/devices", link=link)
    again = await api.call("GET", "/v1/devices", link=link, headers={"If-None-Match": seen.headers["ETag"]})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", seen.headers["ETag"])
