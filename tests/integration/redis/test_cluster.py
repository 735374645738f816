"""A Redis Cluster of three masters: the same promises, while slots move and masters die."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from redis.exceptions import AskError

from shared.bus import streams
from shared.bus.leases import RedisLeases
from shared.bus.meters import BusMeters
from shared.bus.ports import Lease
from shared.bus.redis_client import connect
from shared.bus.redis_slots import slot_of
from shared.clock import SystemClock
from shared.errors import ScoutError
from shared.settings import Endpoint
from tests.integration.bus import test_sharding
from tests.integration.bus.conftest import open_rig
from tests.support.cluster import running_cluster
from tests.support.redis_bus import RealRedis, Users
from tests.support.redis_servers import RedisProcess, SmallCluster, refused, running, small_cluster
from tests.support.syncs import OK, RECORDS, WRITERS, disturbed, lose_nothing, patient_client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

WITHIN = 30.0


@pytest.fixture
def three(tmp_path: Path) -> Iterator[SmallCluster]:
    with small_cluster(tmp_path / "redis") as found:
        yield found


async def test_two_of_each_lose_nothing(tmp_path: Path, swarm: list[Endpoint], three: SmallCluster) -> None:
    async with (
        running_cluster(tmp_path, swarm, network="127.81", bus=RealRedis(three.url)) as cluster,
        patient_client() as http,
    ):
        await lose_nothing(cluster, http)


async def test_slots_that_move_in_the_middle_lose_nothing_and_nobody_is_refused(
    tmp_path: Path, swarm: list[Endpoint], users: Users
) -> None:
    with small_cluster(tmp_path / "redis", users=users) as three:
        await move_slots_in_the_middle(tmp_path, swarm, three, users)
        assert refused(*three.masters) == []


async def move_slots_in_the_middle(tmp_path: Path, swarm: list[Endpoint], three: SmallCluster, users: Users) -> None:
    async def move_all_there_is() -> None:
        keys = [streams.requests("crypto"), *map(streams.requests, streams.shards("dht")), streams.KEPT_DUE]
        for key in keys:
            await asyncio.to_thread(three.move_slot, slot_of(key))

    async with (
        running_cluster(tmp_path, swarm, network="127.82", bus=RealRedis(three.url, users=users)) as cluster,
        patient_client() as http,
    ):
        answers = await disturbed(cluster, http, move_all_there_is)
        assert [answer for answer in answers if answer.status != OK] == []
        assert len(answers) == RECORDS * WRITERS
        await lose_nothing(cluster, http)


async def test_a_master_that_dies_is_replaced_and_nothing_that_was_promised_is_lost(
    tmp_path: Path, swarm: list[Endpoint]
) -> None:
    with small_cluster(tmp_path / "redis", replicas=True) as six:
        async with (
            running_cluster(tmp_path, swarm, network="127.85", bus=RealRedis(six.url)) as cluster,
            patient_client() as http,
        ):

            async def kill_one() -> None:
                six.masters[0].kill()

            answers = await disturbed(cluster, http, kill_one)
            assert len(answers) == RECORDS * WRITERS
            assert all("code" in answer.document for answer in answers if answer.status != OK)

            def whole() -> bool:
                return b"cluster_state:ok" in six.masters[1].ask("CLUSTER", "INFO")

            await wait_until(whole, "its replica has taken over", WITHIN)
            await lose_nothing(cluster, http)


CALM = replace(test_sharding.PACE, member_ttl_ms=30_000, grace_s=30.0)
"""A machine that is busy with other things must not make one replica miss the others, or help them out."""


async def test_requests_meet_in_their_replica_and_idle_readers_wait(three: SmallCluster) -> None:
    async with open_rig(three.url) as rig:
        replicas = test_sharding.replica(rig, pace=CALM), test_sharding.replica(rig, pace=CALM)
        async with replicas[0] as (one, _), replicas[1] as (two, _):
            await test_sharding.settled(one, two)
            async with rig.requester() as requester:
                await test_sharding.begun(requester, one, two)
                await test_sharding.ask_all(requester, times=3)
            at_home = test_sharding.homes(one, two)
        assert set(at_home) == set(test_sharding.TARGETS)
        assert all(len(replicas) == 1 for replicas in at_home.values())


async def test_a_replica_with_less_room_than_partitions_reads_them_all(three: SmallCluster) -> None:
    async with (
        open_rig(three.url) as rig,
        test_sharding.replica(rig, concurrency=3) as (small, _),
        rig.requester() as requester,
    ):
        await test_sharding.ask_all(requester)
    assert small.most <= 3


async def test_leases_and_transactions_follow_their_slot(three: SmallCluster) -> None:
    now = SystemClock().utc_ms()
    async with open_rig(three.url) as rig:
        leases = RedisLeases(rig.redis)
        lease = Lease(bytes(20), 1, b"copy", now + 60_000)
        await leases.keep(lease, due_ms=now, now_ms=now)
        asked: list[int] = []

        def meanwhile() -> None:
            asked.append(1)

        await asyncio.to_thread(three.move_slot, slot_of(streams.KEPT_DUE), pause=meanwhile)
        assert asked
        claimed = await leases.claim(now_ms=now, hold_ms=1000, limit=16)
        assert claimed.leases == (lease,)
        key = streams.replies("0123")
        three.move_slot(slot_of(key))
        transaction = [("MULTI",), ("XADD", key, "*", "a", "b"), ("PEXPIRE", key, 60_000), ("EXEC",)]
        *_, executed = await rig.redis.shared.pipeline(transaction)
        assert executed[1] == 1


async def test_a_key_on_its_way_is_asked_for_where_it_is(three: SmallCluster) -> None:
    """Between SETSLOT and the end of a migration the old owner says ASK for what it has no more."""
    key = streams.idempotency("acme", "k")
    slot = slot_of(key)
    ids = {master.port: master.ask("CLUSTER", "MYID").decode() for master in three.masters}
    async with open_rig(three.url) as rig:
        source = next(master for master in three.masters if master.port == owner(three, slot))
        target = three.masters[(three.masters.index(source) + 1) % 3]
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
        await rig.ask("SET", key, "there already", "PX", 60_000)
        assert await rig.ask("GET", key) == b"there already"
        with pytest.raises(AskError):
            source.ask("GET", key)


def owner(cluster: SmallCluster, slot: int) -> int:
    rows = cluster.masters[0].ask("CLUSTER", "SLOTS")
    return next(int(node[1]) for first, last, node, *_ in rows if first <= slot <= last)


async def test_what_was_expected_and_what_is_there_are_told_apart(three: SmallCluster, tmp_path: Path) -> None:
    async def said(url: str) -> str:
        with pytest.raises(ScoutError) as caught:
            async with connect(url, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())):
                pass
        return caught.value.detail

    alone = RedisProcess(tmp_path / "alone")
    with running(alone):
        assert "expected one server at" in await said(f"redis://{three.masters[0].address}")
        assert "cluster support disabled" in await said(f"redis+cluster://{alone.address}")
