"""Sends our own queries, and brings each answer to whoever asked.

Every answer and every silence also teaches the routing table, whatever the query was for.
"""

from __future__ import annotations

from typing import Any, Protocol

from services.dht_node.core.compose import encode_query
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import (
    AnnouncePeer,
    Arguments,
    Datagram,
    ErrorReply,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
)
from services.dht_node.core.ports import Entropy
from services.dht_node.core.presence import Presence
from services.dht_node.core.routing import RoutingTable
from services.dht_node.core.stats import NodeStats, QueryOutcome
from services.dht_node.core.transactions import Owner, Transaction, Transactions

RATIO_QUERIES = 64
"""The answer ratio is an exponential mean over about so many queries: two lookups, or six minutes of pings."""

_METHOD = {
    Ping: "ping",
    FindNode: "find_node",
    GetPeers: "get_peers",
    AnnouncePeer: "announce_peer",
    Get: "get",
    Put: "put",
    SampleInfohashes: "sample_infohashes",
}


class Waiting(Protocol):
    """Somebody who has more to ask than there was room for."""

    def pump(self, now: float) -> None:
        """Ask on."""
        ...


class Asker:
    """Our queries in flight and the way out for new ones."""

    def __init__(
        self,
        config: NodeConfig,
        routing: RoutingTable,
        entropy: Entropy,
        outbox: list[Datagram],
        stats: NodeStats,
        presence: Presence,
    ) -> None:
        """Datagrams are appended to `outbox`, which somebody else drains."""
        self._config = config
        self._routing = routing
        self._outbox = outbox
        self._stats = stats
        self.presence = presence
        """Whether our queries say that we answer none (BEP 43)."""
        self._transactions = Transactions(config, entropy)
        self._waiting: dict[Waiting, None] = {}
        self.want: tuple[bytes, ...] = ()
        """BEP 32: the families that our `find_node` asks for; none: our own."""
        self.answer_ratio = 1.0
        """Share of the last few dozen queries that were answered."""

    @property
    def in_flight(self) -> int:
        """Queries that wait for an answer."""
        return len(self._transactions)

    def has_room(self, who: Waiting) -> bool:
        """Whether a query may be sent now; if not, `who` is called when one may."""
        if self._transactions.room:
            return True
        self._waiting[who] = None
        return False

    def ask(
        self, address: Address, node_id: bytes | None, arguments: Arguments, owner: Owner, tag: Any, *, now: float
    ) -> Transaction:
        """Send a query; `owner` hears what comes of it. `node_id` is None when only the address is known."""
        asked = self._transactions.begin(address, node_id, owner, tag, now)
        asked.method = _METHOD[type(arguments)]
        want = self.want if isinstance(arguments, FindNode) else ()
        query = Query(asked.id, self._routing.own_id, arguments, self.presence.read_only, want)
        self._outbox.append(Datagram(encode_query(query, self._config.version), address))
        self.presence.asked(address[0], now)
        self._stats.queries_sent[asked.method] += 1
        return asked

    def take(self, message: Reply | ErrorReply, source: Address, now: float) -> Rejection | None:
        """Bring an answer to whoever asked; says why it was dropped when it was."""
        asked = self._transactions.match(message, source, now)
        if isinstance(asked, Rejection):
            return asked
        self._stats.queries_replied += 1
        self.answer_ratio += (1 - self.answer_ratio) / RATIO_QUERIES
        if isinstance(message, ErrorReply):
            self._stats.query_ended(asked.method, QueryOutcome.REFUSED, now - asked.sent)
            self._stats.errors_received[message.code] += 1
            asked.owner.refused(asked, message, now)
            rejection = None
        else:
            self._stats.query_ended(asked.method, QueryOutcome.REPLIED, now - asked.sent)
            self._routing.answered(Contact(message.sender, source), now)
            rejection = asked.owner.replied(asked, message, now)
        self._resume(now)
        return rejection

    def handle_timer(self, now: float) -> None:
        """Tell owners of queries that have become slow or hopeless."""
        for asked in self._transactions.due_slow(now):
            asked.owner.slow(asked, now)
        for asked in self._transactions.due_dead(now):
            self._stats.queries_timed_out += 1
            self._stats.query_ended(asked.method, QueryOutcome.TIMED_OUT, now - asked.sent)
            self.answer_ratio -= self.answer_ratio / RATIO_QUERIES
            if asked.node_id is not None:
                self._routing.failed(Contact(asked.node_id, asked.address), now)
            asked.owner.silent(asked, now)
        self._resume(now)

    def next_deadline(self) -> float:
        """When `handle_timer` will next have something to do."""
        return self._transactions.next_deadline()

    def _resume(self, now: float) -> None:
        while self._waiting and self._transactions.room:
            who = next(iter(self._waiting))
            del self._waiting[who]
            who.pump(now)
