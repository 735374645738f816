"""Every endpoint doing what it is for."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from services.api.app import serve_http
from services.api.service import Limits
from shared.contracts.crypto import CreateKey, CreateKeyReply, SealAt, SealRecord
from shared.contracts.dht import MutableVersion
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode
from shared.settings import Endpoint
from tests.unit.api.world import Api, an_api, b64, unb64


async def test_keys_and_links_of_a_pair(api: Api) -> None:
    mine = await api.call("POST", "/v1/keys", {})
    imported = await api.call("POST", "/v1/keys", {"secret": "77" * 32})
    assert mine.status == imported.status == 200
    assert len(bytes.fromhex(mine.body["public_key"])) == 32
    one = await api.call(
        "POST", "/v1/links", {"key": mine.body["key"], "peer": imported.body["public_key"], "format": "scout1"}
    )
    other = await api.call(
        "POST", "/v1/links", {"key": imported.body["key"], "peer": mine.body["public_key"], "format": "scout1"}
    )
    assert {one.body["member"], other.body["member"]} == {0, 1}
    assert one.body["format"] == "scout1"
    await api.call("PUT", "/v1/devices/1", {"name": "mine"}, link=one.body["link"])
    seen = await api.call("GET", "/v1/devices", link=other.body["link"])
    assert [device["name"] for device in seen.body["devices"]] == ["mine"]


async def test_devices(api: Api) -> None:
    link = await api.link()
    addresses = ["198.51.100.4:443", "[2001:db8::1]:443"]
    put = await api.call(
        "PUT", "/v1/devices/7", {"addresses": addresses, "name": "phone", "data": b64(b"x")}, link=link
    )
    assert put.status == 200
    assert put.headers["ETag"] == '"1"'
    assert put.body["storing"]["stored"] == 5
    assert put.body["kept_for_s"] == 7200
    assert put.body["removal"] is None
    seen = await api.call("GET", "/v1/devices", link=link)
    assert seen.body == {
        "devices": [
            {
                "id": 7,
                "addresses": addresses,
                "name": "phone",
                "data": b64(b"x"),
                "seq": 1,
                "foreign": False,
                "written": None,
                "expires": None,
            },
        ],
        "seq": 1,
        "passed_over": [],
        "rollback_suspected": False,
    }
    gone = await api.call("DELETE", "/v1/devices/7", link=link)
    assert gone.body["removal"] == "best_effort"
    assert (await api.call("GET", "/v1/devices", link=link)).body["devices"] == []


async def test_a_foreign_content_is_shown_raw(api: Api) -> None:
    link = await api.link()
    await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"an original's")}]}, link=link)
    [device] = (await api.call("GET", "/v1/devices", link=link)).body["devices"]
    assert device == {
        "id": 1, "addresses": [], "name": "", "data": b64(b"an original's"), "seq": 1, "foreign": True,
        "written": None, "expires": None,
    }  # fmt: skip


async def test_auto_is_the_callers_address(api: Api) -> None:
    link = await api.link()
    forged = {"X-Forwarded-For": "203.0.113.9"}
    await api.call("PUT", "/v1/devices/7", {"addresses": ["auto:4433"]}, link=link, headers=forged)
    [device] = (await api.call("GET", "/v1/devices", link=link)).body["devices"]
    assert device["addresses"] == ["127.0.0.1:4433"]


async def test_auto_behind_a_trusted_proxy() -> None:
    limits = Limits(trusted_proxies=[a_network("127.0.0.0/8"), a_network("10.0.0.0/8")])
    async with an_api(limits=limits) as api:
        link = await api.link()
        for hops, expected in (
            ("203.0.113.9", "203.0.113.9:1"),
            ("6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9:1"),
            ("2001:db8::5", "[2001:db8::5]:1"),
        ):
            headers = {"X-Forwarded-For": hops}
            await api.call("PUT", "/v1/devices/7", {"addresses": ["auto:1"]}, link=link, headers=headers)
            [device] = (await api.call("GET", "/v1/devices", link=link)).body["devices"]
            assert device["addresses"] == [expected]
        headers = {"X-Forwarded-For": "unknown"}
        refused = await api.call("PUT", "/v1/devices/7", {"addresses": ["auto:1"]}, link=link, headers=headers)
        assert refused.code == "invalid_request"


def a_network(text: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(text)


async def test_sync(api: Api) -> None:
    link = await api.link()
    body = {"entries": [{"id": 1, "value": b64(b"one")}, {"id": 2**32 - 1, "value": b64(b"raw takes any id")}]}
    first = await api.call("POST", "/v1/sync", body, link=link)
    assert first.body["new"] == []
    assert first.body["written"] is True
    second = await api.call("POST", "/v1/sync", {"entries": [{"id": 2, "value": ""}], "remove": [2**32 - 1]}, link=link)
    assert second.body["new"] == [1]
    assert second.body["seq"] == 2
    assert second.body["removal"] == "best_effort"
    assert second.body["entries"] == [
        {"id": 1, "value": b64(b"one"), "seq": 1, "expires": None},
        {"id": 2, "value": "", "seq": 1, "expires": None},
    ]
    third = await api.call("POST", "/v1/sync", {}, link=link)
    assert third.body["written"] is False
    assert third.body["new"] == [1, 2]
    assert third.body["storing"]["asked"] == 0


async def test_sync_with_a_seq_merges(api: Api) -> None:
    link = await api.link()
    await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"new"), "seq": 5}]}, link=link)
    merged = await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"old"), "seq": 4}]}, link=link)
    assert merged.body["entries"] == [{"id": 1, "value": b64(b"new"), "seq": 5, "expires": None}]
    assert merged.body["new"] == [1]


async def test_an_entry_at_the_highest_seq_is_not_its_readers_fault(api: Api) -> None:
    link = await api.link()
    await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"last"), "seq": 2**63 - 1}]}, link=link)
    answer = await api.call("PUT", "/v1/devices/1", {"name": "phone"}, link=link)
    assert (answer.status, answer.code) == (409, "seq_exhausted")
    assert "entry 1" in answer.body["detail"]
    assert "Retry-After" not in answer.headers
    assert (await api.call("PUT", "/v1/devices/2", {"name": "phone"}, link=link)).status == 200


async def test_record_and_its_tag(api: Api) -> None:
    link = await api.link()
    empty = await api.call("GET", "/v1/record", link=link)
    assert (empty.status, empty.body["entries"], empty.body["seq"]) == (200, [], 0)
    await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"one")}]}, link=link)
    for query in ("", "?read=settled", "?read=first"):
        read = await api.call("GET", "/v1/record" + query, link=link)
        assert read.headers["ETag"] == '"1"'
        assert read.body["entries"] == [{"id": 1, "value": b64(b"one"), "seq": 1, "expires": None}]
        assert read.body["lookup"]["answered"] == 8
    known = await api.call("GET", "/v1/record", link=link, headers={"If-None-Match": '"0", W/"1"'})
    assert (known.status, known.text, known.headers["ETag"]) == (304, "", '"1"')
    news = await api.call("GET", "/v1/record", link=link, headers={"If-None-Match": '"0"'})
    assert news.status == 200


async def test_if_match(api: Api) -> None:
    link = await api.link()
    body = {"entries": [{"id": 1, "value": b64(b"one")}]}
    first = await api.call("POST", "/v1/sync", body, link=link, headers={"If-Match": '"0"'})
    assert first.status == 200
    stale = await api.call("PUT", "/v1/devices/2", {}, link=link, headers={"If-Match": '"0"'})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert stale.body["etag"] == '"1"'
    assert stale.body["seq"] == 1
    assert stale.body["entries"] == [{"id": 1, "value": b64(b"one"), "seq": 1, "expires": None}]
    weak = await api.call("DELETE", "/v1/devices/1", link=link, headers={"If-Match": 'W/"1"'})
    assert weak.code == "precondition_failed"
    good = await api.call("DELETE", "/v1/devices/1", link=link, headers={"If-Match": '"1"'})
    assert good.status == 200


async def test_a_poisoned_version_is_passed_over_and_reported(api: Api) -> None:
    link = await api.link()
    await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"good")}]}, link=link)
    await poison(api, link, seq=9)
    read = await api.call("GET", "/v1/record", link=link)
    assert read.status == 200
    assert [version["seq"] for version in read.body["passed_over"]] == [9]
    assert read.body["passed_over"][0]["error"]
    written = await api.call("POST", "/v1/sync", {}, link=link)
    assert [version["seq"] for version in written.body["passed_over"]] == [9]
    assert written.body["entries"] == [{"id": 1, "value": b64(b"good"), "seq": 1, "expires": None}]


async def test_a_suspected_rollback_is_said_of_a_record_a_sync_and_the_devices(api: Api) -> None:
    link = await api.link()
    before = await api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"old")}]}, link=link)
    assert before.body["rollback_suspected"] is False
    api.twin.rollback_suspected = True
    read = await api.call("GET", "/v1/record", link=link)
    assert (read.status, read.body["rollback_suspected"]) == (200, True)
    written = await api.call("POST", "/v1/sync", {"entries": [{"id": 2, "value": b64(b"new")}]}, link=link)
    assert (written.status, written.body["rollback_suspected"]) == (200, True)
    devices = await api.call("GET", "/v1/devices", link=link)
    assert (devices.status, devices.body["rollback_suspected"]) == (200, True)
    assert api.metric("scout_api_rollbacks_suspected_total") == 3


async def poison(api: Api, link: str, seq: int) -> None:
    context = CallContext(deadline_ms=api.service.clock.utc_ms() + 5_000)
    request = SealRecord(link=link, plaintext=b"\x09\x00", places=[SealAt(seq=seq)])
    (sealed,) = (await api.crypto.seal_record(request, context)).sealed
    version = MutableVersion(value=sealed.value, seq=seq, signature=sealed.signature, holders=0)
    api.twin.plant(sealed.public_key, version, slice(0, 2))


async def test_messages(api: Api) -> None:
    mine, theirs = await api.link(0), await api.link(1)
    for n, body in enumerate((b"one", b"two", b"three"), start=1):
        sent = await api.call("POST", "/v1/messages", {"body": b64(body)}, link=mine)
        assert (sent.status, sent.body["number"], sent.body["seq"]) == (200, n, n)
        assert sent.body["storing"]["stored"] == 8
        assert len(sent.body["target"]) == 40
    read = await api.call("GET", "/v1/messages", link=theirs)
    assert [(message["number"], unb64(message["body"])) for message in read.body["messages"]] == [
        (1, b"one"), (2, b"two"), (3, b"three"),
    ]  # fmt: skip
    assert (read.body["gaps"], read.body["more"]) == ([], [])
    after = await api.call("GET", "/v1/messages?after=2", link=theirs)
    assert [message["number"] for message in after.body["messages"]] == [3]
    newest = await api.call("GET", "/v1/messages?limit=2&member=0", link=theirs)
    assert [message["number"] for message in newest.body["messages"]] == [2, 3]
    [more] = newest.body["more"]
    older = await api.call("GET", f"/v1/messages?cursor={more['cursor']}", link=theirs)
    assert [message["number"] for message in older.body["messages"]] == [1]


async def test_an_unsealed_message(api: Api) -> None:
    await api.call("POST", "/v1/messages", {"body": b64(b"plain"), "seal": False}, link=await api.link(0))
    [message] = (await api.call("GET", "/v1/messages", link=await api.link(1))).body["messages"]
    assert message["sealed"] is False


async def test_items(api: Api) -> None:
    posted = await api.call("POST", "/v1/items", {"value": b64(b"hello")})
    assert posted.body["hash"] == hashlib.sha1(b"5:hello").hexdigest()
    assert posted.body["storing"]["stored"] == 8
    found = await api.call("GET", f"/v1/items/{posted.body['hash']}")
    assert found.body == {"value": b64(b"hello")}
    again = await api.call("PUT", f"/v1/items/{posted.body['hash']}", {"value": b64(b"hello")})
    assert again.status == 200
    largest = await api.call("POST", "/v1/items", {"value": b64(bytes(996))})
    assert largest.status == 200


async def test_the_root_points_to_the_documentation(api: Api) -> None:
    root = await api.call("GET", "/")
    assert root.body == {
        "service": "scout", "api": "/v1", "documentation": "/docs", "openapi": "/openapi.json",
    }  # fmt: skip
    assert (await api.call("GET", root.body["openapi"])).status == 200


async def test_200_syncs_at_once_lose_nothing(api: Api) -> None:
    links = [await api.link(secret=f"{n:02x}" * 32) for n in range(1, 21)]
    bodies = [{"entries": [{"id": n, "value": b64(b"by %d" % n)}]} for n in range(1, 11)]
    answers = await asyncio.gather(
        *(api.call("POST", "/v1/sync", body, link=link) for body in bodies for link in links)
    )
    assert {answer.status for answer in answers} == {200}
    for link in links:
        read = await api.call("GET", "/v1/record", link=link)
        assert [entry["id"] for entry in read.body["entries"]] == list(range(1, 11))
    assert api.metric("scout_api_sync_attempts_count") == 200


async def test_a_call_in_hand_is_answered_while_the_service_stops(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, stopping = asyncio.Event(), asyncio.Event()
    create = api.service.crypto.create_key

    async def slowly(request: CreateKey, context: CallContext) -> CreateKeyReply:
        inside.set()
        await stopping.wait()
        return await create(request, context)

    monkeypatch.setattr(api.service.crypto, "create_key", slowly)
    async with asyncio.TaskGroup() as tasks:
        async with serve_http(api.service, Endpoint("127.0.0.1", 0)) as second:
            elsewhere = replace(api, url=f"http://{second}")
            call = tasks.create_task(elsewhere.call("POST", "/v1/keys", {}))
            await inside.wait()
            asyncio.get_running_loop().call_later(0.05, stopping.set)
        assert stopping.is_set(), "the block ended before the call was answered"
    assert call.result().status == 200


@pytest.mark.parametrize("given", ["abc-1.2_3", None, "no spaces please", "x" * 65])
async def test_request_ids(api: Api, given: str | None) -> None:
    answer = await api.call("GET", "/", headers={"X-Request-Id": given} if given else {})
    if given == "abc-1.2_3":
        assert answer.headers["X-Request-Id"] == given
    else:
        assert len(answer.headers["X-Request-Id"]) == 16


@pytest.mark.parametrize(
    ("parent", "taken"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-and-more", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", False),
    ],
)
async def test_a_trace_id_serves_where_no_request_id_is_sent(api: Api, parent: str, taken: bool) -> None:
    answer = await api.call("GET", "/", headers={"traceparent": parent})
    assert (answer.headers["X-Request-Id"] == "0af7651916cd43dd8448eb211c80319c") is taken
    both = await api.call("GET", "/", headers={"traceparent": parent, "X-Request-Id": "mine"})
    assert both.headers["X-Request-Id"] == "mine"


async def test_measures(api: Api) -> None:
    link = await api.link()
    await api.call("GET", "/v1/devices", link=link)
    await api.call("GET", "/v1/devices")
    await api.call("GET", "/nowhere")
    name = "scout_api_request_seconds_count"
    assert api.metric(name, route="GET /v1/devices", code="ok") == 1
    assert api.metric(name, route="GET /v1/devices", code="invalid_request") == 1
    assert api.metric(name, route="unmatched", code="not_found") == 1
    assert api.metric("scout_api_requests_in_flight") == 0
    assert api.metric("scout_api_requests_total", code="ok") == 2
    assert api.metric("scout_api_requests_total", code="internal") == 0


async def test_syncs_are_measured_by_whose_fault_it_is_when_they_fail(api: Api) -> None:
    link = await api.link()
    device = {"addresses": ["192.0.2.1:1"]}
    await api.call("PUT", "/v1/devices/1", device, link=link)
    await api.call("PUT", "/v1/devices/1", device, link="no link")
    await api.call("GET", "/v1/devices", link=link)
    api.twin.loss = 1.0
    await api.call("POST", "/v1/sync", {"remove": [1]}, link=link)
    outcomes = ("ok", "refused", "failed")
    assert [api.metric("scout_api_sync_seconds_count", outcome=outcome) for outcome in outcomes] == [1, 1, 1]


WRITES = [
    ("PUT", "/v1/devices/1", {}),
    ("POST", "/v1/sync", {"entries": [{"id": 1, "value": b64(b"x")}]}),
    ("POST", "/v1/messages", {"body": b64(b"x")}),
    ("POST", "/v1/items", {"value": b64(b"x")}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_every_write_is_kept_for_a_day_or_for_as_long_as_is_asked(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    link = await api.link()
    lasting = [
        (await api.call(method, path, body | asked, link=link)).body["kept_until"]
        for asked in ({}, {"keep": 30 * 86_400}, {"keep": 0})
    ]
    # the twin's clock stands at the epoch
    assert lasting == ["1970-01-02T00:00:00Z", "1970-01-31T00:00:00Z", None]


async def test_a_write_that_can_not_be_kept_is_done_and_says_so(api: Api) -> None:
    api.twin.keep_refused = ErrorCode.KEEP_FULL
    put = await api.call("POST", "/v1/items", {"value": b64(b"x")})
    assert (put.status, put.body["kept_until"], put.body["keep_error"]) == (200, None, "keep_full")


async def test_a_removal_asks_for_nothing(api: Api) -> None:
    link = await api.link()
    await api.call("PUT", "/v1/devices/1", {}, link=link)
    assert (await api.call("DELETE", "/v1/devices/1", link=link)).body["kept_until"] is None
    assert api.twin.keeps[-1] == 0


async def test_whoever_has_an_item_kept_sees_until_when_and_may_end_it(api: Api) -> None:
    stored = await api.call("POST", "/v1/items", {"value": b64(b"hello"), "keep": 60})
    path = f"/v1/items/{stored.body['hash']}/keep"
    for method in ("GET", "DELETE"):
        found = await api.call(method, path)
        assert (found.status, found.body["value"]) == (200, b64(b"hello"))
        assert found.body["kept_until"]
    for method in ("GET", "DELETE"):
        assert (await api.call(method, path)).body == {"kept_until": None, "value": None}
    assert (await api.call("GET", path[: -len("/keep")])).status == 200
