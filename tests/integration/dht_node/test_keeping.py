"""Keeping alive: four nodes on one real bus, hours of virtual time, and deaths among them."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.dht_node.keep_meters import KeepMeters
from services.dht_node.keeper import Keeper
from services.dht_node.keeping import Copy, KeepPace, lease_of
from shared.bus.leases import RedisLeases
from shared.bus.meters import BusMeters
from shared.bus.ports import Lease
from shared.bus.redis_client import RedisClient, connect
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from tests.support.bus import server
from tests.support.twin_dht import TwinDht
from tests.support.virtual_time import VirtualTime

ITEMS = 1_000
NODES = 4
HOUR = 3600.0
DAY_MS = 24 * 3_600_000
PACE = KeepPace()
LATE = 2 * PACE.poll_s
"""Seconds by which a put may come after its time: a look at the index, ±50 %, and the batch before it."""
TAKEN_OVER = 120.0

Puts = defaultdict[bytes, list[float]]
"""Value -> when it was put."""


class Log(TwinDht):
    """A DHT that writes down when each item was put, and can be made to hang."""

    def __init__(self, time: VirtualTime, puts: Puts) -> None:
        super().__init__(1)
        self._time = time
        self._puts = puts
        self.hangs = False
        self.stuck = False

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        if self.hangs:
            self.stuck = True
            await asyncio.get_running_loop().create_future()
        self._puts[request.value].append(self._time.clock.monotonic())
        return await super().put_immutable(request, context)


@dataclass
class Node:
    """One keeper in a task of its own."""

    service: TwinDht
    registry: CollectorRegistry
    keeper: Keeper
    task: asyncio.Task[None]

    def sample(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"scout_dht_kept_{name}", labels)
        assert value is not None
        return value

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass
class Cluster:
    """Nodes on one bus, in one virtual time."""

    redis: RedisClient
    time: VirtualTime = field(default_factory=VirtualTime)
    puts: Puts = field(default_factory=lambda: defaultdict(list))
    nodes: list[Node] = field(default_factory=list)

    def start(self, service: TwinDht) -> Node:
        registry, leases = CollectorRegistry(), RedisLeases(self.redis)
        keeper = Keeper(
            service,
            leases,
            clock=self.time.clock,
            dice=random.Random(len(self.nodes)),
            meters=KeepMeters.build(registry),
            able=lambda: True,
            pause=self.time.pause,
        )
        node = Node(service, registry, keeper, asyncio.get_running_loop().create_task(keeper.run()))
        self.nodes.append(node)
        return node

    async def pass_by(self, seconds: float) -> None:
        await self.time.pass_by(seconds, self._living)

    async def keep_a_thousand(self) -> None:
        """Items that were put just now by somebody else."""
        dice, leases = random.Random(7), RedisLeases(self.redis)
        for number in range(ITEMS):
            value = b"i%de" % number
            due_ms = PACE.next_ms(self.time.clock, dice)
            await leases.keep(lease_on(value, self.time), due_ms=due_ms, now_ms=self.time.clock.utc_ms())
            self.puts[value].append(self.time.clock.monotonic())

    def waits(self) -> list[tuple[float, float]]:
        """From each put of an item to its next, and from its last to now."""
        now = self.time.clock.monotonic()
        return [wait for puts in self.puts.values() for wait in pairwise([*puts, now])]

    def twice(self) -> int:
        """Puts that came before the shortest interval after the last one was over."""
        shortest = HOUR * (1 - PACE.jitter) - 0.001
        return sum(later - earlier < shortest for puts in self.puts.values() for earlier, later in pairwise(puts))

    def _living(self) -> int:
        return sum(not node.task.done() and not getattr(node.service, "stuck", False) for node in self.nodes)


def lease_on(value: bytes, time: VirtualTime) -> Lease:
    return lease_of(Copy(value=value), time.clock.utc_ms() + DAY_MS)


@pytest.fixture
async def cluster(redis_url: str) -> AsyncIterator[Cluster]:
    async with connect(redis_url, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())) as redis:
        cluster = Cluster(redis)
        yield cluster
        for node in cluster.nodes:
            await node.kill()


async def test_a_thousand_items_are_each_put_again_once_an_hour_by_one_of_four_nodes(cluster: Cluster) -> None:
    await cluster.keep_a_thousand()
    for _ in range(NODES):
        cluster.start(Log(cluster.time, cluster.puts))
    await cluster.pass_by(3 * HOUR)
    assert max(later - earlier for earlier, later in cluster.waits()) <= HOUR * (1 + PACE.jitter) + LATE
    assert cluster.twice() == 0
    shares = [node.sample("republished_total", outcome="stored") for node in cluster.nodes]
    assert sum(shares) == sum(len(puts) - 1 for puts in cluster.puts.values()) >= 2 * ITEMS
    assert min(shares) > ITEMS / 4
    assert {node.sample("items") for node in cluster.nodes} == {ITEMS}
    assert {node.sample("overdue_items") for node in cluster.nodes} == {0}


async def test_two_nodes_that_die_with_work_in_hand_are_made_up_for_within_two_minutes(cluster: Cluster) -> None:
    await cluster.keep_a_thousand()
    services = [Log(cluster.time, cluster.puts) for _ in range(NODES)]
    for service in services:
        cluster.start(service)
    await cluster.pass_by(HOUR)
    services[0].hangs = services[1].hangs = True
    await cluster.pass_by(4 * PACE.poll_s)
    assert services[0].stuck
    assert services[1].stuck
    died = cluster.time.clock.monotonic()
    for node in cluster.nodes[:2]:
        await node.kill()
    await cluster.pass_by(2 * HOUR)
    for earlier, later in cluster.waits():
        made_up = TAKEN_OVER if earlier < died < later else LATE
        assert later - earlier <= HOUR * (1 + PACE.jitter) + made_up
    assert cluster.twice() <= ITEMS // 100
    assert {node.sample("overdue_items") for node in cluster.nodes[2:]} == {0}


async def test_an_item_that_can_not_be_put_again_becomes_overdue_and_is_tried_until_it_can(cluster: Cluster) -> None:
    now_ms = cluster.time.clock.utc_ms()
    await RedisLeases(cluster.redis).keep(lease_on(b"2:hi", cluster.time), due_ms=now_ms, now_ms=now_ms)
    twin = TwinDht(loss=1.0)
    node = cluster.start(twin)
    await cluster.pass_by(300)
    assert node.sample("overdue_items") == 1
    assert node.sample("republished_total", outcome="failed") >= 3
    twin.loss = 0.0
    await cluster.pass_by(120)
    assert node.sample("overdue_items") == 0
    assert node.sample("republished_total", outcome="stored") == 1


async def test_kept_items_survive_the_death_of_the_server(tmp_path: Path) -> None:
    meters, time = BusMeters.build(CollectorRegistry()), VirtualTime()
    now_ms = time.clock.utc_ms()
    lease = lease_on(b"2:hi", time)
    with server(tmp_path, appendonly="yes", appendfsync="always") as running:
        async with connect(running.connection_url, clock=SystemClock(), meters=meters) as redis:
            await RedisLeases(redis).keep(lease, due_ms=now_ms, now_ms=now_ms)
        running._process.kill()  # no goodbye: the append-only file is all there is
    with server(tmp_path, appendonly="yes", appendfsync="always") as running:
        async with connect(running.connection_url, clock=SystemClock(), meters=meters) as redis:
            claimed = await RedisLeases(redis).claim(now_ms=now_ms, hold_ms=1, limit=1)
    assert claimed.leases == (lease,)
