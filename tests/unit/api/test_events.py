"""Streams of events over real HTTP: what they tell, how they go on, how many there may be, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest
from aiohttp import web

from services.api import event_stream
from services.api.answers import ItemAnswer
from services.api.event_stream import EventStream, Nothing, Sent
from services.api.service import REQUEST_ID, SERVICE, Limits
from shared.bus import streams
from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.http import listening
from shared.json_bytes import Blob
from shared.settings import Endpoint
from shared.usecases import looking
from tests.support.event_streams import Reader, reading
from tests.support.waiting import wait_until
from tests.unit.api.world import Api, a_token, an_api, b64, keys_of

KEYS = """
[[key]]
name = "one"
tenant = "acme"
scopes = ["read", "write"]
sha256 = "{one}"

[[key]]
name = "two"
tenant = "acme"
scopes = ["read"]
sha256 = "{two}"

[[key]]
name = "poor"
tenant = "acme"
scopes = ["read"]
sha256 = "{poor}"
budget = { packets_per_second = 0.01, burst = 8 }
"""
ONE, TWO, POOR = map(a_token, ("one", "two", "poor"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second takes twenty milliseconds."""
    monkeypatch.setattr(looking, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(streams, "SIGHTING_SOONEST_MS", 100)


@pytest.fixture(params=["scout1", "scout2"])
def format_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def write(api: Api, link: str, contents: dict[int, bytes], key: str | None = None) -> None:
    entries = [{"id": entry_id, "value": b64(content)} for entry_id, content in contents.items()]
    assert (await api.call("POST", "/v1/sync", {"entries": entries}, link=link, key=key)).status == 200


async def say(api: Api, link: str, body: bytes) -> None:
    assert (await api.call("POST", "/v1/messages", {"body": b64(body)}, link=link)).status == 200


def events(api: Api, link: str, **given: str) -> AbstractAsyncContextManager[Reader]:
    return reading(api.http, f"{api.url}/v1/events", link=link, **given)


async def test_a_change_and_a_message_are_told_as_the_other_calls_show_them(api: Api, format_name: str) -> None:
    mine, theirs = [await api.link(member, format_name=format_name) for member in (0, 1)]
    async with events(api, mine) as reader:
        assert (await reader.next()).data["entries"] == []
        await write(api, theirs, {7: b"here"})
        told = await reader.next()
        shown = (await api.call("GET", "/v1/record", link=mine)).body
        assert (told.name, told.data["entries"], told.data["seq"]) == ("record", shown["entries"], shown["seq"])
        await say(api, theirs, b"see you at eight")
        assert (await reader.next()).name == "record"
        told = await reader.next()
        inbox = (await api.call("GET", "/v1/messages", link=mine)).body
        assert (told.name, told.data) == ("message", inbox["messages"][0])


async def test_a_stream_goes_on_where_another_one_ended(api: Api, format_name: str) -> None:
    mine, theirs = [await api.link(member, format_name=format_name) for member in (0, 1)]
    async with events(api, mine) as reader:
        last = await reader.next()
    await say(api, theirs, b"one")
    await say(api, theirs, b"two")
    async with events(api, mine, after=last.id) as reader:
        told = [await reader.next() for _ in range(2)]
    async with events(api, mine, after=told[-1].id) as reader:
        told.append(await reader.next())
    assert [one.name for one in told] == ["record", "message", "message"]
    assert [one.data["number"] for one in told[1:]] == [1, 2]


async def test_what_is_no_link_and_no_id_is_refused_before_anything_is_streamed(api: Api) -> None:
    link = await api.link()
    for answer, code in (
        (await api.call("GET", "/v1/events", link="AQAA"), "bad_handle"),
        (await api.call("GET", "/v1/events"), "invalid_request"),
        (await api.call("GET", "/v1/events", link=link, headers={"Last-Event-ID": "17~"}), "invalid_request"),
        (await api.call("GET", "/v1/events?after=1", link=link), "invalid_request"),
        (await api.call("GET", f"/v1/mutable/{'0' * 64}/events", headers={"Last-Event-ID": "x"}), "invalid_request"),
    ):
        assert answer.code == code
    assert api.metric("scout_api_watchers") == 0


async def test_many_watchers_of_one_link_ask_the_dht_as_often_as_one(api: Api) -> None:
    link = await api.link()
    async with events(api, link) as first, events(api, link) as second, events(api, link) as third:
        for reader in (first, second, third):
            await reader.next()
        before = api.twin.gets
        await asyncio.sleep(0.5)
        assert api.twin.gets - before <= 5, "a look each tenth of a second here, and less often each time"
        assert api.metric("scout_api_watch_looks_total", outcome="shared") > 20


async def test_the_blind_relay_tells_of_versions_without_a_key(api: Api) -> None:
    link = await api.link()
    context = CallContext(deadline_ms=api.service.clock.utc_ms() + 5_000)
    located = await api.service.ports.crypto.locate(crypto.Locate(link=link), context)
    public_key = located.sites[0].public_key.hex()
    url = f"{api.url}/v1/mutable/{public_key}/events"
    async with reading(api.http, url) as reader:
        assert (await reader.next()).data["versions"] == []
        await write(api, link, {7: b"here"})
        told = await reader.next()
        shown = (await api.call("GET", f"/v1/mutable/{public_key}")).body
        assert [version["sig"] for version in told.data["versions"]] == [one["sig"] for one in shown["versions"]]
    async with reading(api.http, url, after=told.id) as reader:
        await write(api, link, {8: b"there"})
        assert (await reader.next()).id != told.id


async def test_a_dht_that_is_away_is_said_and_waited_for(api: Api) -> None:
    link = await api.link()
    async with events(api, link) as reader:
        await reader.next()
        api.twin.loss = 1.0
        assert await reader.comment() == ": trying again: dht_unavailable"
        api.twin.loss = 0.0
        await write(api, link, {7: b"here"})
        assert (await reader.next()).data["entries"][0]["id"] == 7


async def test_silence_is_broken_by_comments(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_S", 0.05)
    async with events(api, await api.link()) as reader:
        await reader.next()
        assert [await reader.comment() for _ in range(2)] == [":", ":"]


async def test_who_goes_makes_room(api: Api) -> None:
    async with events(api, await api.link()) as reader:
        await reader.next()
        assert api.metric("scout_api_watchers") == 1
        assert api.metric("scout_api_requests_in_flight") == 0
        reader.response.close()
    await wait_until(lambda: api.metric("scout_api_watchers") == 0, "nobody watches")


async def test_one_who_does_not_read_is_let_go_and_nothing_piles_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STALLED_S", 0.2)
    made, let_go = 0, False

    async def flood() -> AsyncGenerator[Sent | Nothing, None]:
        nonlocal made
        while True:
            made += 1
            yield Sent("item", "1", ItemAnswer(value=Blob(bytes(10_000))))

    async def handler(request: web.Request) -> web.StreamResponse:
        request[REQUEST_ID] = "test"
        nonlocal let_go
        response = await (await EventStream.begin(request)).run(flood())
        let_go = True
        return response

    app = web.Application()
    app[SERVICE] = api.service
    app.router.add_get("/", handler)
    async with listening(web.AppRunner(app), Endpoint("127.0.0.1", 0)) as bound:
        _, writer = await asyncio.open_connection(bound.host, bound.port, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await wait_until(lambda: made > 10, "the stream flows")
        await asyncio.sleep(0.1)
        piled_up = made
        await asyncio.sleep(0.1)
        assert made == piled_up, "it waits for its reader"
        await wait_until(lambda: let_go, "it waits no longer")
        writer.close()


async def test_when_the_process_ends_streams_end_and_no_new_ones_begin(api: Api) -> None:
    link = await api.link()
    async with events(api, link) as reader:
        await reader.next()
        api.service.watchers.close()
        with pytest.raises(EOFError):
            await reader.next()
    refused = await api.call("GET", "/v1/events", link=link)
    assert (refused.status, refused.code) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) > 0


async def test_there_is_room_for_so_many_and_of_one_key_for_fewer() -> None:
    limits = Limits(max_watchers=3, max_watchers_per_key=2)
    async with an_api(limits=limits, keys=keys_of(KEYS)) as api, AsyncExitStack() as open_streams:
        link = await api.link(key=ONE)
        for key in (ONE, ONE):
            reader = await open_streams.enter_async_context(events(api, link, key=key))
            await reader.next()
        refused = await api.call("GET", "/v1/events", link=link, key=ONE)
        assert (refused.status, refused.code, refused.body["limit"]) == (429, "too_many_watchers", 2)
        assert int(refused.headers["Retry-After"]) > 0
        await (await open_streams.enter_async_context(events(api, link, key=TWO))).next()
        refused = await api.call("GET", "/v1/events", link=link, key=TWO)
        assert (refused.status, refused.code) == (503, "overloaded")
        await open_streams.aclose()
        await wait_until(lambda: api.metric("scout_api_watchers") == 0, "all have gone")
        async with events(api, link, key=ONE) as again:
            await again.next()


async def test_a_look_is_charged_to_whose_turn_it_was_and_one_without_a_budget_waits() -> None:
    async with an_api(keys=keys_of(KEYS)) as api:
        link = await api.link(key=POOR)
        async with events(api, link, key=POOR) as poor:
            await poor.next()
            asked = api.twin.gets
            await asyncio.sleep(0.3)
            assert api.twin.gets == asked, "its one look has cost all that it had"
            async with events(api, link, key=ONE) as rich:
                await rich.next()
                await write(api, link, {7: b"here"}, key=ONE)
                assert (await poor.next()).data["entries"][0]["id"] == 7
                await wait_until(lambda: api.twin.gets > asked + 1, "the other one looks")


async def test_what_is_cached_is_as_old_as_it_says_and_a_write_never_builds_on_it(api: Api) -> None:
    link = await api.link()
    await write(api, link, {7: b"here"})
    first = await api.call("GET", "/v1/record?read=cached", link=link)
    assert "Age" not in first.headers
    asked = api.twin.gets
    second = await api.call("GET", "/v1/record?read=cached", link=link)
    assert (second.headers["Age"], second.body["entries"]) == ("0", first.body["entries"])
    assert api.twin.gets == asked
    for node in api.twin.nodes:
        node.mutable.clear()  # the network has another record than the one that was seen
    assert (await api.call("GET", "/v1/record?read=cached", link=link)).body["entries"] == first.body["entries"]
    written = await api.call("POST", "/v1/sync", {"entries": [{"id": 8, "value": b64(b"new")}]}, link=link)
    assert [entry["id"] for entry in written.body["entries"]] == [8]
    assert api.twin.gets > asked
