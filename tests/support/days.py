"""A whole cluster on a private DHT, and clients of every kind, through days that pass while nobody asks anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from prometheus_client import CollectorRegistry

import scout
from scout.transport import Surroundings
from services.standalone.app import Stack, open_stack
from services.standalone.config import StandaloneConfig
from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisClient, connect
from shared.bus.streams import KEPT_DUE
from shared.clock import SystemClock
from shared.format.scout2 import epochs
from shared.settings import Endpoint
from tests.support.moving_time import MovingClock

NETWORK = "127.64"
NODES = 6
"""With the cluster's own as many as a put's quorum needs, and two to spare."""
BEGIN_S = 1_800_000_000
"""Friday, 15 January 2027, 08:00 UTC."""
HOUR_S, DAY_S = 3_600, 86_400
LATE_S = 15
"""Between two looks at whether all is well: no keeper sleeps longer than that."""
LOOKS = 40


@dataclass
class Days:
    """The cluster, and its time."""

    clock: MovingClock
    stack: Stack
    http: aiohttp.ClientSession
    redis: RedisClient
    clients: AsyncExitStack
    stride_s: float
    """The longest skip. After two hours nodes have forgotten every item, and only what is kept comes back."""
    sessions: list[scout.Session] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        """Unix seconds."""
        return self.clock.utc_ms() / 1000

    @property
    def surroundings(self) -> Surroundings:
        """In which clients have the cluster's clock."""
        return Surroundings(clock=self.clock)

    async def managed(self) -> scout.Client:
        """A client whose keys the service has."""
        return await self.clients.enter_async_context(scout.Client(self.stack.api_url, surroundings=self.surroundings))

    async def blind(self) -> scout.BlindClient:
        """One that keeps its keys to itself."""
        return await self.clients.enter_async_context(self.passing_blind())

    def passing_blind(self) -> scout.BlindClient:
        """The same, for a block of its own."""
        return scout.BlindClient(self.stack.api_url, surroundings=self.surroundings)

    async def session(self) -> scout.Session:
        """A peer of its own on the same DHT."""
        bootstrap = [str(node) for node in self.stack.swarm[:2]]
        session = scout.Session(
            bootstrap=bootstrap, listen=f"{NETWORK}.100.{len(self.sessions) + 1}:0", surroundings=self.surroundings
        )
        self.sessions.append(await self.clients.enter_async_context(session))
        return session

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, until all that is to be put again by then has been."""
        await self.until(self.now_s + seconds)

    async def until(self, moment_s: float) -> None:
        """The same, up to a moment in Unix seconds."""
        while (left := moment_s - self.now_s) > 0:
            await self.clock.skip(min(left, self.stride_s))
            await self._settle()

    async def _settle(self) -> None:
        """Wait until everybody has a network around him again, and the keepers have done what was due."""
        well = False
        for _ in range(LOOKS):
            # what a session keeps is put by the first of its looks at which it has a network
            well, was_well = await self._is_well() and await self._due() == 0, well
            if well and was_well:
                return
            await self.clock.skip(LATE_S)
        raise AssertionError(f"after {LOOKS * LATE_S} s the cluster was not well")

    async def _is_well(self) -> bool:
        async with self.http.get(f"{self.stack.ops_url}/readyz") as answer:
            return answer.status == 200 and all(session.joined for session in self.sessions)

    async def _due(self) -> int:
        """Items that the cluster should have put again by now."""
        return int(await self.redis.shared.command("ZCOUNT", KEPT_DUE, "-inf", self.clock.utc_ms()))


@asynccontextmanager
async def running_days(stride_s: float) -> AsyncIterator[Days]:
    """Run a cluster until the block ends; in a `MovingLoop`."""
    config = StandaloneConfig(swarm=NODES, swarm_network=NETWORK, api_listen=Endpoint("127.0.0.1", 0))
    clock, meters = MovingClock(BEGIN_S * 1000), BusMeters.build(CollectorRegistry())
    async with (
        open_stack(config, clock=clock, entropy=os.urandom) as stack,
        connect(stack.redis_url, clock=SystemClock(), meters=meters) as redis,
        aiohttp.ClientSession() as http,
        AsyncExitStack() as clients,
    ):
        yield Days(clock, stack, http, redis, clients, stride_s)


def noon(phase: int, number: int) -> float:
    """The middle of the `number`-th epoch after the cluster's beginning, Unix seconds."""
    return turn(phase, number) + DAY_S / 2


def turn(phase: int, number: int) -> float:
    """Its beginning."""
    return epochs.began(phase, epochs.epoch_at(phase, BEGIN_S) + number)
