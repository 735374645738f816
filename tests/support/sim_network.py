"""A network of DHT nodes in virtual time: the real core, real bytes, no socket, no sleep.

Everything that happens comes from one seed: who answers how fast, which datagram is lost, every id and token. Two runs
of one seed have the same history byte for byte, which `SimNetwork.history` proves by one hash over all datagrams.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from heapq import heappop, heappush
from ipaddress import IPv4Address
from random import Random

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.events import (
    BootstrapNeeded,
    Event,
    ExternalAddressChanged,
    HeardOfOthers,
    OperationId,
    Outcome,
)
from services.dht_node.core.ids import ID_BITS, ID_SIZE
from services.dht_node.core.node import Node
from services.dht_node.net.verify import verify_ed25519
from tests.support.nodes import LAB

PORT = 6881
SCATTER = 829_507_033
"""Odd and no multiple of five, so it visits every address once; 0.618 of them, so that it leaves no gaps for long."""
STEPS_MAX = 20_000_000
"""No simulation needs more; one that does is caught in a loop."""


Deed = Callable[[Node, float], OperationId]
"""Begins an operation on a node, now."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What the network is like."""

    loss: float = 0.0
    """Share of datagrams that never arrive."""
    median_latency: float = 0.04
    """Seconds one way; log-normal for each pair of nodes, and a little jitter for each datagram."""
    spread: float = 0.5
    """Sigma of that log-normal: with 0.5 one pair in twenty is 2.3 times slower than the median."""


INTERNET = Weather(median_latency=0.05, spread=0.8)
"""Round trips of 100 ms in the median and 370 ms for one pair in twenty, one in a hundred 640 ms."""


@dataclass(eq=False)
class SimNode:
    """One node and its wire. The node is made when it is first needed: most of a large network sleeps."""

    make: Callable[[], Node]
    address: Address
    alive: bool = True
    timer: float = -1.0
    """When its timer is set to fire."""
    outcomes: dict[OperationId, Outcome] = field(default_factory=dict)
    bootstraps: int = 0
    """How often it has asked for bootstrap nodes."""

    @cached_property
    def node(self) -> Node:
        """The node itself."""
        return self.make()

    @property
    def awake(self) -> bool:
        """Whether it has been made."""
        return "node" in vars(self)


def _host(number: int) -> str:
    """An address for each number, scattered over 20/8 to 99/8: neighbours in one /16 are as rare as on the internet."""
    return str(IPv4Address((20 << 24) + number * SCATTER % (80 << 24)))


class Ring:
    """All nodes of a network by their ids, and the table that one of them has after a long life."""

    def __init__(self) -> None:
        self.contacts: list[Contact] = []
        self._ids: list[int] = []

    def close(self) -> None:
        """Sort the contacts; all have been added."""
        self.contacts.sort()
        self._ids = [int.from_bytes(contact.id, "big") for contact in self.contacts]

    def table(self, own_id: bytes, config: NodeConfig, dice: Random) -> Iterator[Contact]:
        """Of every bucket's part of the ring as many contacts as the bucket holds."""
        own = int.from_bytes(own_id, "big")
        for index in range(ID_BITS):
            free = ID_BITS - 1 - index
            sibling = own >> free ^ 1
            start, end = bisect_left(self._ids, sibling << free), bisect_left(self._ids, sibling + 1 << free)
            size = config.bucket_sizes[index] if index < len(config.bucket_sizes) else config.k
            for place in dice.sample(range(start, end), min(size, end - start)):
                yield self.contacts[place]


class SimNetwork:
    """Nodes, the datagrams between them, and one clock."""

    def __init__(self, seed: int, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.datagrams = 0
        self.lost = 0
        self.nodes: list[SimNode] = []
        self.weather = weather or Weather()
        self._seed = seed
        self._random = Random(seed)
        self._by_address: dict[Address, SimNode] = {}
        self._intruders: list[Contact] = []
        self._queue: list[tuple[float, int, SimNode | Address, bytes, Address]] = []
        self._tick = 0
        self._pace: dict[tuple[Address, Address], float] = {}
        self._history = hashlib.blake2b(digest_size=16)

    # people

    def add_node(self, config: NodeConfig | None = None) -> SimNode:
        """A new node at an address of its own that knows nobody yet."""
        dice = self._dice()
        sim = self._add(lambda: Node(config or LAB, entropy=dice.randbytes, verify=verify_ed25519, now=self.now))
        self._drain(sim)
        return sim

    def join(self, sim: SimNode, *others: SimNode) -> None:
        """Let a node bootstrap from `others`, or from five at random."""
        live = [other for other in self.nodes if other.alive and other is not sim]
        chosen = others or self._random.sample(live, min(5, len(live)))
        sim.node.add_bootstrap([other.address for other in chosen], self.now)
        self._drain(sim)

    def grow(self, count: int, *, interval: float = 0.05) -> None:
        """Let `count` nodes join one after another."""
        for _ in range(count):
            self.join(self.add_node())
            self.run(interval)

    def populate(self, count: int, config: NodeConfig | None = None) -> None:
        """Add `count` nodes that know each other as after long lives, without the 200 datagrams that a join takes.

        Every bucket of every table is as full as the network can fill it. A node sleeps, and does not keep its table
        up, until somebody writes to it.
        """
        ring = Ring()
        for _ in range(count):
            dice = self._dice()
            node_id = dice.randbytes(ID_SIZE)
            make = partial(self._long_lived, replace(config or LAB, node_id=node_id), ring, dice)
            ring.contacts.append(Contact(node_id, self._add(make).address))
        ring.close()

    def wake(self) -> None:
        """Let all nodes begin to keep their tables up."""
        for sim in self.nodes:
            self._drain(sim)

    def intrude(self, intruder: Node, address: Address) -> None:
        """Let somebody in whom every honest node knows, as far as its table has room; `pick` never picks him.

        Tables are full of nodes with long lives, and those are never replaced: so there is room only in the buckets
        nearest to their owners' own ids.
        """
        self._by_address[address] = SimNode(lambda: intruder, address)
        self._intruders.append(Contact(intruder.id, address))
        for sim in self.nodes:
            if sim.awake:
                sim.node.add_known(self._intruders[-1:], self.now)

    def kill(self, sim: SimNode) -> None:
        """Take a node off the network for good."""
        sim.alive = False

    def pick(self, count: int) -> list[SimNode]:
        """Live nodes at random."""
        return self._random.sample([sim for sim in self.nodes if sim.alive], count)

    def _dice(self) -> Random:
        return Random(f"{self._seed}/{len(self.nodes)}")

    def _add(self, make: Callable[[], Node]) -> SimNode:
        number = len(self.nodes)
        sim = SimNode(make, (_host(number), PORT))
        self.nodes.append(sim)
        self._by_address[sim.address] = sim
        return sim

    def _long_lived(self, config: NodeConfig, ring: Ring, dice: Random) -> Node:
        node = Node(config, entropy=dice.randbytes, verify=verify_ed25519, now=self.now)
        node.add_known(ring.table(node.id, config, dice), self.now)
        node.add_known(self._intruders, self.now)
        return node

    # what they do

    def begin(self, sim: SimNode, deed: Deed) -> OperationId:
        """Let a node begin an operation; its outcome will be in `sim.outcomes`."""
        operation = deed(sim.node, self.now)
        self._drain(sim)
        return operation

    def complete(self, *deeds: tuple[SimNode, Deed], within: float = 60.0) -> list[Outcome]:
        """Begin operations at once and let time pass until all have their outcomes."""
        begun = [(sim, self.begin(sim, deed)) for sim, deed in deeds]
        self.run_until(lambda: all(operation in sim.outcomes for sim, operation in begun), within)
        return [sim.outcomes.pop(operation) for sim, operation in begun]

    # time

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        for _ in self._steps(end):
            pass
        self.now = end

    def run_until(self, reached: Callable[[], bool], within: float) -> None:
        """Let time pass until `reached`; fails when that takes longer than `within` seconds."""
        if reached():
            return
        for _ in self._steps(self.now + within):
            if reached():
                return
        raise AssertionError(f"not reached within {within} virtual seconds")

    @property
    def history(self) -> str:
        """One hash over every datagram that arrived: when, from where, to where, what."""
        return self._history.hexdigest()

    def _steps(self, end: float) -> Iterator[None]:
        for _ in range(STEPS_MAX):
            if not self._queue or self._queue[0][0] > end:
                return
            self.now, _tick, target, data, source = heappop(self._queue)
            if isinstance(target, SimNode):
                self._fire(target)
            else:
                self._deliver(target, data, source)
            yield
        raise AssertionError(f"more than {STEPS_MAX} steps")

    def _fire(self, sim: SimNode) -> None:
        if sim.alive and sim.timer == self.now:
            sim.timer = -1.0
            sim.node.handle_timer(self.now)
            self._drain(sim)

    def _deliver(self, destination: Address, data: bytes, source: Address) -> None:
        sim = self._by_address.get(destination)
        if sim is None or not sim.alive:
            return
        self.datagrams += 1
        self._history.update(b"%r%r%r" % (self.now, source, destination) + data)
        sim.node.receive_datagram(data, source, self.now)
        self._drain(sim)

    def _drain(self, sim: SimNode) -> None:
        node = sim.node
        for data, destination in node.datagrams_to_send():
            self._send(data, sim.address, destination)
        while (event := node.next_event()) is not None:
            self._note(sim, event)
        deadline = max(node.next_deadline(), self.now)
        if sim.timer < 0 or deadline < sim.timer:
            sim.timer = deadline
            self._push(deadline, sim, b"", sim.address)

    def _note(self, sim: SimNode, event: Event) -> None:
        if isinstance(event, BootstrapNeeded):
            sim.bootstraps += 1
        elif not isinstance(event, ExternalAddressChanged | HeardOfOthers):
            sim.outcomes[event.operation] = event

    def _send(self, data: bytes, source: Address, destination: Address) -> None:
        if self._random.random() < self.weather.loss:
            self.lost += 1
            return
        pair = (source, destination)
        pace = self._pace.get(pair)
        if pace is None:
            spread = self._random.lognormvariate(0.0, self.weather.spread)
            pace = self._pace[pair] = self._pace[pair[::-1]] = self.weather.median_latency * spread
        self._push(self.now + pace * (0.95 + 0.1 * self._random.random()), destination, data, source)

    def _push(self, at: float, target: SimNode | Address, data: bytes, source: Address) -> None:
        self._tick += 1
        heappush(self._queue, (at, self._tick, target, data, source))
