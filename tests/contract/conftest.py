"""One suite, two buses; of the leases there is a third kind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.budgets import MemoryBudgets, RedisBudgets
from shared.bus.consumer import Consumer
from shared.bus.dead_letters import RedisDeadLetters
from shared.bus.fleet import RedisFleet
from shared.bus.key_value import RedisKeyValue
from shared.bus.leases import RedisLeases
from shared.bus.memory import MemoryBus, MemoryKeyValue
from shared.bus.memory_fleet import MemoryDeadLetters, MemoryFleet
from shared.bus.memory_leases import MemoryLeases
from shared.bus.memory_sightings import MemorySightings
from shared.bus.meters import BusMeters
from shared.bus.ports import Budgets, DeadLetters, Fleet, Handlers, KeyValue, Leases, Requester
from shared.bus.redis_client import RedisClient, connect
from shared.bus.requester import RedisRequester
from shared.bus.saved_leases import SavedLeases
from shared.bus.sightings import RedisSightings
from shared.clock import SystemClock
from shared.contracts.sightings import Sightings
from tests.support.bus import running

MAX_BACKLOG = 20
CONCURRENCY = 4
MAX_KEPT = 5


class Bus(Protocol):
    """What the suite needs of either bus."""

    registry: CollectorRegistry

    def requester(self) -> contextlib.AbstractAsyncContextManager[Requester]: ...

    def serve(self, handlers: Handlers) -> contextlib.AbstractAsyncContextManager[object]: ...

    def key_value(self) -> KeyValue: ...

    def leases(self) -> Leases: ...

    def budgets(self) -> Budgets: ...

    def sightings(self) -> Sightings: ...

    def fleet(self) -> Fleet: ...

    def dead_letters(self) -> DeadLetters: ...


class OverRedis:
    def __init__(self, redis: RedisClient, registry: CollectorRegistry, meters: BusMeters) -> None:
        self.registry = registry
        self._redis = redis
        self._meters = meters

    @contextlib.asynccontextmanager
    async def requester(self) -> AsyncIterator[Requester]:
        async with RedisRequester(
            self._redis, clock=SystemClock(), meters=self._meters, max_backlog=MAX_BACKLOG
        ) as requester:
            yield requester

    def serve(self, handlers: Handlers) -> contextlib.AbstractAsyncContextManager[object]:
        return running(
            Consumer(
                self._redis,
                service="echo",
                handlers=handlers,
                clock=SystemClock(),
                meters=self._meters,
                concurrency=CONCURRENCY,
            )
        )

    def key_value(self) -> KeyValue:
        return RedisKeyValue(self._redis)

    def leases(self) -> Leases:
        return RedisLeases(self._redis, limit=MAX_KEPT)

    def budgets(self) -> Budgets:
        return RedisBudgets(self._redis)

    def sightings(self) -> Sightings:
        return RedisSightings(self._redis)

    def fleet(self) -> Fleet:
        return RedisFleet(self._redis)

    def dead_letters(self) -> DeadLetters:
        return RedisDeadLetters(self._redis, ["echo"], SystemClock())


class InMemory:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._budgets = MemoryBudgets(SystemClock())
        self._bus = MemoryBus(
            SystemClock(), BusMeters.build(self.registry), concurrency=CONCURRENCY, max_backlog=MAX_BACKLOG
        )

    @contextlib.asynccontextmanager
    async def requester(self) -> AsyncIterator[Requester]:
        yield self._bus.requester()

    def serve(self, handlers: Handlers) -> contextlib.AbstractAsyncContextManager[object]:
        return self._bus.serve("echo", handlers)

    def key_value(self) -> KeyValue:
        return MemoryKeyValue(SystemClock())

    def leases(self) -> Leases:
        return MemoryLeases(limit=MAX_KEPT)

    def budgets(self) -> Budgets:
        return self._budgets

    def sightings(self) -> Sightings:
        return MemorySightings(SystemClock())

    def fleet(self) -> Fleet:
        return MemoryFleet(SystemClock())

    def dead_letters(self) -> DeadLetters:
        return MemoryDeadLetters(self._bus, SystemClock())


class OnDisk(InMemory):
    """The same, with leases that are in a file as well."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def leases(self) -> Leases:
        return SavedLeases(self._directory / "kept", limit=MAX_KEPT)


@pytest.fixture(params=["redis", "memory"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "memory":
        yield InMemory()
        return
    if request.param == "disk":
        yield OnDisk(request.getfixturevalue("tmp_path"))
        return
    registry = CollectorRegistry()
    meters = BusMeters.build(registry)
    async with connect(request.getfixturevalue("redis_url"), clock=SystemClock(), meters=meters) as redis:
        yield OverRedis(redis, registry, meters)
