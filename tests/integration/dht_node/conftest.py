"""A private DHT of real nodes on real sockets, with a clock that can be moved on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from services.dht_node.opening import open_node
from services.dht_node.service import DhtService
from shared.clock import SystemClock
from shared.contracts.operation import CallContext
from shared.settings import Endpoint
from tests.support.nodes import LAB
from tests.support.waiting import wait_until


class MovableClock(SystemClock):
    """The host's clocks, and whatever they were moved on by."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def utc_ms(self) -> int:
        return super().utc_ms() + round(self.ahead * 1000)


@dataclass
class Swarm:
    """Nodes that have joined each other."""

    nodes: list[DhtService]
    clock: MovableClock

    def within(self, seconds: float = 10.0) -> CallContext:
        """A context with that deadline."""
        return CallContext(self.clock.utc_ms() + round(seconds * 1000))


@asynccontextmanager
async def open_swarm(size: int) -> AsyncIterator[Swarm]:
    clock = MovableClock()
    async with AsyncExitStack() as stack:
        nodes: list[DhtService] = []
        for number in range(size):
            listen = Endpoint(f"127.90.1.{number + 1}", 0)  # any port: test runs side by side don't meet
            opened = open_node(LAB, listen, bootstrap=[nodes[0].endpoint] if nodes else [], clock=clock)
            nodes.append(await stack.enter_async_context(opened))
        for number, node in enumerate(nodes):
            await wait_until(lambda node=node: node.ready, f"node {number} has joined")  # type: ignore[misc]  # bound now
        yield Swarm(nodes, clock)


@pytest.fixture
async def swarm() -> AsyncIterator[Swarm]:
    async with open_swarm(20) as running:
        yield running
