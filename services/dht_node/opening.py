"""A running node as a block: on a socket, joined to a network, remembering itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.family import family_of
from services.dht_node.core.node import Node
from services.dht_node.core.ports import Entropy
from services.dht_node.net import state
from services.dht_node.net.bootstrap import Bootstrap
from services.dht_node.net.driver import Driver, side_by_side
from services.dht_node.net.verify import verify_ed25519
from services.dht_node.service import DhtService
from shared.clock import Clock, SystemClock
from shared.lifecycle import Tasks
from shared.settings import Endpoint
from shared.settings import endpoint as parse_endpoint
from shared.well_known import BOOTSTRAP

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_node(
    config: NodeConfig,
    listen: Endpoint,
    *,
    bootstrap: Sequence[Endpoint | str] | None = None,
    clock: Clock | None = None,
    entropy: Entropy = os.urandom,
    state_path: Path | None = None,
) -> AsyncIterator[DhtService]:
    """Run a DHT node at `listen` until the block ends; it has begun to join when the block begins.

    It is a node of IPv4 or of IPv6, as `listen` is.

    `bootstrap`: nodes to join by, as endpoints or `host:port`; None: the well-known ones; empty: it waits to be found.
    `state_path`: the file that it remembers itself in. Raises OSError when the address is taken.
    """
    async with open_driver(
        config, listen, bootstrap=bootstrap, clock=clock, entropy=entropy, state_path=state_path
    ) as driver:
        yield DhtService(driver, clock or SystemClock())


@asynccontextmanager
async def open_driver(
    config: NodeConfig,
    listen: Endpoint,
    *,
    bootstrap: Sequence[Endpoint | str] | None = None,
    clock: Clock | None = None,
    entropy: Entropy = os.urandom,
    state_path: Path | None = None,
) -> AsyncIterator[Driver]:
    """The same, one floor below: for the composition roots that also want the node's figures."""
    clock = clock or SystemClock()
    config = replace(config, family=family_of(listen.host))
    if state_path is not None:
        state.prepare(state_path.parent)
    saved = state.load(state_path, clock.utc_ms()) if state_path else None
    if saved is not None and config.node_id is None:
        config = replace(config, node_id=saved.node_id)
    node = Node(config, entropy=entropy, verify=verify_ed25519, now=clock.monotonic())
    if saved is not None:
        node.restore_items(saved.items, clock.monotonic())
        node.restore_peers(saved.peers, clock.monotonic())
        node.add_saved(saved.contacts, clock.monotonic())
    names = BOOTSTRAP if bootstrap is None else [_endpoint(name) for name in bootstrap]
    wishes = Bootstrap(names, config.family)
    with Driver.open(node, listen, clock, wishes.wish) as driver:
        async with Tasks() as tasks:
            tasks.start(wishes.run(driver.add_bootstrap), name="bootstrap")
            if state_path is not None:
                tasks.start(_save_regularly(state_path, node, clock, config.save_interval), name="save state")
            try:
                yield driver
            finally:
                if state_path is not None:
                    _saving(state_path, node, clock)()


@asynccontextmanager
async def open_beside(
    driver: Driver,
    config: NodeConfig,
    listen: Endpoint,
    *,
    bootstrap: Sequence[Endpoint | str] | None = None,
    clock: Clock | None = None,
    state_path: Path | None = None,
) -> AsyncIterator[Driver]:
    """Run a node of the other family beside one that runs (BEP 32); its state is beside the other's, with a 6 behind.

    Raises OSError when the address is taken, or when the host does not know its family.
    """
    beside = None if state_path is None else state_path.with_name(state_path.name + "6")
    async with open_driver(config, listen, bootstrap=bootstrap, clock=clock, state_path=beside) as second:
        with side_by_side(driver, second):
            yield second


async def _save_regularly(path: Path, node: Node, clock: Clock, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await asyncio.to_thread(_saving(path, node, clock))
        except OSError as error:
            log.warning("the state could not be saved", extra={"path": str(path), "reason": str(error)})


def _saving(path: Path, node: Node, clock: Clock) -> Callable[[], None]:
    """Look at the node now, and write it down when called: encoding and the disk may take another thread."""
    at = clock.monotonic()
    now = state.NodeState(
        node.id, tuple(node.saved_contacts()), tuple(node.saved_items(at)), tuple(node.saved_peers(at))
    )
    utc_ms = clock.utc_ms()
    return lambda: state.save(path, now, utc_ms)


def _endpoint(name: Endpoint | str) -> Endpoint:
    return parse_endpoint(name) if isinstance(name, str) else name
