"""Composition of the API service: settings in, HTTP in front, the use cases over the bus."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from services.api import meters
from services.api.accounts import Accounts
from services.api.endpoints import ENDPOINTS
from services.api.fleet import api_of
from services.api.gate import Gate
from services.api.headers import dress
from services.api.key_watch import KeyWatch
from services.api.keys import Keys
from services.api.middleware import all_middlewares
from services.api.routes import all_endpoints
from services.api.routes.documentation import DOCUMENTATION, documentation_of
from services.api.service import SERVICE, Guards, Service, Stores
from services.api.settings import Settings, read_from
from services.api.watchers import Watchers
from shared.bus.budgets import RedisBudgets
from shared.bus.dead_letters import RedisDeadLetters
from shared.bus.fleet import RedisFleet
from shared.bus.gateways import BusCrypto, BusDht, BusDhtNode
from shared.bus.key_value import RedisKeyValue
from shared.bus.meters import BusMeters
from shared.bus.ports import Requester
from shared.bus.redis_client import RedisClient, connect
from shared.bus.requester import RedisRequester
from shared.bus.seal import Sealer
from shared.bus.sightings import RedisSightings
from shared.clock import Clock, SystemClock
from shared.contracts import crypto, dht
from shared.fleet import Parts, Reporter
from shared.http import listening
from shared.lifecycle import Tasks
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.service_main import run_service
from shared.settings import Endpoint, Secret
from shared.usecases.ports import Ports
from shared.usecases.releasing import Releaser
from shared.usecases.sighting import TellingDht
from shared.usecases.synchronise import Synchroniser

SERVICE_NAME = "api"

log = logging.getLogger(__name__)

OPERATIONS = (
    *(dht.GET_MUTABLE, dht.PUT_MUTABLE, dht.GET_IMMUTABLE, dht.PUT_IMMUTABLE, dht.KEEP, dht.RELEASE),
    *(dht.STATUS, dht.PING, dht.LOOKUP, dht.GET_PEERS, dht.ANNOUNCE_PEER),
    *(crypto.CREATE_KEY, crypto.CREATE_LINK, crypto.LOCATE, crypto.OPEN_RECORD),
    *(crypto.SEAL_RECORD, crypto.SEAL_MESSAGE, crypto.OPEN_MESSAGES, crypto.REWRAP),
)
"""All that the API asks for."""

BUS_SERVICES = sorted({operation.service for operation in OPERATIONS})

DRAIN_S = 12.0
"""Time for requests in hand to be answered at the end: longer than their deadline, shorter than the grace."""

LINGER_S = 1.0
"""How long the rest of a refused body is still read, so that its sender gets to see the refusal."""


class _WithoutTraceback(logging.Filter):
    """Keeps what a client sent out of the log: aiohttp reports malformed requests with the line that was malformed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, and of its exception the type."""
        if record.exc_info and record.exc_info[0] is not None:
            record.error = record.exc_info[0].__name__
        record.exc_info = None
        return True


protocol_log = logging.getLogger("services.api.protocol")
protocol_log.addFilter(_WithoutTraceback())


def build_app(service: Service) -> web.Application:
    """The HTTP application around `service`."""
    app = web.Application(middlewares=all_middlewares(), client_max_size=service.limits.max_body, logger=protocol_log)
    app[SERVICE] = service
    app.on_response_prepare.append(dress)
    app.on_shutdown.append(_end_streams)
    app[ENDPOINTS] = {endpoint.key: endpoint for endpoint in all_endpoints()}
    secured = service.guards.keys.ring is not None
    app[DOCUMENTATION] = documentation_of(app[ENDPOINTS].values(), version("scout"), secured=secured)
    for endpoint in app[ENDPOINTS].values():
        app.router.add_routes([endpoint.route()])
        # zeros are visible from the start
        service.meters.request_seconds.labels(f"{endpoint.method} {endpoint.path}", meters.OK)
    return app


@asynccontextmanager
async def serve_http(service: Service, listen: Endpoint) -> AsyncIterator[Endpoint]:
    """Answer on `listen` until the block ends, then finish what is in hand; yields the endpoint that was bound.

    Raises OSError when the port is taken.
    """
    runner = web.AppRunner(
        build_app(service),
        access_log=None,
        logger=protocol_log,
        auto_decompress=False,
        lingering_time=LINGER_S,
        shutdown_timeout=DRAIN_S,
    )
    async with listening(runner, listen) as bound:
        yield bound


def stores_on(redis: RedisClient, clock: Clock) -> Stores:
    """What the API shares with other processes by way of Redis."""
    return Stores(
        RedisKeyValue(redis),
        RedisFleet(redis),
        RedisDeadLetters(redis, BUS_SERVICES, clock),
        RedisBudgets(redis),
        RedisSightings(redis),
    )


@asynccontextmanager
async def open_service(
    requester: Requester, stores: Stores, bus_key: Secret, clock: Clock, own_meters: meters.Meters, guards: Guards
) -> AsyncIterator[Service]:
    """The parts of the API over a bus, until the block ends."""
    # jitter needs no secrecy, only that two processes differ
    dice = random.Random(os.urandom(8))  # noqa: S311
    own_meters.in_flight_limit.set(guards.limits.max_in_flight)
    crypto_service = BusCrypto(requester)
    bus_dht = TellingDht(BusDht(requester), stores.sightings)
    ports = Ports(dht=bus_dht, crypto=crypto_service, clock=clock, dice=dice)
    async with Releaser(ports) as releaser, Synchroniser(ports, releaser.notice) as synchroniser:
        yield Service(
            ports=ports,
            crypto=crypto_service,
            dht_node=BusDhtNode(requester),
            stores=stores,
            memory_key=bus_key,
            clock=clock,
            entropy=os.urandom,
            meters=own_meters,
            synchroniser=synchroniser,
            releaser=releaser,
            guards=guards,
            accounts=Accounts(stores.budgets, own_meters.guard),
            gate=Gate(clock),
            watchers=Watchers(guards.limits.max_watchers, guards.limits.max_watchers_per_key, own_meters.watch),
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the service until `stop`, then finish what is in hand. Raises ScoutError when Redis is not there at start."""
    clock, registry = SystemClock(), new_registry(SERVICE_NAME, version("scout"))
    own_meters, bus_meters = meters.build(registry), BusMeters.build(registry)
    sealers = {"crypto": Sealer(settings.bus_key)}
    keys = Keys(settings.key_file.ring if settings.key_file else None)
    guards = Guards(settings.limits, keys, settings.origins, settings.hsts_s, settings.log_addresses)
    async with (
        connect(settings.redis, clock=clock, meters=bus_meters) as redis,
        RedisRequester(redis, clock=clock, meters=bus_meters, sealers=sealers, operations=OPERATIONS) as requester,
        open_service(requester, stores_on(redis, clock), settings.bus_key, clock, own_meters, guards) as service,
        Reporter(
            service.stores.fleet,
            SERVICE_NAME,
            clock,
            registry,
            checks=lambda: _ready(redis),
            parts=lambda samples: Parts(api=api_of(samples)),
        ).reporting(),
        Tasks() as tasks,
        serve_http(service, settings.listen) as bound,
        serve_ops(settings.ops_listen, registry, lambda: _ready(redis)),
    ):
        if settings.key_file is not None:
            tasks.start(KeyWatch(settings.key_file.path, keys, own_meters.guard).run(), name="key file")
        _say(bound, keys)
        await stop.wait()


def main() -> int:
    """Do what the command line asks for: usually run until a signal; returns the exit status."""
    return run_service(SERVICE_NAME, read_from, serve)


def _say(bound: Endpoint, keys: Keys) -> None:
    """Tell the operator where the service is, and for whom."""
    if keys.ring is None:
        log.info("listening, on loopback only: there are no API keys", extra={"at": str(bound)})
    else:
        log.info("listening", extra={"at": str(bound), "api_keys": len(keys.ring.keys)})


async def _end_streams(app: web.Application) -> None:
    """Their readers come back by themselves, and to another process."""
    app[SERVICE].watchers.close()


def _ready(redis: RedisClient) -> dict[str, bool]:
    return {"bus": redis.health.ready}
