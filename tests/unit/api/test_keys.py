"""API keys: who is let in, to what, and on whose behalf."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from yarl import URL

from services.api.gate import LINES_BURST, LINES_PER_S, WAITING_MAX, Gate
from services.api.keys import Rejection
from services.api.routes import all_endpoints
from shared import logs
from tests.support.clock import ManualClock
from tests.unit.api.world import Api, a_token, an_api, keys_of

KEYS = """
[[key]]
name = "reader"
tenant = "acme"
scopes = ["read"]
sha256 = "{reader}"

[[key]]
name = "writer"
tenant = "acme"
scopes = ["read", "write"]
sha256 = "{writer}"

[[key]]
name = "other"
tenant = "umbrella"
scopes = ["read", "write", "relay", "admin"]
sha256 = "{other}"

[[key]]
name = "old"
tenant = "acme"
scopes = ["read", "write", "relay", "admin"]
sha256 = "{old}"
expires = 2001-09-09T01:46:40Z
"""
READER, WRITER, OTHER, OLD, UNKNOWN = map(a_token, ("reader", "writer", "other", "old", "unknown"))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with an_api(keys=keys_of(KEYS)) as made:
        yield made


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("api", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("authorization", "reason", "said"),
    [
        (None, Rejection.MISSING, "Expected an API key, in the header Authorization: Bearer <key>."),
        ("Basic dXNlcjpodXNo", Rejection.MALFORMED, "Expected one header Authorization, of the form Bearer <key>."),
        ("Bearer", Rejection.MALFORMED, "Expected one header Authorization, of the form Bearer <key>."),
        (f"Bearer {READER} {READER}", Rejection.MALFORMED, "Expected one header Authorization"),
        ("Bearer hush", Rejection.UNKNOWN, "Expected an API key that this service knows; this is none of them."),
        (f"Bearer {UNKNOWN}", Rejection.UNKNOWN, "Expected an API key that this service knows"),
        (f"Bearer {READER.lower()}", Rejection.UNKNOWN, "Expected an API key that this service knows"),
        (f"Bearer {OLD}", Rejection.EXPIRED, "This API key (old) expired at 2001-09-09T01:46:40+00:00."),
    ],
)
async def test_who_has_no_good_key_is_told_so(
    api: Api, authorization: str | None, reason: Rejection, said: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    refused = await api.call("GET", "/v1/devices", headers=headers)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.body["detail"].startswith(said)
    challenge = 'Bearer realm="scout"' + ("" if reason is Rejection.MISSING else ', error="invalid_token"')
    assert refused.headers["WWW-Authenticate"] == challenge
    assert api.metric("scout_api_rejections_total", reason=reason.value) == 1
    assert "hush" not in refused.text


async def test_two_headers_are_one_too_many(api: Api) -> None:
    async with api.http.get(
        api.url + "/v1/devices", headers=[("Authorization", f"Bearer {READER}"), ("Authorization", f"Bearer {WRITER}")]
    ) as refused:
        assert refused.status == 401


@pytest.mark.parametrize("spelling", ["Bearer {}", "bearer {}", "BEARER  {}", "Bearer {} "])
async def test_the_scheme_is_read_as_http_reads_it(api: Api, spelling: str) -> None:
    made = await api.call("POST", "/v1/keys", {}, headers={"Authorization": spelling.format(READER)})
    assert made.status == 200


async def test_a_key_without_the_scope_is_told_which_it_lacks(api: Api) -> None:
    refused = await api.call("POST", "/v1/sync", {}, key=READER, link="anything")
    assert (refused.status, refused.code) == (403, "forbidden_scope")
    assert refused.body["detail"] == "Expected an API key with the scope write; this one (reader) has read."
    assert refused.body["scope"] == "write"
    assert 'error="insufficient_scope", scope="write"' in refused.headers["WWW-Authenticate"]
    assert api.metric("scout_api_rejections_total", reason="scope") == 1


async def test_every_endpoint_asks_for_its_scope(api: Api) -> None:
    for endpoint in all_endpoints():
        url = api.url + endpoint.path.replace("{id}", "1").replace("{hash}", "00" * 20).replace("{target}", "00" * 20)
        url = url.replace("{name}", "app.js")
        async with api.http.request(endpoint.method, URL(url)) as answer:
            assert (answer.status == 401) == (endpoint.scope is not None), endpoint.path
    for path in ("/v1/nothing", "/v1/devices/1/2"):
        assert (await api.call("GET", path)).code == "unauthorized"
        assert (await api.call("GET", path, key=READER)).code == "not_found"
    assert (await api.call("DELETE", "/v1/keys")).code == "unauthorized"
    assert (await api.call("DELETE", "/v1/keys", key=READER)).code == "method_not_allowed"
    assert (await api.call("DELETE", "/openapi.json")).code == "method_not_allowed", "what is open is no secret"


async def test_without_a_key_file_every_caller_may_do_everything() -> None:
    async with an_api() as api:
        link = await api.link(key=UNKNOWN)
        assert (await api.call("GET", "/v1/devices", link=link)).status == 200


async def test_handles_are_bound_to_their_tenant(api: Api) -> None:
    link = await api.link(key=WRITER)
    assert (await api.call("GET", "/v1/devices", link=link, key=WRITER)).status == 200
    assert (await api.call("GET", "/v1/devices", link=link, key=READER)).status == 200, "another key of the tenant"
    foreign = await api.call("GET", "/v1/devices", link=link, key=OTHER)
    assert (foreign.status, foreign.code) == (403, "bad_handle")
    key = (await api.call("POST", "/v1/keys", {}, key=WRITER)).body["key"]
    foreign = await api.call("POST", "/v1/links", {"key": key, "peer": "09" + "00" * 31}, key=OTHER)
    assert (foreign.status, foreign.code) == (403, "bad_handle")


async def test_idempotency_keys_are_each_tenants_own(api: Api) -> None:
    made = [
        (await api.call("POST", "/v1/keys", {}, key=key, headers={"Idempotency-Key": "1"})).body["public_key"]
        for key in (WRITER, READER, OTHER, OTHER)
    ]
    assert made[0] == made[1]
    assert made[2] == made[3]
    assert made[0] != made[2]


async def test_a_refusal_waits_for_no_body(api: Api) -> None:
    reader, writer = await asyncio.open_connection(URL(api.url).host, URL(api.url).port)
    writer.write(
        b"POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        await reader.read()  # to the end: the connection is not kept for a body that never comes
    writer.close()
    await writer.wait_closed()


async def test_those_who_are_turned_away_take_no_place(api: Api, log_lines: io.StringIO) -> None:
    async with asyncio.TaskGroup() as tasks:
        flood = [tasks.create_task(api.call("GET", "/v1/devices")) for _ in range(300)]
        for _ in range(20):
            await api.call("POST", "/v1/keys", {}, key=READER)
            assert api.service.door.inside == 0
            assert api.metric("scout_api_requests_in_flight") == 0
    assert {refused.result().status for refused in flood} == {401}
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    refused = [line for line in lines if line.get("code") == "unauthorized"]
    assert len(refused) <= LINES_BURST + LINES_PER_S * 10
    assert len(refused) < 300
    served = [line for line in lines if line.get("code") == "ok"]
    assert len(served) == 20
    assert {(line["tenant"], line["key"]) for line in served} == {("acme", "reader")}
    assert not any("key" in line for line in refused)
    assert READER not in log_lines.getvalue()


async def test_the_refusals_that_are_not_logged_are_counted() -> None:
    clock = ManualClock()
    gate = Gate(clock)
    assert [gate.line() for _ in range(60)] == [0] * 50 + [None] * 10
    clock.advance(1 / LINES_PER_S)
    assert gate.line() == 10
    clock.advance(60)
    assert [gate.line() for _ in range(51)] == [0] * 50 + [None]


async def test_refusals_keep_a_pace_and_a_bound() -> None:
    clock, slept = ManualClock(), []

    async def pause(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.get_running_loop().create_future()

    gate = Gate(clock, pause)
    async with asyncio.TaskGroup() as tasks:
        turns = [tasks.create_task(gate.turn()) for _ in range(50 + WAITING_MAX)]
        await asyncio.sleep(0)
        assert sum(turn.done() for turn in turns) == 50, "a burst does not wait"
        assert slept == pytest.approx([number / 200 for number in range(1, WAITING_MAX + 1)])
        assert not await gate.turn(), "there is no room to wait"
        for turn in turns:
            turn.cancel()


async def test_who_finds_no_room_to_wait_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.gate.WAITING_MAX", 0)
    monkeypatch.setattr("services.api.gate.REFUSALS_PER_S", 0.1)
    async with an_api(keys=keys_of(KEYS)) as api:
        statuses = []
        for _ in range(60):
            try:
                statuses.append((await api.call("GET", "/v1/devices")).status)
            except aiohttp.ServerDisconnectedError:
                break
        assert statuses == [401] * len(statuses)
        assert len(statuses) == 50
        assert api.metric("scout_api_rejections_dropped_total") >= 1
        assert (await api.call("POST", "/v1/keys", {}, key=READER)).status == 200
