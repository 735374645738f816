"""Who has seen a record is not shown an older one in silence: not within an epoch, nor across its turn."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.contracts import crypto, dht
from shared.format.scout2 import epochs, roots
from shared.format.scout2.record import Entry, serialise
from shared.format.scout2.record import Record as Content
from shared.usecases import records
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.highest import HighestStamps
from shared.usecases.records import Record
from shared.usecases.synchronise import Synchroniser
from tests.unit.usecases.world import SECRET, World, a_world

PHASE = epochs.phase(roots.of_group(SECRET))
DAY, HOUR = 86_400, 3_600
EPOCH = 20_000


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        made.format = "scout2"
        at(made, EPOCH, DAY / 2)
        yield made


def at(world: World, epoch: int, seconds: float) -> None:
    world.clock.set_wall(1000 * epochs.began(PHASE, epoch) + round(1000 * seconds))


class Reader:
    """One process, with the handle that it always comes with."""

    def __init__(self, world: World, link: str) -> None:
        self._world = world
        self._link = link
        self._ports = replace(world.ports, highest=HighestStamps())

    async def read(self, *, settle: bool = True) -> Record:
        return await records.read(self._ports, self._link, self._world.context, settle=settle)

    async def write(self, entry_id: int, content: bytes, ttl: int | None = 3 * DAY) -> None:
        self._world.clock.advance(1)
        place = await records.locate(self._ports, self._link, self._world.context)
        async with Synchroniser(self._ports) as synchroniser:
            await synchroniser.synchronise(place, Edit((Wanted(entry_id, content, ttl=ttl),)), self._world.context)

    async def suspects(self) -> bool:
        return (await self.read()).rollback_suspected


async def two(world: World) -> tuple[Reader, Reader]:
    link = (await world.place()).link
    return Reader(world, link), Reader(world, link)


async def test_a_newer_version_that_is_kept_back_is_missed(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"old")
    older = copy.deepcopy(world.twin.nodes)
    await writer.write(1, b"new")
    assert not await reader.suspects()
    world.twin.nodes = older
    assert await reader.suspects()
    assert not await Reader(world, (await world.place()).link).suspects(), "one who never saw it can't know"


async def test_what_is_kept_back_at_the_turn_is_missed_in_the_next_epoch(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"old")
    older = copy.deepcopy(world.twin.nodes)
    await writer.write(1, b"new")
    await writer.write(2, b"another")
    assert not await reader.suspects()
    world.twin.nodes = older
    at(world, EPOCH + 1, 60)
    assert await reader.suspects(), "yesterday's address is read as well"
    await Reader(world, (await world.place()).link).write(3, b"carries over what it was shown")
    at(world, EPOCH + 1, 3 * HOUR)
    read = await reader.read()
    assert [entry.id for entry in read.entries] == [1, 3]
    assert read.rollback_suspected, "today's address has a seq of its own, and the stamps go on"


async def test_who_writes_has_been_told_and_goes_on_from_there(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"old")
    older = copy.deepcopy(world.twin.nodes)
    await writer.write(2, b"new")
    await reader.read()
    world.twin.nodes = older
    assert await reader.suspects()
    await reader.write(3, b"mine")
    assert not await reader.suspects()


async def test_a_removal_that_is_undone_is_missed(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"phone")
    older = copy.deepcopy(world.twin.nodes)
    place = await world.place()
    world.clock.advance(1)
    await world.sync(place, remove={1})
    assert not await reader.suspects()
    world.twin.nodes = older
    assert await reader.suspects()


async def test_what_has_run_out_is_not_missed(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"phone")
    older = copy.deepcopy(world.twin.nodes)
    await writer.write(2, b"laptop", ttl=HOUR)
    await reader.read()
    world.twin.nodes = older
    assert await reader.suspects()
    world.clock.advance(HOUR)
    assert not await reader.suspects()


async def test_a_record_that_nobody_kept_alive_is_no_older_one(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"phone")
    await reader.read()
    world.twin.forget()
    assert not await reader.suspects()


async def test_an_honest_turn_is_no_rollback(world: World) -> None:
    reader, writer = await two(world)
    for epoch in range(EPOCH, EPOCH + 4):
        at(world, epoch, DAY / 2)
        await writer.write(1, b"phone")
        assert not await reader.suspects()
        at(world, epoch + 1, 60)
        assert not await reader.suspects()


async def test_a_reader_in_a_hurry_who_is_shown_less_asks_everybody(world: World) -> None:
    reader, writer = await two(world)
    await writer.write(1, b"new")
    await reader.read()
    # the seq of a version says nothing of the age of its entries: a holder may seal an old content anew
    old = Entry(1, world.clock.utc_ms() - 1000, 3 * DAY, b"old")
    await plant(world, serialise(Content((old,))), slice(0, 1))
    read = await reader.read(settle=False)
    assert [entry.content for entry in read.entries] == [b"new"]
    assert not read.rollback_suspected


async def plant(world: World, plaintext: bytes, nodes: slice) -> None:
    """A version of the highest seq so far, sealed by a holder of the secret."""
    place, seq = await world.place(), DAY * 1000
    places = [crypto.SealAt(seq=seq, epoch=EPOCH)]
    request = crypto.SealRecord(link=place.link, plaintext=plaintext, places=places)
    (sealed,) = (await world.crypto.seal_record(request, world.context)).sealed
    version = dht.MutableVersion(value=sealed.value, seq=seq, signature=sealed.signature, holders=0)
    world.twin.plant(sealed.public_key, version, nodes)


async def test_in_scout1_the_seq_of_the_one_address_is_the_memory(world: World) -> None:
    world.format = "scout1"
    reader, writer = await two(world)
    await writer.write(1, b"phone", ttl=None)
    await reader.read()
    world.clock.advance(1)
    await world.sync(await world.place(), remove={1})
    assert not await reader.suspects(), "without tombstones a removal and a loss look alike"


def test_the_memory_is_bounded_and_the_one_longest_not_looked_at_goes() -> None:
    highest = HighestStamps(limit=4)
    several = tuple(Entry(entry_id, 10, 60, b"") for entry_id in range(2))
    for link in ("a", "b"):
        assert highest.see(link, [several], 0)
    assert highest.see("a", [several], 0)
    assert highest.see("c", [several], 0)
    assert len(highest) == 4
    older = (Entry(0, 9, 60, b""), several[1])
    assert highest.see("b", [older], 0), "forgotten"
    assert not highest.see("c", [older], 0), "remembered"
