"""Consumers and requesters on a real server, with a pace that suits tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.consumer import Consumer
from shared.bus.janitor import Janitor
from shared.bus.meters import BusMeters
from shared.bus.partitions import Partitions
from shared.bus.ports import Handlers
from shared.bus.redis_client import RedisClient, connect
from shared.bus.requester import RedisRequester
from shared.clock import SystemClock

PACE = streams.Pace(lease_ms=300, renew_s=0.05, claim_s=0.05, block_ms=50, sweep_s=0.05)

REQUESTS = streams.requests("echo")
DEAD = streams.dead_letters("echo")


@dataclass(frozen=True)
class Rig:
    """One process's view of a bus."""

    redis: RedisClient
    registry: CollectorRegistry
    meters: BusMeters
    url: str

    def consumer(self, handlers: Handlers, **fields: Any) -> Consumer:
        given: dict[str, Any] = {"clock": SystemClock(), "pace": PACE, **fields}
        return Consumer(self.redis, service="echo", handlers=handlers, meters=self.meters, **given)

    def janitor(self, name: str) -> Janitor:
        return Janitor(self.redis.shared, Partitions("echo", name, SystemClock(), PACE), self.meters, PACE)

    def requester(self, **fields: Any) -> RedisRequester:
        return RedisRequester(self.redis, clock=SystemClock(), meters=self.meters, **fields)

    async def ask(self, *command: bytes | str | int) -> Any:
        """A command of the test's own."""
        return await self.redis.shared.command(*command)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@contextlib.asynccontextmanager
async def open_rig(url: str) -> AsyncIterator[Rig]:
    registry = CollectorRegistry()
    meters = BusMeters.build(registry)
    async with connect(url, clock=SystemClock(), meters=meters) as redis:
        yield Rig(redis, registry, meters, url)


@pytest.fixture
async def rig(redis_url: str) -> AsyncIterator[Rig]:
    async with open_rig(redis_url) as opened:
        yield opened
