"""Composition of the DHT node: settings in, a node on its socket, handlers on the bus, ops port beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from services.dht_node import handlers, meters
from services.dht_node.canary import canary_of
from services.dht_node.dual import DualStackDht
from services.dht_node.fleet import dht_of
from services.dht_node.keep_meters import KeepMeters
from services.dht_node.keeper import keeper_of
from services.dht_node.lookup_meters import LookupMeters
from services.dht_node.net.driver import Driver
from services.dht_node.opening import open_beside, open_driver
from services.dht_node.service import DhtService
from services.dht_node.settings import Settings, read_from
from shared.bus.consumer import Consumer
from shared.bus.fleet import RedisFleet
from shared.bus.leases import RedisLeases
from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisClient, connect
from shared.clock import Clock, SystemClock
from shared.fleet import Parts, Reporter
from shared.lifecycle import Tasks
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.service_main import run_service

log = logging.getLogger(__name__)

NAME = "dht_node"
"""In logs and metrics; on the bus the service is called as its operations are, `dht`."""
BUS_SERVICE = "dht"


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the service until `stop`, finish what is in hand, save the state. Raises ScoutError and OSError at start."""
    clock, registry = SystemClock(), new_registry(NAME, version("scout"))
    own_meters, bus_meters = meters.build(registry), BusMeters.build(registry)
    async with (
        connect(settings.redis, clock=clock, meters=bus_meters) as redis,
        open_driver(
            settings.node, settings.listen, bootstrap=settings.bootstrap, clock=clock, state_path=settings.state_path
        ) as driver,
        _ipv6_beside(driver, settings, clock) as driver6,
    ):
        drivers = [driver] if driver6 is None else [driver, driver6]
        registry.register(meters.NodeCollector(drivers, clock))
        lookups = LookupMeters.build(registry)
        service = DhtService(driver, clock, lookups)
        if driver6 is not None:
            service = DualStackDht(driver, driver6, clock, lookups)
        leases = RedisLeases(redis, limit=settings.keep_max)
        keeping, keeper = keeper_of(
            service, leases, clock, KeepMeters.build(registry, settings.keep_max), settings.keep_pace
        )
        canary = canary_of(service, clock, registry, settings.canary_path)
        consumer = Consumer(
            redis,
            service=BUS_SERVICE,
            handlers=handlers.build(service, keeping, clock, own_meters),
            clock=clock,
            meters=bus_meters,
        )
        reporter = Reporter(
            RedisFleet(redis),
            NAME,
            clock,
            registry,
            checks=lambda: _ready(redis, service),
            parts=lambda samples: Parts(dht=dht_of(samples, drivers, service.canary, clock)),
            instance=consumer.name,
        )
        async with (
            serve_ops(settings.ops_listen, registry, lambda: _ready(redis, service)),
            reporter.reporting(),
            Tasks() as tasks,
        ):
            tasks.start(keeper.run(), name="keeper")
            tasks.start(canary.run(), name="canary")
            await consumer.run(stop)


@asynccontextmanager
async def _ipv6_beside(driver: Driver, settings: Settings, clock: Clock) -> AsyncIterator[Driver | None]:
    """The IPv6 node; None when it is switched off, or when the host has no IPv6 and nobody asked for it."""
    ipv6 = settings.ipv6
    async with AsyncExitStack() as stack:
        driver6 = None
        if ipv6.listen is not None:
            opened = open_beside(
                driver,
                ipv6.node,
                ipv6.listen,
                bootstrap=settings.bootstrap,
                clock=clock,
                state_path=settings.state_path,
            )
            try:
                driver6 = await stack.enter_async_context(opened)
            except OSError as error:
                if ipv6.required:
                    raise
                log.warning("there is no IPv6 here", extra={"listen": str(ipv6.listen), "reason": str(error)})
        yield driver6


def main() -> int:
    """Do what the command line asks for: usually run until a signal; returns the exit status."""
    return run_service(NAME, read_from, serve)


def _ready(redis: RedisClient, service: DhtService) -> dict[str, bool]:
    return {"bus": redis.health.ready, "dht": service.joined, "canary": service.canary.alive}
