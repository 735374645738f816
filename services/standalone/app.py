"""Everything in one process, on real parts: an embedded bus, real UDP, the services as they run in a cluster.

The order of the blocks is the order of starting, and its reverse that of draining: the API takes no more calls and
answers those in hand, then the crypto service and the DHT node finish theirs, then the network and the bus go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from services.api import app as api
from services.api import meters as api_meters
from services.api.fleet import api_of
from services.api.keys import Keys
from services.api.service import Guards
from services.crypto import handlers as crypto_handlers
from services.crypto import meters as crypto_meters
from services.crypto.fleet import crypto_of
from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from services.dht_node import handlers as dht_handlers
from services.dht_node import meters as dht_meters
from services.dht_node.canary import canary_of
from services.dht_node.core.config import LAB, NodeConfig
from services.dht_node.fleet import dht_of
from services.dht_node.keep_meters import KeepMeters
from services.dht_node.keeper import keeper_of
from services.dht_node.lookup_meters import LookupMeters
from services.dht_node.net.driver import Driver
from services.dht_node.opening import open_driver
from services.dht_node.service import DhtService
from services.standalone.cluster_keys import MASTER_KEY_ID, ClusterKeys, draw_keys, kept_keys
from services.standalone.config import StandaloneConfig
from services.standalone.embedded_bus import embedded_bus
from services.standalone.serving import serving
from services.standalone.swarm import entry_points, open_swarm, own_address, until_joined
from shared.bus.consumer import Consumer
from shared.bus.fleet import RedisFleet
from shared.bus.leases import RedisLeases
from shared.bus.meters import BusMeters
from shared.bus.ports import Handlers
from shared.bus.redis_client import RedisClient, connect, redacted
from shared.bus.requester import RedisRequester
from shared.bus.seal import Sealer
from shared.clock import Clock
from shared.fleet import Parts, Reporter
from shared.lifecycle import Tasks
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.samples import Samples
from shared.settings import Endpoint

SERVICE = "standalone"
PUBLIC_LISTEN = Endpoint("0.0.0.0", 0)  # noqa: S104  # a DHT node is there to be reached
"""Of the DHT node on the public DHT."""

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the parts of a running stack are."""

    api: Endpoint
    ops: Endpoint
    dht: Endpoint
    swarm: tuple[Endpoint, ...]
    """The nodes of the private DHT; empty on the public one."""
    redis_url: str
    """Without a password."""

    @property
    def api_url(self) -> str:
        """Where the SDK and the command connect to."""
        return f"http://{self.api}"

    @property
    def ops_url(self) -> str:
        """Where /livez, /readyz and /metrics are."""
        return f"http://{self.ops}"


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every service stands on."""

    clock: Clock
    entropy: Entropy
    registry: CollectorRegistry
    meters: BusMeters
    keys: ClusterKeys
    redis: RedisClient
    redis_url: str

    @property
    def sealer(self) -> Sealer:
        """Seals what the API and the crypto service say to each other."""
        return Sealer(self.keys.bus)

    def consumer(self, service: str, handlers: Handlers, sealer: Sealer | None = None) -> Consumer:
        """The answering side of one service."""
        return Consumer(
            self.redis, service=service, handlers=handlers, clock=self.clock, meters=self.meters, sealer=sealer
        )


@asynccontextmanager
async def open_stack(config: StandaloneConfig, *, clock: Clock, entropy: Entropy) -> AsyncIterator[Stack]:
    """Run everything until the block ends, then drain it.

    With a swarm the block begins when the DHT node has joined it. Raises ScoutError where no bus can be started or
    reached, or `state` holds keys that are none; OSError when an address is taken.
    """
    async with (
        _ground(config, clock, entropy) as ground,
        open_swarm(config.swarm, config.swarm_network, clock=clock, entropy=entropy) as swarm,
        _dht(config, ground, swarm) as (driver, node),
        _crypto(ground),
        _api(ground, config) as listening,
        _reporter(ground, driver, node).reporting(),
        serve_ops(config.ops_listen, ground.registry, lambda: _ready(ground.redis, node)) as ops,
    ):
        swarm_at = tuple(one.endpoint for one in swarm)
        yield Stack(listening, ops, node.endpoint, swarm_at, redacted(ground.redis_url))


@asynccontextmanager
async def _ground(config: StandaloneConfig, clock: Clock, entropy: Entropy) -> AsyncIterator[_Ground]:
    registry = new_registry(SERVICE, version("scout"))
    meters = BusMeters.build(registry)
    keys = kept_keys(config.state, entropy) if config.state else draw_keys(entropy)
    async with AsyncExitStack() as parts:
        url = config.redis_url
        if url is None:
            url = await parts.enter_async_context(embedded_bus(config.below_state("bus")))
        redis = await parts.enter_async_context(connect(url, clock=clock, meters=meters))
        yield _Ground(clock, entropy, registry, meters, keys, redis, url)


@asynccontextmanager
async def _dht(
    config: StandaloneConfig, ground: _Ground, swarm: Sequence[DhtService]
) -> AsyncIterator[tuple[Driver, DhtService]]:
    """The cluster's own node: in the swarm, or in the public DHT."""
    bootstrap = config.bootstrap or (entry_points(swarm) if swarm else None)
    listen = config.dht_listen or _usual_listen(config.swarm_network, bootstrap)
    async with open_driver(
        # whoever listens on loopback has only loopback nodes to speak to
        LAB if listen.is_loopback else NodeConfig(),
        listen,
        bootstrap=bootstrap,
        clock=ground.clock,
        entropy=ground.entropy,
        state_path=config.below_state("dht.state"),
    ) as driver:
        ground.registry.register(dht_meters.NodeCollector([driver], ground.clock))
        node = DhtService(driver, ground.clock, LookupMeters.build(ground.registry))
        if swarm:
            await until_joined(node, len(swarm), ground.clock)
        keeping, keeper = keeper_of(node, RedisLeases(ground.redis), ground.clock, KeepMeters.build(ground.registry))
        canary = canary_of(node, ground.clock, ground.registry, config.below_state("dht.canary"))
        handlers = dht_handlers.build(node, keeping, ground.clock, dht_meters.build(ground.registry))
        async with Tasks() as tasks, serving(ground.consumer("dht", handlers)):
            tasks.start(keeper.run(), name="keeper")
            tasks.start(canary.run(), name="canary")
            yield driver, node


def _usual_listen(network: str, bootstrap: Sequence[Endpoint] | None) -> Endpoint:
    """Loopback for a DHT that lives there, every address of the machine for one that does not."""
    private = bootstrap is not None and all(endpoint.is_loopback for endpoint in bootstrap)
    return own_address(network) if private else PUBLIC_LISTEN


@asynccontextmanager
async def _crypto(ground: _Ground) -> AsyncIterator[None]:
    meters = crypto_meters.build(ground.registry)
    service = CryptoService([MasterKey(MASTER_KEY_ID, ground.keys.master)], ground.entropy, meters)
    handlers = crypto_handlers.build(service, ground.clock, meters)
    async with serving(ground.consumer("crypto", handlers, ground.sealer)):
        yield


@asynccontextmanager
async def _api(ground: _Ground, config: StandaloneConfig) -> AsyncIterator[Endpoint]:
    meters, sealers = api_meters.build(ground.registry), {"crypto": ground.sealer}
    guards = Guards(keys=Keys(config.api_keys))
    async with (
        RedisRequester(
            ground.redis, clock=ground.clock, meters=ground.meters, sealers=sealers, operations=api.OPERATIONS
        ) as requester,
        api.open_service(
            requester, api.stores_on(ground.redis, ground.clock), ground.keys.bus, ground.clock, meters, guards
        ) as service,
        api.serve_http(service, config.api_listen) as bound,
    ):
        yield bound


def _reporter(ground: _Ground, driver: Driver, node: DhtService) -> Reporter:
    """Says all that the three services would say of themselves."""

    def parts(samples: Samples) -> Parts:
        return Parts(
            dht=dht_of(samples, [driver], node.canary, ground.clock), crypto=crypto_of(samples), api=api_of(samples)
        )

    return Reporter(
        RedisFleet(ground.redis),
        SERVICE,
        ground.clock,
        ground.registry,
        checks=lambda: _ready(ground.redis, node),
        parts=parts,
    )


def _ready(redis: RedisClient, node: DhtService) -> dict[str, bool]:
    return {"bus": redis.health.ready, "dht": node.joined, "canary": node.canary.alive}
