"""Requests about one target meet in one replica, whoever comes and goes, and none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.consumer import Consumer, consumer_name
from shared.bus.meters import BusMeters
from shared.bus.partitions import Partitions, owned
from shared.bus.ports import Requester
from shared.clock import SystemClock
from shared.contracts.dht import GET_IMMUTABLE, GetImmutable, GetImmutableReply, LookupReport
from shared.contracts.operation import CallContext
from tests.integration.bus.conftest import Rig
from tests.support.bus import within
from tests.support.waiting import wait_until

PACE = streams.Pace(
    lease_ms=300, renew_s=0.05, claim_s=0.05, block_ms=50, sweep_s=1.0, member_ttl_ms=1_000, grace_s=0.2
)
PARTITIONS = streams.DHT_PARTITIONS
TARGETS = [bytes([first, 1]) + bytes(18) for first in range(0, 256, 4)]
"""Four in each partition."""
REPORT = LookupReport(asked=0, answered=0, timed_out=0, elapsed_ms=0.0)


@dataclass
class Replica:
    """One consumer of the DHT's requests that writes down what it is asked for."""

    asked: Counter[bytes] = field(default_factory=Counter)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    inside: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def partitions(self) -> float | None:
        return self.registry.get_sample_value("scout_bus_partitions", {"group": "dht"})

    async def get(self, request: GetImmutable, _context: CallContext) -> GetImmutableReply:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.asked[request.target] += 1
        await self.gate.wait()
        await asyncio.sleep(0)
        self.inside -= 1
        return GetImmutableReply(value=request.target, report=REPORT)


@contextlib.asynccontextmanager
async def replica(
    rig: Rig, *, concurrency: int = 256, pace: streams.Pace = PACE, name: str | None = None
) -> AsyncIterator[tuple[Replica, asyncio.Task[None]]]:
    """Run one until the block ends, then drain it; its task may be killed before."""
    made, stop = Replica(), asyncio.Event()
    consumer = Consumer(
        rig.redis,
        service="dht",
        handlers={GET_IMMUTABLE: made.get},
        clock=SystemClock(),
        meters=BusMeters.build(made.registry),
        concurrency=concurrency,
        pace=pace,
        name=name or consumer_name(),
    )
    task = asyncio.get_running_loop().create_task(consumer.run(stop))
    try:
        yield made, task
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def settled(*replicas: Replica) -> None:
    """Wait until every partition is read by one of them, and by no other."""
    await wait_until(
        lambda: sum(one.partitions or 0 for one in replicas) == PARTITIONS and all(one.partitions for one in replicas),
        "the partitions are shared out",
    )


async def ask(requester: Requester, target: bytes) -> None:
    reply = await requester.call(GET_IMMUTABLE, GetImmutable(target=target), within(8))
    assert reply.value == target


async def ask_all(requester: Requester, times: int = 1) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(times):
            for target in TARGETS:
                tasks.create_task(ask(requester, target))


async def begun(requester: Requester, *replicas: Replica) -> None:
    """Let reads end that began before the partitions were shared out: they may still be given something."""
    await ask_all(requester, times=2)
    for one in replicas:
        one.asked.clear()


def homes(*replicas: Replica) -> dict[bytes, list[int]]:
    """Target -> the numbers of the replicas that were asked for it."""
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, one in enumerate(replicas):
        for target in one.asked:
            found[target].append(number)
    return found


async def test_requests_about_one_target_meet_in_one_replica(rig: Rig) -> None:
    # a machine that is busy with other things must not make one of them miss the others, or help them out
    pace = replace(PACE, member_ttl_ms=30_000, grace_s=30.0)
    replicas = replica(rig, pace=pace), replica(rig, pace=pace), replica(rig, pace=pace)
    async with replicas[0] as (one, _), replicas[1] as (two, _), replicas[2] as (three, _):
        await settled(one, two, three)
        async with rig.requester() as requester:
            await begun(requester, one, two, three)
            await ask_all(requester, times=5)
        at_home = homes(one, two, three)
    assert set(at_home) == set(TARGETS)
    assert all(len(replicas) == 1 for replicas in at_home.values())
    assert sum(one.asked.total() for one in (one, two, three)) == 5 * len(TARGETS)


async def test_when_a_replica_is_killed_its_targets_move_and_nothing_it_had_in_hand_is_lost(rig: Rig) -> None:
    async with (
        replica(rig) as (dying, task),
        replica(rig) as (living, _),
        rig.requester() as requester,
        asyncio.TaskGroup() as tasks,
    ):
        await settled(dying, living)
        dying.gate.clear()
        in_hand = tasks.create_task(ask_all(requester))
        await wait_until(lambda: dying.inside, "it has requests in hand")
        task.cancel()
        await asyncio.wait([task])
        await settled(living)
        await asyncio.gather(in_hand, ask_all(requester))
        before = living.asked.copy()
        await ask_all(requester)
    assert living.asked - before == Counter(TARGETS)


async def test_when_replicas_come_and_go_under_traffic_every_request_is_answered(rig: Rig) -> None:
    done = asyncio.Event()

    async def traffic(requester: Requester) -> int:
        rounds = 0
        while not done.is_set():
            await ask_all(requester)
            rounds += 1
        return rounds

    async with replica(rig) as (first, _), rig.requester() as requester, asyncio.TaskGroup() as tasks:
        flowing = tasks.create_task(traffic(requester))
        async with replica(rig) as (second, _):
            await settled(first, second)
            async with replica(rig) as (third, _):
                await settled(first, second, third)
            await settled(first, second)
        await settled(first)
        done.set()
    assert flowing.result() > 1
    assert second.asked
    assert third.asked


async def test_what_an_owner_does_not_read_is_read_by_others_after_a_grace(rig: Rig) -> None:
    stuck = Partitions("dht", "stuck", SystemClock(), PACE)
    done = asyncio.Event()

    async def only_say_that_we_live() -> None:
        while not done.is_set():
            await stuck.sign_of_life(rig.redis.shared)
            await asyncio.sleep(PACE.renew_s)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(only_say_that_we_live())
        async with replica(rig) as (one, _), rig.requester() as requester:
            await wait_until(lambda: 0 < (one.partitions or 0) < PARTITIONS, "it owns its share only")
            await ask_all(requester)
            done.set()
    assert one.asked == Counter(TARGETS)


async def test_a_replica_with_less_room_than_partitions_reads_them_all_in_turn(rig: Rig) -> None:
    async with replica(rig, concurrency=3) as (small, _), rig.requester() as requester:
        await ask_all(requester, times=2)
    assert small.most <= 3
    assert small.asked == Counter(TARGETS * 2)


async def test_one_who_owns_no_partition_waits_and_takes_over_when_the_others_go(rig: Rig) -> None:
    others = [f"other-{number}" for number in range(12)]
    spare = next(name for name in map(str, itertools.count()) if not owned(streams.shards("dht"), others, name))
    async with replica(rig, name=spare) as (one, _), rig.requester() as requester:
        for number in range(len(others)):
            await rig.ask("ZADD", streams.members("dht"), 2**50, others[number])
        await wait_until(lambda: one.partitions == 0, "it owns nothing")
        await rig.ask("ZREM", streams.members("dht"), *others)
        await ask_all(requester)
    assert one.asked == Counter(TARGETS)


async def test_idle_partitions_are_waited_for_not_polled(rig: Rig) -> None:
    async with replica(rig) as (one, _):
        await settled(one)
        await rig.ask("CONFIG", "RESETSTAT")
        await asyncio.sleep(0.5)
        stats = (await rig.ask("INFO", "commandstats")).decode()
        reads = next(line for line in stats.splitlines() if line.startswith("cmdstat_xreadgroup:"))
    # a block of 50 ms each, and one command for all sixteen
    assert int(reads.partition("calls=")[2].partition(",")[0]) <= 11


async def test_one_who_leaves_hands_over_at_once_and_leaves_no_trace(rig: Rig) -> None:
    async with replica(rig) as (one, _):
        async with replica(rig) as (two, _):
            await settled(one, two)
        assert await rig.ask("ZCARD", streams.members("dht")) == 1
        assert 0 < await rig.ask("PTTL", streams.members("dht")) <= PACE.member_ttl_ms
    for shard in streams.shards("dht"):
        assert await rig.ask("XINFO", "CONSUMERS", streams.requests(shard), "dht") == []
