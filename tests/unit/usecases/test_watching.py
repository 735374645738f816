"""Watching a link, by a clock that the tests move: what is told, in which order, once, and from where it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import pytest

from shared.bus.memory_sightings import MemorySightings
from shared.contracts.crypto import FormatName
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, members
from shared.format.scout1 import messages
from shared.format.scout2 import epochs, roots
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.looking import LONGEST_PAUSE_S, Looked
from shared.usecases.messages import Outgoing, send
from shared.usecases.sighting import Look, SharedDht, TellingDht
from shared.usecases.synchronise import Synchroniser
from shared.usecases.watching import (
    MAX_NEWS,
    Event,
    MessageArrived,
    MessagesMissing,
    RecordChanged,
    watch,
)
from tests.unit.usecases.world import SECRET, World, a_world

FORMATS: tuple[FormatName, ...] = ("scout1", "scout2")
PHASE = epochs.phase(roots.of_group(SECRET))
NOON = epochs.EPOCH_S // 2


@dataclass
class Watched:
    """A world whose DHT is watched: what is written through it, watchers are told of."""

    world: World
    sightings: MemorySightings
    looks: list[Look]

    def dht(self) -> SharedDht:
        clock = self.world.clock
        return SharedDht(self.world.twin, self.sightings, clock, count=self.looks.append, pause=self.pass_time)

    async def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    async def watcher(self, member: int = 0, after: str | None = None) -> Watcher:
        ports = replace(self.world.ports, dht=self.dht(), pause=self.pass_time)
        link = (await self.world.place(member)).link
        return Watcher(watch(ports, link, lambda: self.world.context, after).events())

    async def say(self, body: bytes, member: int = 1) -> None:
        place = await self.world.place(member)
        await send(self.world.ports, self.world.processes[0], place, Outgoing(body), self.world.context)


class Watcher:
    """The end at which events come out."""

    def __init__(self, events: AsyncIterator[Event | Looked]) -> None:
        self._events = events
        self.failures: list[ErrorCode] = []
        self.id = ""

    async def news(self, looks: int = 1) -> list[Event]:
        """What comes until the end of so many looks."""
        told: list[Event] = []
        while looks:
            match event := await anext(self._events):
                case Looked(failed):
                    looks -= 1
                    if failed is not None:
                        self.failures.append(failed.code)
                case _:
                    told.append(event)
                    self.id = event.id
        return told


@pytest.fixture(params=FORMATS)
async def watched(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    async with a_world() as world:
        world.format = request.param
        world.clock.set_wall(1000 * (epochs.began(PHASE, 20_000) + NOON))
        sightings = MemorySightings(world.clock)
        telling = replace(world.ports, dht=TellingDht(world.twin, sightings))
        async with Synchroniser(telling) as writer:
            world.ports, world.processes = telling, [writer]
            yield Watched(world, sightings, [])


def contents(event: Event) -> dict[int, bytes | None]:
    assert isinstance(event, RecordChanged)
    return {entry.id: entry.content for entry in event.record.entries if entry.id < 2**31}


def bodies(events: list[Event]) -> list[bytes]:
    return [event.message.body for event in events if isinstance(event, MessageArrived)]


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


async def test_it_begins_with_the_record_as_it_is(watched: Watched) -> None:
    await watched.world.sync(await watched.world.place(), {1: b"phone"})
    await watched.say(b"before anybody watched")
    (event,) = await (await watched.watcher()).news()
    assert contents(event) == {1: b"phone"}


async def test_a_record_that_nobody_wrote_is_told_too_so_that_there_is_an_id(watched: Watched) -> None:
    (event,) = await (await watched.watcher()).news()
    assert contents(event) == {}
    assert event.id


async def test_a_write_in_the_cluster_is_told_at_the_next_look(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    await watched.world.sync(await watched.world.place(), {1: b"phone"})
    (event,) = await watcher.news()
    assert contents(event) == {1: b"phone"}
    assert await watcher.news(looks=3) == []


async def test_a_write_elsewhere_is_found_by_looking_again(watched: Watched) -> None:
    watcher, world = await watched.watcher(), watched.world
    await watcher.news()
    async with Synchroniser(replace(world.ports, dht=world.twin)) as elsewhere:
        world.processes = [elsewhere]
        await world.sync(await world.place(), {1: b"phone"})
    assert [contents(event) for event in await watcher.news(looks=6)] == [{1: b"phone"}]


async def test_messages_are_told_in_order_behind_the_record_that_leads_to_them(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    for number in range(3):
        await watched.say(b"%d" % number)
    told = await watcher.news()
    assert kinds(told) == [RecordChanged, MessageArrived, MessageArrived, MessageArrived]
    assert bodies(told) == [b"0", b"1", b"2"]
    assert len({event.id for event in told}) == 4


async def test_what_one_says_oneself_is_no_news(watched: Watched) -> None:
    watcher = await watched.watcher(member=1)
    await watcher.news()
    await watched.say(b"to the others", member=1)
    assert kinds(await watcher.news()) == [RecordChanged]


async def test_it_goes_on_behind_any_event_and_tells_nothing_twice(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    await watched.say(b"one")
    await watched.say(b"two")
    told = await watcher.news()
    for event, left in zip(told, ([b"one", b"two"], [b"two"], []), strict=True):
        again = await watched.watcher(after=event.id)
        assert bodies(await again.news()) == left
    await watched.say(b"while it was away")
    back = await watched.watcher(after=told[-1].id)
    assert bodies(await back.news()) == [b"while it was away"]


async def test_nothing_that_has_not_changed_is_told_after_a_break(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watched.world.sync(await watched.world.place(), {1: b"phone"})
    await watcher.news()
    assert await (await watched.watcher(after=watcher.id)).news(looks=3) == []


async def test_two_watchers_see_the_same(watched: Watched) -> None:
    first, second = await watched.watcher(), await watched.watcher()
    for watcher in (first, second):
        await watcher.news()
    await watched.say(b"hello", member=2)
    assert [event.id for event in await first.news()] == [event.id for event in await second.news()]


async def test_a_dozen_watchers_cost_the_dht_as_much_as_one(watched: Watched) -> None:
    watchers = [await watched.watcher() for _ in range(12)]
    for watcher in watchers:
        await watcher.news()
    before = watched.world.twin.gets
    for watcher in watchers:
        assert await watcher.news() == []
    asked = watched.world.twin.gets - before
    assert asked <= 6, "twelve seconds have gone by: a look each five at one or two addresses"
    assert watched.looks.count(Look.SHARED) > 10


async def test_quiet_records_are_looked_at_once_a_minute(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news(looks=300)
    before = watched.world.twin.gets
    await watcher.news(looks=600)
    sites = 1 if watched.world.format == "scout1" else 2
    assert watched.world.twin.gets - before <= 11 * sites


async def test_the_dht_may_go_and_come_back(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    watched.world.twin.loss = 1.0
    assert await watcher.news(looks=60) == []
    assert set(watcher.failures) == {ErrorCode.DHT_UNAVAILABLE}
    assert len(watcher.failures) <= 60 // 5, "a try each five seconds, for all who watch"
    watched.world.twin.loss = 0.0
    await watched.say(b"here again")
    assert bodies(await watcher.news(looks=int(2 * LONGEST_PAUSE_S))) == [b"here again"]


async def test_a_message_that_comes_late_is_waited_for(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    await watched.say(b"one")
    hidden = [dict(node.immutable) for node in watched.world.twin.nodes]
    for node in watched.world.twin.nodes:
        node.immutable.clear()
    assert kinds(await watcher.news(looks=20)) == [RecordChanged]
    for node, items in zip(watched.world.twin.nodes, hidden, strict=True):
        node.immutable.update(items)
    assert bodies(await watcher.news(looks=20)) == [b"one"]


async def test_a_message_that_never_comes_is_a_gap_and_holds_up_nobody_for_long(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watcher.news()
    await watched.say(b"lost")
    for node in watched.world.twin.nodes:
        node.immutable.clear()
    await watched.say(b"found")
    await watched.say(b"from another list", member=2)
    told = await watcher.news(looks=2)
    assert (kinds(told), bodies(told)) == ([RecordChanged, MessageArrived], [b"from another list"])
    told = await watcher.news(looks=40)
    assert (kinds(told), bodies(told)) == ([MessagesMissing, MessageArrived], [b"found"])
    assert await watcher.news(looks=40) == []
    assert await (await watched.watcher(after=watcher.id)).news(looks=40) == []


@pytest.mark.parametrize("watched", ["scout1"], indirect=True)
async def test_of_very_many_messages_the_newest_are_told_and_the_rest_is_named(watched: Watched) -> None:
    watcher = await watched.watcher()
    await watched.say(b"seen")
    await watcher.news()
    for number in range(MAX_NEWS + 3):
        await watched.say(b"%d" % number)
    told = await watcher.news()
    missing = [event.gap for event in told if isinstance(event, MessagesMissing)]
    assert [(gap.first, gap.last) for gap in missing] == [(2, 4)]
    assert bodies(told) == [b"%d" % number for number in range(3, MAX_NEWS + 3)]


@pytest.mark.parametrize("watched", ["scout1"], indirect=True)
async def test_a_list_that_an_original_client_writes_goes_on_behind_its_last_message(watched: Watched) -> None:
    world, place = watched.world, await watched.world.place(1)
    heads = [messages.EMPTY_HEAD]
    for body in (b"one", b"two", b"three"):
        value = bep44.bencode_string(messages.frame(heads[-1], body))
        heads.append(bep44.immutable_target(value))
        for node in world.twin.nodes:
            node.immutable[heads[-1]] = value
    await world.sync(place, {members.mailbox_id(1): heads[1]})
    watcher = await watched.watcher()
    await watcher.news()
    await world.sync(place, {members.mailbox_id(1): heads[3]})
    told = await watcher.news()
    assert bodies(told) == [b"two", b"three"]
    assert bodies(await (await watched.watcher(after=told[1].id)).news()) == [b"three"]
    assert await (await watched.watcher(after=watcher.id)).news(looks=3) == []


async def test_a_link_that_is_no_good_ends_the_watch(watched: Watched) -> None:
    ports = replace(watched.world.ports, pause=watched.pass_time)
    async with aclosing(watch(ports, "AQAA", lambda: watched.world.context, None).events()) as events:
        with pytest.raises(ScoutError) as caught:
            await anext(events)
    assert caught.value.code is ErrorCode.BAD_HANDLE


@pytest.mark.parametrize("watched", ["scout2"], indirect=True)
async def test_an_epochs_turn_is_no_event_and_news_of_the_new_day_are(watched: Watched) -> None:
    world = watched.world
    await world.sync(await world.place(), {1: b"phone"})
    await watched.say(b"yesterday")
    watcher = await watched.watcher()
    await watcher.news()
    world.clock.set_wall(1000 * (epochs.began(PHASE, 20_001) - 60))
    assert await watcher.news(looks=240) == []
    assert world.clock.utc_ms() > 1000 * epochs.began(PHASE, 20_001)
    await watched.say(b"today")
    told = await watcher.news(looks=2)
    assert (contents(told[0]), bodies(told)) == ({1: b"phone"}, [b"today"])


@pytest.mark.parametrize("watched", ["scout2"], indirect=True)
async def test_an_entry_that_runs_out_of_its_time_is_a_change(watched: Watched) -> None:
    world = watched.world
    edit = Edit((Wanted(1, b"phone", ttl=30),))
    await world.processes[0].synchronise(await world.place(), edit, world.context)
    watcher = await watched.watcher()
    assert [contents(event) for event in await watcher.news(looks=25)] == [{1: b"phone"}]
    assert [contents(event) for event in await watcher.news(looks=10)] == [{}]
