"""Puts that ask to be kept, and what a keeper does with versions that are in its way."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from services.dht_node.keep_meters import KeepMeters
from services.dht_node.keeper import Keeper
from services.dht_node.keeping import KeepingDht, KeepPace
from shared.bus.memory_leases import MemoryLeases
from shared.bus.ports import Claimed
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, keys
from tests.support.clock import ManualClock
from tests.support.twin_dht import TwinDht

PUBLIC, SIGNING = keys.signing_pair(bytes(32))
TARGET = bep44.mutable_target(PUBLIC)
DAY = 24 * 3600
HOUR = 3600
PACE = KeepPace()


@dataclass
class World:
    """One node's keeping over a DHT in memory."""

    twin: TwinDht = field(default_factory=TwinDht)
    clock: ManualClock = field(default_factory=ManualClock)
    room: int = 10
    able: bool = True
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        dice = random.Random(1)
        self.leases = MemoryLeases(limit=self.room)
        self.keeping = KeepingDht(self.twin, self.leases, self.clock, dice, PACE)
        self.keeper = Keeper(
            self.twin,
            self.leases,
            clock=self.clock,
            dice=dice,
            meters=KeepMeters.build(self.registry),
            able=lambda: self.able,
        )

    @property
    def context(self) -> CallContext:
        return CallContext(self.clock.utc_ms() + 10_000)

    async def put(self, seq: int, keep: int) -> dht.PutReply:
        return await self.keeping.put_mutable(msgspec.structs.replace(a_put(seq), keep=keep), self.context)

    async def an_hour_later(self) -> None:
        self.clock.advance(HOUR * (1 + PACE.jitter))
        await self.keeper.turn()

    def held(self) -> list[int]:
        """The seq that each storing node holds; 0 for nothing."""
        return [node.mutable[TARGET].seq if TARGET in node.mutable else 0 for node in self.twin.nodes]

    def forget(self) -> None:
        """Let two hours pass on the storing nodes."""
        for node in self.twin.nodes:
            node.mutable.clear()

    def republished(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("scout_dht_kept_republished_total", {"outcome": outcome})

    def until(self, seconds: int) -> int:
        return self.clock.utc_ms() + seconds * 1000


def a_put(seq: int) -> dht.PutMutable:
    value = b"i%de" % seq
    signature = keys.sign(SIGNING, bep44.signable_bytes(value, seq))
    return dht.PutMutable(public_key=PUBLIC, seq=seq, value=value, signature=signature)


def version(seq: int) -> dht.MutableVersion:
    put = a_put(seq)
    return dht.MutableVersion(value=put.value, seq=seq, signature=put.signature, holders=0)


async def test_a_version_is_put_again_as_it_was_signed_and_the_reply_says_until_when() -> None:
    world = World()
    reply = await world.put(7, keep=DAY)
    assert reply.kept_until_ms == world.until(DAY)
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {7}
    assert world.republished("stored") == 1


async def test_an_immutable_item_is_put_again() -> None:
    world = World()
    reply = await world.keeping.put_immutable(dht.PutImmutable(value=b"2:hi", keep=DAY), world.context)
    assert reply.kept_until_ms == world.until(DAY)
    for node in world.twin.nodes:
        node.immutable.clear()
    await world.an_hour_later()
    assert all(node.immutable for node in world.twin.nodes)


async def test_without_keep_nothing_is_put_again() -> None:
    world = World()
    assert (await world.put(7, keep=0)).kept_until_ms == 0
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {0}


async def test_a_newer_version_put_without_keep_is_the_one_that_is_kept_from_then_on() -> None:
    world = World()
    until_ms = (await world.put(7, keep=DAY)).kept_until_ms
    assert (await world.put(8, keep=0)).kept_until_ms == until_ms
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {8}


async def test_a_put_that_nobody_stored_is_not_kept() -> None:
    world = World(TwinDht(loss=1.0))
    assert (await world.put(7, keep=DAY)).kept_until_ms == 0


async def test_a_put_that_lost_against_another_is_not_kept() -> None:
    world = World()
    world.twin.plant(PUBLIC, version(9))
    reply = await world.put(7, keep=DAY)
    assert reply.conflict
    assert reply.kept_until_ms == 0
    assert reply.keep_refused == ""


async def test_without_room_the_put_is_done_and_the_reply_says_that_it_is_not_kept() -> None:
    world = World(room=0)
    reply = await world.put(7, keep=DAY)
    assert set(world.held()) == {7}
    assert (reply.kept_until_ms, reply.keep_refused) == (0, ErrorCode.KEEP_FULL)


@pytest.mark.parametrize("seconds", [-1, dht.MAX_KEEP_S + 1])
async def test_a_keep_out_of_bounds_is_refused_before_anything_is_stored(seconds: int) -> None:
    world = World()
    with pytest.raises(ScoutError) as caught:
        await world.put(7, keep=seconds)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert not world.twin.stored_anything()


async def test_a_newer_version_of_another_writer_is_spread_and_kept_instead() -> None:
    world = World()
    await world.put(7, keep=DAY)
    world.forget()
    world.twin.plant(PUBLIC, version(9), slice(0, 2))
    await world.an_hour_later()
    assert set(world.held()) == {9}
    assert world.republished("superseded") == 1
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {9}


async def test_another_version_of_the_same_seq_does_not_take_the_place_of_ours() -> None:
    world = World()
    await world.put(7, keep=DAY)
    other = msgspec.structs.replace(version(7), signature=bytes(64))
    world.twin.plant(PUBLIC, other)
    await world.an_hour_later()
    world.forget()
    await world.an_hour_later()
    assert all(node.mutable[TARGET].signature == version(7).signature for node in world.twin.nodes)


async def test_a_node_that_is_cut_off_claims_nothing() -> None:
    world = World(able=False)
    await world.put(7, keep=DAY)
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {0}
    assert world.registry.get_sample_value("scout_dht_kept_items") == 1
    world.able = True
    await world.keeper.turn()
    assert set(world.held()) == {7}


async def test_after_its_lease_an_item_is_not_put_again() -> None:
    world = World()
    await world.put(7, keep=HOUR)
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {0}
    assert world.registry.get_sample_value("scout_dht_kept_items") == 0


def ahead(world: World, seq: int, from_s: float, until_s: float | None) -> dht.KeptVersion:
    """A version to be put from some seconds on, until some seconds from now."""
    put, now_ms = a_put(seq), world.clock.utc_ms()
    return dht.KeptVersion(
        public_key=PUBLIC,
        seq=seq,
        value=put.value,
        signature=put.signature,
        from_ms=now_ms + round(from_s * 1000),
        until_ms=0 if until_s is None else now_ms + round(until_s * 1000),
    )


async def test_a_version_handed_over_for_later_is_put_when_its_time_comes_and_not_before() -> None:
    world = World()
    reply = await world.keeping.keep(dht.Keep(versions=[ahead(world, 7, 6 * HOUR, DAY)]), world.context)
    assert (reply.kept_until_ms, reply.keep_refused) == (world.until(DAY), "")
    for _ in range(4):
        await world.an_hour_later()
    assert set(world.held()) == {0}
    world.clock.advance(2 * HOUR)
    await world.keeper.turn()
    assert set(world.held()) == {7}
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {7}
    world.clock.advance(DAY)
    world.forget()
    await world.keeper.turn()
    assert set(world.held()) == {0}


async def test_a_put_may_bring_versions_for_later() -> None:
    world = World()
    later = ahead(world, 7, 6 * HOUR, DAY)
    put = msgspec.structs.replace(a_put(5), keep=HOUR, ahead=(later,))
    reply = await world.keeping.put_mutable(put, world.context)
    assert (reply.kept_until_ms, reply.keep_refused) == (world.until(DAY), "")
    world.forget()
    world.clock.advance(6 * HOUR)
    await world.keeper.turn()
    assert set(world.held()) == {7}


async def test_a_put_that_lost_keeps_nothing_for_later() -> None:
    world = World()
    await world.put(9, keep=0)
    put = msgspec.structs.replace(a_put(5), ahead=(ahead(world, 7, HOUR, DAY),))
    reply = await world.keeping.put_mutable(put, world.context)
    assert reply.conflict
    assert await world.leases.claim(now_ms=world.until(DAY - 1), hold_ms=1, limit=9) == Claimed((), 0, 0)


async def test_what_was_put_stays_put_when_its_versions_for_later_are_refused() -> None:
    world = World()
    past = msgspec.structs.replace(ahead(world, 7, HOUR, DAY), until_ms=1)
    put = msgspec.structs.replace(a_put(5), keep=HOUR, ahead=(past,))
    reply = await world.keeping.put_mutable(put, world.context)
    assert (reply.kept_until_ms, reply.keep_refused) == (0, "invalid_request")
    assert set(world.held()) == {5}


async def test_a_version_without_an_end_only_takes_the_place_of_an_older_one() -> None:
    world = World()
    await world.keeping.keep(dht.Keep(versions=[ahead(world, 7, HOUR, None)]), world.context)
    world.clock.advance(2 * HOUR)
    await world.keeper.turn()
    assert set(world.held()) == {0}
    await world.keeping.keep(dht.Keep(versions=[ahead(world, 7, HOUR, DAY)]), world.context)
    reply = await world.keeping.keep(dht.Keep(versions=[ahead(world, 8, HOUR, None)]), world.context)
    assert reply.kept_until_ms == world.until(DAY)
    world.clock.advance(HOUR + 1)
    await world.keeper.turn()
    assert set(world.held()) == {8}


async def test_a_cluster_without_room_says_so() -> None:
    world = World(room=1)
    await world.put(7, keep=DAY)
    other = keys.signing_pair(b"o" * 32)
    value = b"i1e"
    version = dht.KeptVersion(
        public_key=other[0],
        seq=1,
        value=value,
        signature=keys.sign(other[1], bep44.signable_bytes(value, 1)),
        from_ms=world.until(HOUR),
        until_ms=world.until(DAY),
    )
    reply = await world.keeping.keep(dht.Keep(versions=[version]), world.context)
    assert (reply.kept_until_ms, reply.keep_refused) == (0, "keep_full")


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": b"1001:" + bytes(1001)},
        {"salt": bytes(65)},
        {"until_ms": 1},
        {"until_ms": 2**60},
        {"from_ms": 2**60},
    ],
    ids=["value", "salt", "past", "too far", "ends before it begins"],
)
async def test_what_must_not_be_put_is_refused_before_anything_is_kept(wrong: dict[str, object]) -> None:
    world = World()
    good = ahead(world, 7, HOUR, DAY)
    bad = msgspec.structs.replace(ahead(world, 8, HOUR, DAY), **wrong)
    for versions in ([], [good, bad], [good] * (dht.MAX_KEPT_VERSIONS + 1)):
        with pytest.raises(ScoutError) as error:
            await world.keeping.keep(dht.Keep(versions=versions), world.context)
        assert error.value.code is ErrorCode.INVALID_REQUEST
    assert await world.leases.claim(now_ms=world.until(DAY - 1), hold_ms=1, limit=9) == Claimed((), 0, 0)


def for_tenant(world: World, tenant: str) -> CallContext:
    return CallContext(world.clock.utc_ms() + 10_000, tenant=tenant)


async def test_a_tenant_sees_and_ends_what_it_keeps_and_nobody_else_does() -> None:
    world = World()
    put = dht.PutImmutable(value=b"2:hi", keep=DAY)
    mine, theirs = for_tenant(world, "mine"), for_tenant(world, "theirs")
    target = (await world.keeping.put_immutable(put, mine)).target
    look, end = dht.Release(target=target, end=False), dht.Release(target=target)
    kept = dht.ReleaseReply(value=b"2:hi", until_ms=world.until(DAY))
    assert await world.keeping.release(look, mine) == kept
    for request in (look, end):
        assert await world.keeping.release(request, theirs) == dht.ReleaseReply()
    assert await world.keeping.release(end, mine) == kept
    assert await world.keeping.release(end, mine) == dht.ReleaseReply()


async def test_a_released_item_is_put_again_no_more() -> None:
    world = World()
    await world.put(7, keep=DAY)
    await world.keeping.release(dht.Release(target=TARGET), world.context)
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {0}


async def test_a_newer_version_of_another_writer_is_kept_for_who_asked_for_the_older_one() -> None:
    world = World()
    await world.put(7, keep=DAY)
    world.twin.plant(PUBLIC, version(9), slice(0, 2))
    await world.an_hour_later()
    found = await world.keeping.release(dht.Release(target=TARGET), world.context)
    assert found.value == version(9).value
    world.forget()
    await world.an_hour_later()
    assert set(world.held()) == {0}
