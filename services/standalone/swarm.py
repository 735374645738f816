"""A private DHT: real nodes on real sockets, each at a loopback address of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from services.dht_node.core.config import LAB, NodeConfig
from services.dht_node.opening import open_node
from services.dht_node.service import DhtService
from shared.clock import Clock
from shared.contracts.dht import Status
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint

JOIN_WITHIN = 10.0
"""Seconds; on loopback it takes some milliseconds a node."""
_LOOK_AGAIN = 0.02


@asynccontextmanager
async def open_swarm(
    size: int, network: str, *, clock: Clock, entropy: Callable[[int], bytes]
) -> AsyncIterator[tuple[DhtService, ...]]:
    """Run `size` nodes at `network`.n.1 (`network`: the first two bytes; see `host`) until the block ends.

    Everybody joins by the first two. When the block begins, all know their neighbourhood. Raises OSError, ScoutError.
    """
    listens = [Endpoint(host(network, number), 0) for number in range(1, size + 1)]
    async with open_nodes(listens, LAB, clock=clock, entropy=entropy) as nodes:
        yield nodes


@asynccontextmanager
async def open_nodes(
    listens: Sequence[Endpoint],
    config: NodeConfig,
    *,
    clock: Clock,
    entropy: Callable[[int], bytes],
    bootstrap: Sequence[Endpoint] = (),
    state: Path | None = None,
) -> AsyncIterator[tuple[DhtService, ...]]:
    """Run a node at each of `listens`, as `open_swarm` does. They join by each other, and by `bootstrap`.

    With a directory for its `state` each remembers itself.
    """
    async with AsyncExitStack() as parts:
        nodes: list[DhtService] = []
        for number, listen in enumerate(listens, start=1):
            opened = open_node(
                config,
                listen,
                bootstrap=[*entry_points(nodes), *bootstrap],
                clock=clock,
                entropy=entropy,
                state_path=state / f"node-{number}.state" if state else None,
            )
            nodes.append(await parts.enter_async_context(opened))
        for node in nodes:
            await until_joined(node, len(listens) - 1, clock)
        yield tuple(nodes)


def entry_points(nodes: Sequence[DhtService]) -> list[Endpoint]:
    """The nodes that others join a swarm by: one is enough, and two outlive the loss of one."""
    return [node.endpoint for node in nodes[:2]]


def own_address(network: str) -> Endpoint:
    """The address of a cluster's own node beside a swarm at `network`; no node of the swarm has 0 in this place."""
    return Endpoint(host(network, 0), 0)


def host(network: str, number: int) -> str:
    """`network`.number.1 where the system has it: Linux has all of 127.0.0.0/8, macOS only the first, for all nodes."""
    wanted = f"{network}.{number}.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((wanted, 0))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            return "127.0.0.1"
    return wanted


async def until_joined(node: DhtService, others: int, clock: Clock) -> None:
    """Wait until `node` knows as many of the `others` in its private DHT as a lookup ends with.

    Before that a put would be stored by the few it knows. Raises ScoutError `dht_unavailable` after JOIN_WITHIN.
    """
    wanted = min(others, LAB.k)
    context = CallContext(deadline_ms=clock.utc_ms() + round(JOIN_WITHIN * 1000))
    while (await node.status(Status(), context)).good_contacts < wanted:
        if clock.utc_ms() > context.deadline_ms:
            raise ScoutError(ErrorCode.DHT_UNAVAILABLE, f"The node at {node.endpoint} did not join the private DHT.")
        await asyncio.sleep(_LOOK_AGAIN)
