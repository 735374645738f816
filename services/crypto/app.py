"""Composition of the crypto service: settings in, handlers on the bus, ops port beside it."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version

from services.crypto import handlers, meters
from services.crypto.fleet import crypto_of
from services.crypto.service import CryptoService
from services.crypto.settings import Settings, read_from
from shared.bus.consumer import Consumer
from shared.bus.fleet import RedisFleet
from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisClient, connect
from shared.bus.seal import Sealer
from shared.clock import SystemClock
from shared.fleet import Parts, Reporter
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.service_main import run_service

SERVICE = "crypto"


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the service until `stop`, then finish what is in hand. Raises ScoutError when Redis is not there at start."""
    clock, registry = SystemClock(), new_registry(SERVICE, version("scout"))
    own_meters, bus_meters = meters.build(registry), BusMeters.build(registry)
    service = CryptoService(settings.master_keys, os.urandom, own_meters)
    async with connect(settings.redis, clock=clock, meters=bus_meters) as redis:
        consumer = Consumer(
            redis,
            service=SERVICE,
            handlers=handlers.build(service, clock, own_meters),
            clock=clock,
            meters=bus_meters,
            sealer=Sealer(settings.bus_key),
        )
        reporter = Reporter(
            RedisFleet(redis),
            SERVICE,
            clock,
            registry,
            checks=lambda: _ready(redis),
            parts=lambda samples: Parts(crypto=crypto_of(samples)),
            instance=consumer.name,
        )
        async with serve_ops(settings.ops_listen, registry, lambda: _ready(redis)), reporter.reporting():
            await consumer.run(stop)


def main() -> int:
    """Do what the command line asks for: usually run until a signal; returns the exit status."""
    return run_service(SERVICE, read_from, serve)


def _ready(redis: RedisClient) -> dict[str, bool]:
    return {"bus": redis.health.ready}
