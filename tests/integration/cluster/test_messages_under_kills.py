"""500 messages in one record, in bursts of three members, while processes are killed: none lost, none out of order."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

import scout
from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.cluster import START_WITHIN, Cluster, ServiceProcess, running_cluster
from tests.support.waiting import wait_until

MEMBERS = 3
MESSAGES = 167
"""Of each member: 501 in all."""
BURST = (10, 30)
PAUSE_S = (0.8, 2.0)
"""Between a process that is ready again and the next kill."""
KILLED = ("api", "crypto")
SHORT = {"SCOUT_API_DEADLINE_MS": "3000"}
"""A key of a killed process's request is free again a while after its deadline."""
SECRET = b"\x51" * 32

pytestmark = [pytest.mark.many_kills, pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Left:
    """A message whose sender was told that it is stored."""

    burst: int
    body: bytes
    number: int
    target: bytes


@dataclass
class Member:
    """One who sends in bursts, through whichever API answers."""

    number: int
    links: list[scout.Link]
    dice: random.Random
    left: list[Left] = field(default_factory=list)
    tries: int = 0

    async def send_all(self) -> None:
        burst = 0
        while len(self.left) < MESSAGES:
            size = min(self.dice.randint(*BURST), MESSAGES - len(self.left))
            bodies = [b"%d.%d.%d" % (self.number, burst, n) for n in range(size)]
            self.left += await asyncio.gather(*(self._leave(burst, body) for body in bodies))
            burst += 1

    async def _leave(self, burst: int, body: bytes) -> Left:
        """Until it is said to be stored: the SDK tries again with its Idempotency-Key, and then its caller does."""
        while True:
            self.tries += 1
            try:
                sent = await self.dice.choice(self.links).send(body, keep=600)
            except scout.ClientError:
                continue
            assert sent.number is not None
            return Left(burst, body, sent.number, sent.target)


@dataclass
class Killer:
    """Kills one process after the other and starts each again."""

    cluster: Cluster
    dice: random.Random
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KILLED, 0))

    async def run(self, http: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(self.dice.uniform(*PAUSE_S))  # the pace of the disturbance, nothing is waited for
            process = self.dice.choice([service for name in KILLED for service in self.cluster.of(name)])
            process.kill()
            await process.wait()
            self.kills[process.name] += 1
            await self._start(process, http)

    async def make_up(self, http: aiohttp.ClientSession) -> None:
        """Have everything running again."""
        for process in self.cluster.services:
            assert process.process is not None
            if process.process.returncode is not None or not await process.ready(http):
                await self._start(process, http)

    async def _start(self, process: ServiceProcess, http: aiohttp.ClientSession) -> None:
        if process.process is None or process.process.returncode is not None:
            await process.start()
        await wait_until(lambda: process.ready(http), f"{process.name} is ready again", START_WITHIN)


@pytest.fixture
async def swarm() -> AsyncIterator[list[Endpoint]]:
    async with open_swarm(16, "127.58", clock=SystemClock(), entropy=os.urandom) as nodes:
        yield entry_points(nodes)


async def everything(link: scout.Link) -> tuple[dict[tuple[int, int | None], scout.ReceivedMessage], list[scout.Gap]]:
    """All messages by member and number, read to the ends of their lists, and the gaps that were reported."""
    found: dict[tuple[int, int | None], scout.ReceivedMessage] = {}
    gaps: list[scout.Gap] = []
    cursors: list[str | None] = [None]
    while cursors:
        read = await link.messages(limit=100, cursor=cursors.pop())
        for message in read.messages:
            assert (message.member, message.number) not in found
            found[message.member, message.number] = message
        gaps += read.gaps
        cursors += [more.cursor for more in read.more]
    return found, gaps


async def test_500_messages_while_api_and_crypto_processes_are_killed(tmp_path: Path, swarm: list[Endpoint]) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown with a failure, for who wants to see it again
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            running_cluster(tmp_path, swarm, network="127.57", api_settings=SHORT)
        )
        clients = [await stack.enter_async_context(scout.Client(url)) for url in cluster.api_urls]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        members = [
            Member(
                number,
                [await client.link_from_secret(SECRET, number) for client in clients],
                random.Random(dice.random()),
            )
            for number in range(MEMBERS)
        ]
        killer = Killer(cluster, dice)
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(killer.run(http))
            async with asyncio.TaskGroup() as sending:
                for member in members:
                    sending.create_task(member.send_all())
            killing.cancel()
        await killer.make_up(http)
        found, gaps = await everything(await clients[0].link_from_secret(SECRET, MEMBERS))
    assert min(killer.kills.values()) > 0
    assert gaps == []
    for member in members:
        check(member, {number: one for (of, number), one in found.items() if of == member.number})


def check(member: Member, found: dict[int | None, scout.ReceivedMessage]) -> None:
    """Each message is where its sender was told, those of a burst stand before those of the next, none is missing.

    Nothing more is there than what was tried: a call whose process was killed may have been carried out.
    """
    assert len(member.left) == MESSAGES
    for left in member.left:
        assert (found[left.number].target, bytes(found[left.number].body)) == (left.target, left.body)
    assert sorted(number for number in found if number) == list(range(1, len(found) + 1))
    assert len(found) <= member.tries
    assert {bytes(one.body) for one in found.values()} == {left.body for left in member.left}
    ordered = sorted(member.left, key=lambda left: left.number)
    assert [left.burst for left in ordered] == sorted(left.burst for left in ordered)
