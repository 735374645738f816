"""One link watched by a managed, a blind and a session client: what one of them sees, all see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import get_args

import pytest

import scout
from scout.alike import LinkLike, ScoutLike
from services.standalone.app import Stack
from shared.bus import streams
from shared.contracts.crypto import FormatName
from shared.usecases import looking

WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second takes a tenth of one."""
    monkeypatch.setattr(looking, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(streams, "SIGHTING_SOONEST_MS", 400)
    monkeypatch.setattr(streams, "SIGHTING_LATEST_MS", 1_000)


@pytest.fixture
async def clients(stack: Stack) -> AsyncIterator[list[ScoutLike]]:
    bootstrap = [str(node) for node in stack.swarm[:2]]
    async with (
        scout.Client(stack.api_url) as managed,
        scout.BlindClient(stack.api_url) as blind,
        scout.Session(bootstrap=bootstrap, listen="127.83.0.1:0") as session,
    ):
        yield [managed, blind, session]


class Watcher:
    """One that watches behind, and keeps what it saw."""

    def __init__(self, events: AsyncGenerator[scout.Event, None]) -> None:
        self._events = events
        self.seen: list[scout.Event] = []

    async def until_message(self, body: bytes) -> None:
        """Read on until this message has come."""
        async with asyncio.timeout(WITHIN_S):
            while body not in self.bodies:
                self.seen.append(await anext(self._events))

    async def until_state(self, etag: str) -> None:
        """Read on until the record is in this state."""
        async with asyncio.timeout(WITHIN_S):
            while self.record is None or self.record.etag != etag:
                self.seen.append(await anext(self._events))

    @property
    def bodies(self) -> list[bytes]:
        return [bytes(event.message.body) for event in self.seen if isinstance(event, scout.MessageArrived)]

    @property
    def record(self) -> scout.Record | None:
        records = [event.record for event in self.seen if isinstance(event, scout.RecordChanged)]
        return records[-1] if records else None

    @property
    def id(self) -> str:
        return self.seen[-1].id


async def test_all_see_the_same_whoever_writes(clients: list[ScoutLike]) -> None:
    # with the same session: others would wait for the node of one that has gone
    for format_name in get_args(FormatName):
        await _watch_each_other(clients, format_name)


async def _watch_each_other(clients: list[ScoutLike], format_name: FormatName) -> None:
    secret = b"\x31" * 31 + format_name.encode()[-1:]
    writers: list[LinkLike] = [
        await client.link_from_secret(secret, member, format=format_name) for member, client in enumerate(clients)
    ]
    # a fourth member, who only looks on, by each way
    links = [await client.link_from_secret(secret, 9, format=format_name) for client in clients]
    async with AsyncExitStack() as stack:
        watchers = [Watcher(await stack.enter_async_context(aclosing(link.watch()))) for link in links]
        for watcher in watchers:
            await watcher.until_state((await links[0].record()).etag)
        for number, writer in enumerate(writers):
            body = b"from %d" % number
            await writer.sync({number: b"here"})
            await writer.send(body)
            state = (await writer.record()).etag
            for watcher in watchers:
                await watcher.until_message(body)
                await watcher.until_state(state)
        assert len({watcher.id for watcher in watchers}) == 1
        assert {tuple(watcher.bodies) for watcher in watchers} == {(b"from 0", b"from 1", b"from 2")}
        shown = [watcher.record for watcher in watchers]
        assert all(record is not None and record.entries == shown[0].entries for record in shown if shown[0])
        last = watchers[0].id

    await writers[0].send(b"while nobody watched")
    for link in links:
        async with aclosing(link.watch(after=last)) as events:
            watcher = Watcher(events)
            await watcher.until_message(b"while nobody watched")
            assert watcher.bodies == [b"while nobody watched"], "an id of one way is good on the others"


async def test_what_is_refused_raises_as_any_call_does(clients: list[ScoutLike], stack: Stack) -> None:
    for client in clients:
        link = await client.link_from_secret(bytes(32), 0)
        with pytest.raises(scout.ScoutApiError) as caught:
            await anext(link.watch(after="no id"))
        assert caught.value.code == "invalid_request"
    async with scout.Client(stack.api_url) as managed:
        with pytest.raises(scout.ScoutApiError) as caught:
            await anext(managed.link("AQAA").watch())
        assert caught.value.code == "bad_handle"


async def test_where_nobody_answers_it_says_so() -> None:
    retry = scout.RetryPolicy(attempts=2, first_delay=0.01)
    for kind in (scout.Client, scout.BlindClient):
        async with kind("http://127.0.0.1:9", retry=retry) as client:
            link = (
                client.link("AQAA") if isinstance(client, scout.Client) else await client.link_from_root(bytes(32), 0)
            )
            with pytest.raises(scout.Unreachable):
                await anext(link.watch())
