"""What is refused: with which status and code, and that nothing is stored."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from services.api.problems import STATUS, TITLES
from services.api.service import Limits
from shared.contracts.crypto import CreateLink
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode
from tests.unit.api.world import Api, an_api, b64

ENTRY = {"id": 1, "value": "AAE"}


def test_every_code_has_a_status_and_a_title() -> None:
    assert set(STATUS) == set(TITLES) == set(ErrorCode)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/v1/keys", {"secret": "ab"}, "64 lower-case hex digits - at `$.secret`"),
        ("POST", "/v1/keys", {"secret": "AB" * 32}, "$.secret"),
        ("POST", "/v1/keys", {"secret": "zz" * 32}, "$.secret"),
        ("POST", "/v1/keys", {"secret": 7}, "$.secret"),
        ("POST", "/v1/keys", {"colour": "red"}, "unknown field `colour`"),
        ("POST", "/v1/keys", [], "object"),
        ("POST", "/v1/links", {}, "expected one of: a key and a peer"),
        ("POST", "/v1/links", {"key": "x"}, "expected one of: a key and a peer"),
        ("POST", "/v1/links", {"key": "x", "peer": "ab" * 32, "member": 1}, "expected one of: a key and a peer"),
        (
            "POST",
            "/v1/links",
            {"key": "x", "peer": "ab" * 32, "secret": "ab" * 32},
            "expected one of: a key and a peer",
        ),
        ("POST", "/v1/links", {"key": "x", "peer": "nonsense"}, "$.peer"),
        ("POST", "/v1/links", {"secret": "ab" * 32, "member": 2**31}, "$.member"),
        ("POST", "/v1/links", {"secret": "ab" * 32, "member": -1}, "$.member"),
        ("POST", "/v1/links", {"secret": "ab" * 32, "format": "scout3"}, "scout1 or scout2, got 'scout3'"),
        ("POST", "/v1/links", {"passphrase": "correct horse"}, "expected one of: a key and a peer"),
        ("POST", "/v1/links", {"root": "ab" * 32, "format": "scout1"}, "scout2 with a root secret, got scout1"),
        ("POST", "/v1/links", {"secret": "ab" * 31}, "`$.secret`"),
        ("PUT", "/v1/devices/1", {"addresses": ["nowhere"]}, "198.51.100.4:443"),
        ("PUT", "/v1/devices/1", {"addresses": ["example.org:443"]}, "198.51.100.4:443"),
        ("PUT", "/v1/devices/1", {"addresses": ["auto"]}, "auto:PORT"),
        ("PUT", "/v1/devices/1", {"addresses": ["auto:0"]}, "198.51.100.4:443"),
        ("PUT", "/v1/devices/1", {"addresses": "198.51.100.4:443"}, "$.addresses"),
        ("PUT", "/v1/devices/1", {"addresses": ["198.51.100.4:443"] * 43}, "$.addresses"),
        ("PUT", "/v1/devices/1", {"ttl": 3600}, "no room for one"),
        ("PUT", "/v1/devices/1", {"keep": 2592001}, "`$.keep`"),
        ("PUT", "/v1/devices/1", {"data": "AAE="}, "base64url without padding - at `$.data`"),
        ("PUT", "/v1/devices/1", {"data": "+/+/"}, "$.data"),
        ("PUT", "/v1/devices/1", {"name": "\ud800"}, "body"),
        ("PUT", f"/v1/devices/{2**31}", {}, "$.id"),
        ("PUT", "/v1/devices/-1", {}, "$.id"),
        ("PUT", "/v1/devices/one", {}, "$.id"),
        ("DELETE", "/v1/devices/one", None, "$.id"),
        ("POST", "/v1/sync", {"entries": [{"id": 1}]}, "$.entries[0]"),
        ("POST", "/v1/sync", {"entries": [{**ENTRY, "ttl": 1}]}, "no room for one"),
        ("POST", "/v1/sync", {"entries": [{**ENTRY, "id": 2**32}]}, "$.entries[0].id"),
        ("POST", "/v1/sync", {"entries": [{**ENTRY, "id": 1.5}]}, "$.entries[0].id"),
        ("POST", "/v1/sync", {"entries": [{**ENTRY, "seq": 2**63}]}, "$.entries[0].seq"),
        ("POST", "/v1/sync", {"entries": [ENTRY, ENTRY]}, "each id once"),
        ("POST", "/v1/sync", {"entries": [ENTRY], "remove": [1]}, "each id once"),
        ("POST", "/v1/sync", {"keep": 2592001}, "`$.keep`"),
        ("POST", "/v1/sync", b"{", "The request's body"),
        ("POST", "/v1/sync", b"", "The request's body"),
        ("POST", "/v1/sync", b"\xff\xfe", "The request's body"),
        ("POST", "/v1/sync", b'{"entries":' + b"[" * 60_000, "The request's body"),
        ("POST", "/v1/sync?read=first", {"entries": [ENTRY]}, "unknown field `read`"),
        ("GET", "/v1/record?read=soon", None, "$.read"),
        ("GET", "/v1/record?read=first&read=first", None, "each parameter once"),
        ("GET", "/v1/record?colour=red", None, "unknown field `colour`"),
        ("POST", "/v1/messages", {}, "body"),
        ("POST", "/v1/messages", {"body": "AAE", "seal": "yes"}, "$.seal"),
        ("GET", "/v1/messages?after=-1", None, "$.after"),
        ("GET", "/v1/messages?after=soon", None, "$.after"),
        ("GET", "/v1/messages?limit=0", None, "$.limit"),
        ("GET", "/v1/messages?limit=101", None, "$.limit"),
        ("GET", "/v1/messages?member=x", None, "$.member"),
        ("GET", "/v1/messages?cursor=1.2", None, "cursor"),
        ("POST", "/v1/items", {"value": 1}, "$.value"),
        ("PUT", "/v1/items/" + "ab" * 20, {"value": "AAE"}, "hash is that of the path"),
        ("PUT", "/v1/items/abc", {"value": "AAE"}, "$.hash"),
        ("GET", "/v1/items/" + "AB" * 20, None, "$.hash"),
    ],
)
async def test_invalid_requests(api: Api, method: str, path: str, body: Any, expected: str) -> None:
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    answer = await api.call(method, path, body, link=await api.link())
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert expected in answer.body["detail"]
    assert not api.twin.stored_anything()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/devices/1", {}),
        ("/v1/sync", {"entries": [ENTRY]}),
        ("/v1/messages", {"body": "AAE"}),
        ("/v1/devices", None),
        ("/v1/record", None),
        ("/v1/messages", None),
    ],
)
async def test_handles(api: Api, path: str, body: Any) -> None:
    method = "GET" if body is None else "PUT" if "devices" in path else "POST"
    missing = await api.call(method, path, body)
    assert (missing.status, missing.code) == (400, "invalid_request")
    assert "Scout-Link" in missing.body["detail"]
    good = await api.link()
    altered = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    elsewhere = CallContext(deadline_ms=api.service.clock.utc_ms() + 5_000, tenant="another")
    foreign = (await api.crypto.create_link(CreateLink(secret=b"\1" * 32, member=0), elsewhere)).link
    key = (await api.call("POST", "/v1/keys", {})).body["key"]
    for handle in ("garbage", altered, foreign, key, "ä", "A" * 5_000):
        answer = await api.call(method, path, body, link=handle)
        assert (answer.status, answer.code) == (403, "bad_handle")
        assert handle not in answer.text
    assert not api.twin.stored_anything()


async def test_a_bad_key_handle(api: Api) -> None:
    answer = await api.call("POST", "/v1/links", {"key": "garbage", "peer": "ab" * 32})
    assert (answer.status, answer.code) == (403, "bad_handle")


@pytest.mark.parametrize("peer", ["00" * 32, "01" + "00" * 31, "ecffff" + "ff" * 28 + "7f"])
async def test_low_order_public_keys(api: Api, peer: str) -> None:
    key = (await api.call("POST", "/v1/keys", {})).body["key"]
    answer = await api.call("POST", "/v1/links", {"key": key, "peer": peer})
    assert (answer.status, answer.code) == (400, "low_order_public_key")


@pytest.mark.parametrize(
    ("path", "body", "code", "facts"),
    [
        (
            "/v1/sync",
            {"entries": [{"id": 9, "value": b64(bytes(256))}]},
            "entry_too_large",
            {"id": 9, "size": 256, "limit": 255},
        ),
        (
            "/v1/sync",
            {"entries": [{"id": n, "value": ""} for n in range(256)]},
            "too_many_entries",
            {"size": 256, "limit": 255},
        ),
        (
            "/v1/sync",
            {"entries": [{"id": n, "value": b64(bytes(250))} for n in range(4)]},
            "record_full",
            {"limit": 956, "used": 2, "left": 954, "needed": 1066, "largest": []},
        ),
        ("/v1/devices/1", {"data": b64(bytes(300))}, "entry_too_large", {"id": 1, "size": 306, "limit": 255}),
        ("/v1/messages", {"body": b64(bytes(934))}, "message_too_large", {"size": 934, "limit": 933}),
        ("/v1/messages", {"body": b64(bytes(974)), "seal": False}, "message_too_large", {"size": 974, "limit": 973}),
        ("/v1/items", {"value": b64(bytes(997))}, "item_too_large", {"size": 997, "limit": 996}),
        ("/v1/sync", b'{"entries": "' + b"x" * 200_000 + b'"}', "body_too_large", {"limit": 131072}),
    ],
)
async def test_too_large(api: Api, path: str, body: Any, code: str, facts: dict[str, Any]) -> None:
    method = "PUT" if "devices" in path else "POST"
    answer = await api.call(method, path, body, link=await api.link())
    assert (answer.status, answer.code) == (413, code)
    assert {name: answer.body[name] for name in facts} == facts
    assert not api.twin.stored_anything()


async def test_a_full_record_tells_its_budget_and_stays_as_it_was(api: Api) -> None:
    link = await api.link()
    held = {"entries": [{"id": n, "value": b64(bytes(250))} for n in range(3)]}
    assert (await api.call("POST", "/v1/sync", held, link=link)).status == 200
    full = await api.call("PUT", "/v1/devices/7", {"data": b64(bytes(150))}, link=link)
    assert (full.status, full.code) == (413, "record_full")
    assert (full.body["limit"], full.body["used"], full.body["left"]) == (956, 800, 156)
    assert full.body["largest"] == [{"id": n, "size": 266} for n in range(3)]
    message = await api.call("POST", "/v1/messages", {"body": b64(b"hi")}, link=link)
    assert message.status == 200
    assert (await api.call("GET", "/v1/record", link=link)).body["seq"] == 2


async def test_a_chunked_body_over_the_limit(api: Api) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * 10_000

    headers = {"Content-Type": "application/json"}
    async with api.http.post(api.url + "/v1/keys", data=chunks(), headers=headers) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type=None))["code"] == "body_too_large"


async def test_bodies_that_are_not_json(api: Api) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = await api.call("POST", "/v1/keys", b"{}", headers=headers)
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
    squeezed = await api.call("POST", "/v1/keys", gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
    assert (squeezed.status, squeezed.code) == (415, "unsupported_media_type")


async def test_paths_and_methods_that_are_none(api: Api) -> None:
    nowhere = await api.call("GET", "/v2/devices")
    assert (nowhere.status, nowhere.code) == (404, "not_found")
    wrong = await api.call("PATCH", "/v1/devices/1", {})
    assert (wrong.status, wrong.code) == (405, "method_not_allowed")
    assert wrong.body["allowed"] == ["DELETE", "PUT"]
    assert wrong.headers["Allow"] == "DELETE,PUT"


async def test_an_item_nobody_holds(api: Api) -> None:
    answer = await api.call("GET", "/v1/items/" + "ab" * 20)
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.body["answered"] == 8


async def test_an_item_that_is_no_string(api: Api) -> None:
    target = bytes(20)
    for node in api.twin.nodes:
        node.immutable[target] = b"d1:ai1ee"
    answer = await api.call("GET", "/v1/items/" + target.hex())
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["1", '"', "", '"1" "2"', '"a b"'])
async def test_garbled_conditions(api: Api, header: str, value: str) -> None:
    link = await api.link()
    if header == "If-Match":
        answer = await api.call("POST", "/v1/sync", {}, link=link, headers={header: value})
    else:
        answer = await api.call("GET", "/v1/record", link=link, headers={header: value})
    assert (answer.status, answer.code) == (400, "invalid_request")


async def test_a_deaf_dht_is_503_with_retry_after() -> None:
    async with an_api(loss=1.0) as api:
        link = await api.link()
        for answer in (
            await api.call("GET", "/v1/record", link=link),
            await api.call("POST", "/v1/sync", {"entries": [ENTRY]}, link=link),
            await api.call("POST", "/v1/messages", {"body": "AAE"}, link=link),
        ):
            assert (answer.status, answer.code) == (503, "dht_unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.body["retry_after"] > 0
        item = await api.call("POST", "/v1/items", {"value": "AAE"})
        assert (item.status, item.code) == (503, "not_stored")
        assert item.body["timed_out"] == 8


async def test_a_body_that_trickles_in_ends_at_the_deadline() -> None:
    async with an_api(limits=Limits(deadline_ms=150)) as api:
        head = b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        answer = await raw_call(api, head + b"{", rest=b" " * 98)
        assert answer.startswith(b"HTTP/1.1 504")
        assert b'"code":"deadline_exceeded"' in answer


async def raw_call(api: Api, sent: bytes, rest: bytes = b"") -> bytes:
    """What comes back to `sent`; then `rest` is sent, for the service waits a moment for what was announced."""
    host, _, port = api.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    answer = await reader.readuntil(b"\r\n\r\n") + await reader.read(4096)
    writer.write(rest)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_more_at_once_than_the_limit_is_refused_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_api(limits=Limits(max_in_flight=2)) as api:
        link = await api.link()
        gate, both_inside = asyncio.Event(), asyncio.Event()
        get = api.twin.get_mutable

        async def wait_and_get(request: Any, context: Any) -> Any:
            if api.service.door.inside == 2:
                both_inside.set()
            await gate.wait()
            return await get(request, context)

        monkeypatch.setattr(api.service.ports.dht, "get_mutable", wait_and_get)
        async with asyncio.TaskGroup() as tasks:
            inside = [tasks.create_task(api.call("GET", "/v1/record", link=link)) for _ in range(2)]
            await both_inside.wait()
            refused = await api.call("GET", "/v1/record", link=link)
            gate.set()
        assert (refused.status, refused.code) == (503, "overloaded")
        assert refused.headers["Retry-After"] == "1"
        assert [task.result().status for task in inside] == [200, 200]


async def test_a_defect_is_500_and_says_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> Any:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(api.service.crypto, "create_key", fail)
    answer = await api.call("POST", "/v1/keys", {})
    assert (answer.status, answer.code) == (500, "internal")
    assert "inner workings" not in answer.text


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nScout-Link: very-secret\x00\r\n\r\n",
        b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: very-secret\r\n\r\n",
        b"GET /" + b"very-secret" * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http(api: Api, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    answer = await raw_call(api, raw)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert "very-secret" not in caplog.text
    assert all(record.exc_info is None for record in caplog.records)
