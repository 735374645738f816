"""Our own queries in flight: who was asked, for whom, and when that becomes slow and then hopeless.

A reply must come with a transaction id of ours *and* from the address that was asked: 4 random bytes alone leave an
off-path forger one chance in 2^32 for each datagram, and the address makes him spoof it too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Any, Protocol

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import ErrorReply, Reply
from services.dht_node.core.ports import Entropy
from services.dht_node.core.rtt import RoundTrips

TRANSACTION_SIZE = 4


class Owner(Protocol):
    """Whoever had a query sent hears exactly one of `replied`, `refused`, `silent`, and before it perhaps `slow`."""

    def replied(self, asked: Transaction, reply: Reply, now: float, /) -> Rejection | None:
        """The node answered; what is wrong with the answer, if anything is."""
        ...

    def refused(self, asked: Transaction, error: ErrorReply, now: float, /) -> None:
        """The node answered with a KRPC error."""
        ...

    def slow(self, asked: Transaction, now: float, /) -> None:
        """No answer yet, later than is usual for this node."""
        ...

    def silent(self, asked: Transaction, now: float, /) -> None:
        """No answer, and none is waited for any more."""
        ...


class Nobody:
    """Owner of queries whose answers only the routing table waits for."""

    def replied(self, _asked: Transaction, _reply: Reply, _now: float) -> Rejection | None:
        """It lives."""
        return None

    def refused(self, _asked: Transaction, _error: ErrorReply, _now: float) -> None:
        """It lives."""

    def slow(self, _asked: Transaction, _now: float) -> None:
        """Nobody waits."""

    def silent(self, _asked: Transaction, _now: float) -> None:
        """The table knows."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One query in flight."""

    id: bytes
    address: Address
    node_id: bytes | None
    """The id that the node should answer with; None when only its address was known."""
    owner: Owner
    tag: Any
    """The owner's own note of what this query is about."""
    sent: float
    suspect: bool
    """The node let its last query die."""
    method: str = ""
    """Of KRPC, for the figures."""
    open: bool = True


class Transactions:
    """The queries in flight, at most `in_flight_max`."""

    def __init__(self, config: NodeConfig, entropy: Entropy) -> None:
        self.round_trips = RoundTrips(config)
        self._limit = config.in_flight_max
        self._dead_after = config.dead_timeout
        self._entropy = entropy
        self._open: dict[bytes, Transaction] = {}
        self._slow: list[tuple[float, bytes, Transaction]] = []
        self._dead: deque[Transaction] = deque()
        """In the order they were sent, which is the order they die in: all live equally long."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def room(self) -> bool:
        """Whether one more query may be sent."""
        return len(self._open) < self._limit

    def begin(self, address: Address, node_id: bytes | None, owner: Owner, tag: Any, now: float) -> Transaction:
        """Note a query that is about to be sent."""
        transaction_id = self._entropy(TRANSACTION_SIZE)
        while transaction_id in self._open:
            transaction_id = self._entropy(TRANSACTION_SIZE)
        asked = Transaction(transaction_id, address, node_id, owner, tag, now, self.round_trips.is_suspect(address))
        self._open[transaction_id] = asked
        heappush(self._slow, (now + self.round_trips.slow_after(address), transaction_id, asked))
        self._dead.append(asked)
        return asked

    def match(self, message: Reply | ErrorReply, source: Address, now: float) -> Transaction | Rejection:
        """The query that `message` answers, closed now; or why it answers none."""
        asked = self._open.get(message.transaction)
        if asked is None:
            return Rejection.UNKNOWN_TRANSACTION
        if asked.address != source:
            return Rejection.WRONG_SOURCE
        self._close(asked)
        self.round_trips.answered(source, now - asked.sent)
        return asked

    def due_slow(self, now: float) -> Iterator[Transaction]:
        """The queries that have become slow; each is named once."""
        while self._slow and self._slow[0][0] <= now:
            asked = heappop(self._slow)[2]
            if asked.open:
                yield asked

    def due_dead(self, now: float) -> Iterator[Transaction]:
        """The queries to give up, closed as they are named."""
        while self._dead and (not self._dead[0].open or self._dead[0].sent + self._dead_after <= now):
            asked = self._dead.popleft()
            if asked.open:
                self._close(asked)
                self.round_trips.silent(asked.address)
                yield asked

    def next_deadline(self) -> float:
        """When `due_slow` or `due_dead` will next have something to say; infinity when nothing is in flight."""
        while self._slow and not self._slow[0][2].open:
            heappop(self._slow)
        while self._dead and not self._dead[0].open:
            self._dead.popleft()
        slow = self._slow[0][0] if self._slow else inf
        return min(slow, self._dead[0].sent + self._dead_after) if self._dead else slow

    def _close(self, asked: Transaction) -> None:
        asked.open = False
        del self._open[asked.id]
