"""Sightings as the use cases read and leave them."""

from __future__ import annotations

import pytest

from shared.bus.memory_sightings import MemorySightings
from shared.contracts import dht
from shared.contracts.sightings import Sighting
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, keys
from shared.usecases.ports import Dht
from shared.usecases.sighting import MAX_VERSIONS, CachedDht, Look, SharedDht, TellingDht, sighting_of
from tests.unit.usecases.world import World

PUBLIC_KEY, SIGNING_KEY = keys.signing_pair(bytes(range(32)))
TARGET = bep44.mutable_target(PUBLIC_KEY, b"")
ASKED = dht.GetMutable(public_key=PUBLIC_KEY, settle=False)


def version(seq: int, value: bytes = b"5:value") -> dht.MutableVersion:
    signature = keys.sign(SIGNING_KEY, bep44.signable_bytes(value, seq))
    return dht.MutableVersion(value=value, seq=seq, signature=signature, holders=8)


def put(seq: int) -> dht.PutMutable:
    one = version(seq)
    return dht.PutMutable(public_key=PUBLIC_KEY, seq=seq, value=one.value, signature=one.signature)


def reply(*versions: dht.MutableVersion) -> dht.GetMutableReply:
    report = dht.LookupReport(asked=8, answered=8, timed_out=0, elapsed_ms=0.0)
    return dht.GetMutableReply(versions=list(versions), report=report)


def shared(world: World, sightings: MemorySightings) -> SharedDht:
    return SharedDht(world.twin, sightings, world.clock, pause=world.ports.pause)


async def seqs(port: Dht, world: World) -> list[int]:
    return [one.seq for one in (await port.get_mutable(ASKED, world.context)).versions]


def test_the_same_versions_have_the_same_tag_in_whatever_order_and_on_however_many_nodes() -> None:
    first, second = version(1), version(2)
    assert sighting_of(reply(first, second)).tag == sighting_of(reply(second, first)).tag
    assert sighting_of(reply(first)).tag != sighting_of(reply(second)).tag
    assert sighting_of(reply()).tag


def test_of_a_flood_of_forks_the_newest_are_shared() -> None:
    flood = [version(seq) for seq in range(100, 0, -1)]
    assert sighting_of(reply(*flood)) == sighting_of(reply(*flood[:MAX_VERSIONS]))


async def test_a_write_is_told_to_those_who_watch_and_its_read_half_asks_the_network(world: World) -> None:
    sightings = MemorySightings(world.clock)
    telling, watcher = TellingDht(world.twin, sightings), shared(world, sightings)
    assert await seqs(watcher, world) == []
    await telling.put_mutable(put(3), world.context)
    asked = world.twin.gets
    assert await seqs(watcher, world) == [3]
    assert world.twin.gets == asked
    assert await seqs(telling, world) == [3]
    assert world.twin.gets == asked + 1


@pytest.mark.parametrize("left", [b"rubbish", b"", b"\x80"])
async def test_what_cannot_be_read_is_looked_up(world: World, left: bytes) -> None:
    sightings = MemorySightings(world.clock)
    world.twin.plant(PUBLIC_KEY, version(4))
    await sightings.saw(TARGET, Sighting(b"tag", 9, left))
    assert await seqs(shared(world, sightings), world) == [4]
    assert await seqs(CachedDht(world.twin, sightings), world) == [4]


async def test_what_was_not_signed_is_not_believed_whoever_left_it_there(world: World) -> None:
    sightings, true = MemorySightings(world.clock), version(4)
    again = dht.MutableVersion(value=true.value, seq=2**40, signature=true.signature, holders=8)
    forged = sighting_of(reply(again, true))
    await sightings.saw(TARGET, forged)
    assert await seqs(shared(world, sightings), world) == [4]
    assert await seqs(CachedDht(world.twin, sightings), world) == [4]


async def test_a_look_that_shows_something_older_changes_nothing(world: World) -> None:
    sightings = MemorySightings(world.clock)
    watcher = shared(world, sightings)
    world.twin.plant(PUBLIC_KEY, version(7))
    assert await seqs(watcher, world) == [7]
    world.twin.plant(PUBLIC_KEY, version(6))
    world.clock.advance(60)
    assert await seqs(watcher, world) == [7]
    assert await seqs(shared(world, sightings), world) == [7]


async def test_without_redis_an_answer_that_was_paid_for_is_given_all_the_same(world: World) -> None:
    class Away(MemorySightings):
        async def saw(self, target: bytes, sighting: Sighting) -> None:
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"no {target!r} and {sighting!r}")

        async def wrote(self, target: bytes, sighting: Sighting) -> None:
            await self.saw(target, sighting)

    away = Away(world.clock)
    await TellingDht(world.twin, away).put_mutable(put(3), world.context)
    assert await seqs(shared(world, away), world) == [3]
    assert await seqs(CachedDht(world.twin, away), world) == [3]


async def test_one_that_cannot_pay_takes_no_turn_until_it_can(world: World) -> None:
    class Dear(TellingDht):
        async def get_mutable(self, request: dht.GetMutable, context: object) -> dht.GetMutableReply:
            raise ScoutError(ErrorCode.BUDGET_SPENT, f"{request!r} {context!r}", retry_after=30.0)

    sightings, looks = MemorySightings(world.clock), list[Look]()
    rich = shared(world, sightings)
    poor = SharedDht(Dear(world.twin, sightings), sightings, world.clock, count=looks.append)
    assert await seqs(rich, world) == []
    assert await seqs(poor, world) == []
    world.clock.advance(6)
    assert await seqs(poor, world) == [], "what it knows"
    world.twin.plant(PUBLIC_KEY, version(3))
    world.clock.advance(6)
    assert await seqs(poor, world) == []
    assert await seqs(rich, world) == [3]
    assert await seqs(poor, world) == [3]
    assert looks == [Look.SHARED, Look.FAILED, Look.SHARED, Look.SHARED]
