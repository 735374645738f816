"""A master that Sentinels watch: it is killed, or asked to hand over, in the middle of traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisDown, connect
from shared.clock import SystemClock
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint
from tests.integration.bus.conftest import open_rig
from tests.support.bus import SAY, Say, echoing, within
from tests.support.bus import running as serving
from tests.support.cluster import running_cluster
from tests.support.redis_bus import RealRedis, Users
from tests.support.redis_servers import Watched, refused, watched
from tests.support.syncs import OK, RECORDS, WRITERS, disturbed, lose_nothing, patient_client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

WITHIN = 30.0


@pytest.fixture
def group(tmp_path: Path, users: Users) -> Iterator[Watched]:
    with watched(tmp_path / "redis", users) as found:
        yield found


def as_admin(group: Watched, users: Users) -> str:
    """The URL of somebody who may do all that a test does."""
    return group.url.replace("://", f"://scout-admin:{users.password('scout-admin')}@")


async def kill(group: Watched) -> None:
    (await asyncio.to_thread(group.master)).kill()


async def hand_over(group: Watched) -> None:
    await asyncio.to_thread(group.failover)


@pytest.mark.parametrize("disturb", [kill, hand_over])
async def test_a_failover_in_the_middle_loses_nothing_that_was_promised(
    tmp_path: Path,
    swarm: list[Endpoint],
    group: Watched,
    users: Users,
    disturb: Callable[[Watched], Awaitable[None]],
) -> None:
    before = group.master()
    async with (
        running_cluster(tmp_path, swarm, network="127.80", bus=RealRedis(group.url, users=users)) as cluster,
        patient_client() as http,
    ):
        answers = await disturbed(cluster, http, lambda: disturb(group))
        assert len(answers) == RECORDS * WRITERS
        assert all("code" in answer.document for answer in answers if answer.status != OK)
        await wait_until(lambda: group.settled(before), "another is master", WITHIN)
        await lose_nothing(cluster, http)
    assert refused(*(server for server in group.servers if server.alive)) == []


async def test_a_call_that_the_old_master_took_is_answered_through_the_new_one(group: Watched, users: Users) -> None:
    async with open_rig(as_admin(group, users)) as rig, rig.requester() as requester, asyncio.TaskGroup() as tasks:
        assert await rig.ask("WAIT", 1, 1000) == 1
        call = tasks.create_task(requester.call(SAY, Say(text="still there"), within(WITHIN)))

        async def accepted() -> bool:
            length: int = await rig.ask("XLEN", "scout:{echo}:requests")
            return length == 1

        await wait_until(accepted, "the master has the request")
        await rig.ask("WAIT", 1, 1000)
        await kill(group)
        async with serving(rig.consumer(echoing())):
            assert (await call).text == "still there"


async def test_connections_to_a_master_that_became_a_replica_are_made_again(group: Watched, users: Users) -> None:
    before = group.master()
    async with open_rig(as_admin(group, users)) as rig:
        await rig.ask("SET", "scout:{idempotency}:t:k", "v", "PX", 60_000)
        await hand_over(group)
        await wait_until(lambda: group.master() is not before, "another is master", WITHIN)

        async def written() -> bool:
            # for a moment the old master takes what it will lose
            try:
                await rig.ask("SET", "scout:{idempotency}:t:k", "w", "PX", 60_000)
            except RedisDown:
                return False
            return bool(group.master().ask("GET", "scout:{idempotency}:t:k") == b"w")

        await wait_until(written, "the new master has it", WITHIN)


async def test_sentinels_that_are_away_or_know_no_such_master_are_named(group: Watched, users: Users) -> None:
    group.sentinels[0].kill()
    async with open_rig(as_admin(group, users)) as rig:
        assert await rig.ask("ECHO", "by the second") == b"by the second"
    with pytest.raises(ScoutError, match="knows no master named 'another'") as caught:
        async with connect(
            group.url.replace("/scout", "/another"), clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())
        ):
            pass
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


async def test_a_sentinel_is_no_server_and_a_server_no_sentinel(group: Watched) -> None:
    async def said(url: str) -> str:
        with pytest.raises(ScoutError) as caught:
            async with connect(url, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())):
                pass
        return caught.value.detail

    assert "got a server in sentinel mode" in await said(f"redis://{group.sentinels[0].address}")
    group.sentinels[0].kill()
    line = await said(f"redis+sentinel://{group.sentinels[0].address},{group.servers[0].address}/scout")
    assert f"{group.sentinels[0].address}: nobody listens there (connection refused)" in line
    assert f"{group.servers[0].address}: the server wants a password" in line
