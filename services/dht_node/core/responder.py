"""A stranger's query and our tables become a reply: the path that runs a hundred thousand times a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.dht_node.core.bloom import FILTER_SIZE, bloom
from services.dht_node.core.budgets import Budgets, NetworkBudgets
from services.dht_node.core.compose import Replies
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import PORT_SIZE, Address, pack_address, pack_ip, prefix
from services.dht_node.core.egress import Egress
from services.dht_node.core.errors import Rejection, WireError
from services.dht_node.core.messages import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Item,
    KrpcCode,
    Ping,
    Put,
    Query,
    SampleInfohashes,
    Scrape,
)
from services.dht_node.core.peers import PeerStore
from services.dht_node.core.ports import Verify
from services.dht_node.core.presence import Presence
from services.dht_node.core.routing import RoutingTable
from services.dht_node.core.samples import Samples
from services.dht_node.core.stats import NodeStats
from services.dht_node.core.storage import ItemStore, Standing
from services.dht_node.core.tokens import Tokens
from shared.format.bep44 import MAX_SALT, MAX_VALUE, immutable_target, mutable_target, signable_bytes

_REFUSALS: dict[Rejection, tuple[int, bytes]] = {
    Rejection.UNKNOWN_METHOD: (KrpcCode.METHOD_UNKNOWN, b"unknown method"),
    Rejection.BAD_TOKEN: (KrpcCode.PROTOCOL, b"bad token"),
    Rejection.VALUE_TOO_BIG: (KrpcCode.VALUE_TOO_BIG, b"v is over 1000 bytes"),
    Rejection.BAD_SIGNATURE: (KrpcCode.BAD_SIGNATURE, b"bad signature"),
    Rejection.SALT_TOO_BIG: (KrpcCode.SALT_TOO_BIG, b"salt is over 64 bytes"),
    Rejection.CAS_MISMATCH: (KrpcCode.CAS_MISMATCH, b"cas is not the stored seq"),
    Rejection.SEQ_TOO_LOW: (KrpcCode.SEQ_TOO_LOW, b"seq is not above the stored one"),
    Rejection.STORE_FULL: (KrpcCode.SERVER, b"no room"),
    Rejection.VERIFICATION_LIMITED: (KrpcCode.SERVER, b"too many signatures to verify"),
}
_MALFORMED = (KrpcCode.PROTOCOL, b"malformed query")


@dataclass(frozen=True, slots=True)
class Tables:
    """What a node knows and holds, and what its answers are made of."""

    routing: RoutingTable
    items: ItemStore
    peers: PeerStore
    tokens: Tokens


class Responder:
    """Answers the queries of others; `now` is in monotonic seconds."""

    def __init__(
        self, config: NodeConfig, tables: Tables, verify: Verify, stats: NodeStats, presence: Presence
    ) -> None:
        self._config = config
        self._presence = presence
        self._routing = tables.routing
        self._items = tables.items
        self._peers = tables.peers
        self._tokens = tables.tokens
        self._samples = Samples(tables.peers, config)
        self._verify = verify
        self._stats = stats
        self._egress = Egress(config)
        self._verifications = NetworkBudgets(
            Budgets(config.verification_rate, config.verification_burst, config.egress_tracked_max),
            Budgets(config.verification_total_rate, config.verification_total_burst, 1),
        )
        self.proved = self._egress.proved
        """A host has received what we sent there, now: it answered us."""
        self.egress_left = self._egress.left
        """Share of the bytes for answers that is left, now."""
        self.other: Callable[[bytes, float], bytes] | None = None
        """`RoutingTable.packed_closest` of the other family's node, where one runs beside us."""
        self._answers: dict[type, tuple[str, Callable[[Query, Any, Address, float], bytes]]] = {
            Ping: ("ping", self._ping),
            FindNode: ("find_node", self._find_node),
            GetPeers: ("get_peers", self._get_peers),
            Scrape: ("get_peers", self._scrape),
            AnnouncePeer: ("announce_peer", self._announce_peer),
            Get: ("get", self._get),
            Put: ("put", self._put),
            SampleInfohashes: ("sample_infohashes", self._sample_infohashes),
        }
        self.adopt_id(tables.routing.own_id)

    def adopt_id(self, own_id: bytes) -> None:
        """Answer under another id (20 bytes) from now on."""
        self._replies = Replies(own_id, self._config.version, self._config.family)

    def respond(self, query: Query, source: Address, now: float) -> bytes | None:
        """The datagram that answers a query, be it with an error.

        None in read-only mode (BEP 43), and when the asker's network has had its share of bytes.
        """
        if self._presence.read_only:
            self._stats.rejected[Rejection.READ_ONLY] += 1
            return None
        method, answer = self._answers[type(query.arguments)]
        self._stats.queries_answered[method] += 1
        reply = answer(query, query.arguments, source, now)
        return self._afforded(reply, source, now) if self._egress.limited else reply

    def refuse(self, error: WireError, source: Address, now: float) -> bytes | None:
        """The error that a datagram deserves which `wire.parse` refused; None when it was not a query.

        Its reason is the caller's to count: he has the datagrams that deserve no answer to count too.
        """
        if error.transaction is None or self._presence.read_only:
            return None
        code, sentence = _REFUSALS.get(error.reason, _MALFORMED)
        return self._afforded(self._replies.error(error.transaction, pack_address(source), code, sentence), source, now)

    def _afforded(self, answer: bytes, source: Address, now: float) -> bytes | None:
        if self._egress.admits(source[0], len(answer), now):
            return answer
        self._stats.rejected[Rejection.EGRESS_LIMITED] += 1
        return None

    def _ping(self, query: Query, _: Ping, source: Address, __: float) -> bytes:
        return self._replies.acknowledgement(query.transaction, pack_address(source))

    def _find_node(self, query: Query, asked: FindNode, source: Address, now: float) -> bytes:
        nodes = self._routing.packed_closest(asked.target, now)
        if query.want:
            nodes = self._wanted(query.want, nodes, asked.target, now)
        return self._replies.nodes(query.transaction, pack_address(source), nodes)

    def _get_peers(self, query: Query, asked: GetPeers, source: Address, now: float) -> bytes:
        asker = pack_address(source)
        nodes = self._routing.packed_closest(asked.info_hash, now)
        if query.want:
            nodes = self._wanted(query.want, nodes, asked.info_hash, now)
        token = self._tokens.issue(asker[:-PORT_SIZE], asked.info_hash)
        peers = self._peers.get(asked.info_hash, now)
        return self._replies.peers(query.transaction, asker, nodes, token, peers)

    def _scrape(self, query: Query, asked: Scrape, source: Address, now: float) -> bytes:
        """A get_peers of BEP 33; nothing of it is done for the usual one."""
        asker = pack_address(source)
        nodes = self._routing.packed_closest(asked.info_hash, now)
        if query.want:
            nodes = self._wanted(query.want, nodes, asked.info_hash, now)
        token = self._tokens.issue(asker[:-PORT_SIZE], asked.info_hash)
        show = self._peers.downloaders if asked.no_seeds else self._peers.get
        peers = show(asked.info_hash, now)
        filters = self._filters(asked, source, now)
        if filters is None:
            return self._replies.peers(query.transaction, asker, nodes, token, peers)
        # half of the peers: with the filters, too, it is one datagram of 1400 bytes
        reply = self._replies.peers(query.transaction, asker, nodes, token, peers[: self._peers.in_reply // 2])
        return self._replies.scraped(reply, *filters)

    def _filters(self, asked: Scrape, source: Address, now: float) -> tuple[bytes, bytes] | None:
        """The filters of seeds and of the others; None when they are not wanted, not served, or of nobody."""
        if not (asked.filters and self._config.scrape):
            return None
        if self._egress.withholds(source[0], 2 * FILTER_SIZE, now):
            self._stats.values_withheld += 1
            return None
        seeds, others = self._peers.hosts(asked.info_hash, now)
        return (bloom(seeds), bloom(others)) if seeds or others else None

    def _wanted(self, want: tuple[bytes, ...], nodes: bytes, target: bytes, now: float) -> bytes:
        """The nodes of the families that were asked for (BEP 32), as far as we know such."""
        family = self._config.family
        members = [nodes] if family.want in want else []
        if self.other is not None and any(wanted != family.want for wanted in want):
            members.append(self.other(target, now))
        return b"".join(sorted(members))

    def _announce_peer(self, query: Query, announced: AnnouncePeer, source: Address, now: float) -> bytes:
        if not self._tokens.accepts(announced.token, pack_ip(source[0]), announced.info_hash):
            return self._refusal(query, source, Rejection.BAD_TOKEN)
        self._egress.proved(source[0], now)
        peer = source if announced.port is None else (source[0], announced.port)
        if not self._peers.announce(announced.info_hash, pack_address(peer), now, seed=announced.seed):
            return self._refusal(query, source, Rejection.STORE_FULL)
        return self._replies.acknowledgement(query.transaction, pack_address(source))

    def _get(self, query: Query, asked: Get, source: Address, now: float) -> bytes:
        asker = pack_address(source)
        nodes = self._routing.packed_closest(asked.target, now)
        if query.want:
            nodes = self._wanted(query.want, nodes, asked.target, now)
        token = self._tokens.issue(asker[:-PORT_SIZE], asked.target)
        item = self._items.get(asked.target, now)
        if item is None:
            return self._replies.peers(query.transaction, asker, nodes, token)
        self._items.asked_for(asked.target, prefix(source[0]))
        if asked.seq is not None and item.public_key is not None and item.seq <= asked.seq:
            return self._replies.seq(query.transaction, asker, nodes, token, item.seq)
        if self._egress.withholds(source[0], len(item.value), now) and not self._proves(asked, source, now):
            self._stats.values_withheld += 1
            if item.public_key is None:
                return self._replies.peers(query.transaction, asker, nodes, token)
            return self._replies.seq(query.transaction, asker, nodes, token, item.seq)
        return self._replies.item(query.transaction, asker, nodes, token, item)

    def _proves(self, asked: Get, source: Address, now: float) -> bool:
        """Whether a get shows a token that we sent to this address."""
        proven = asked.token is not None and self._tokens.accepts(asked.token, pack_ip(source[0]), asked.target)
        if proven:
            self._egress.proved(source[0], now)
        return proven

    def _put(self, query: Query, put: Put, source: Address, now: float) -> bytes:
        refusal = self._try_put(put, source, now)
        if refusal is not None:
            return self._refusal(query, source, refusal)
        return self._replies.acknowledgement(query.transaction, pack_address(source))

    def _try_put(self, put: Put, source: Address, now: float) -> Rejection | None:
        """Cheap checks first: verifying costs more than all the rest, and only a proven address gets so far."""
        if len(put.value) > MAX_VALUE:
            return Rejection.VALUE_TOO_BIG
        key = put.public_key
        target = immutable_target(put.value) if key is None else mutable_target(key, put.salt)
        if not self._tokens.accepts(put.token, pack_ip(source[0]), target):
            return Rejection.BAD_TOKEN
        self._egress.proved(source[0], now)
        if key is None:
            return self._store(target, Item(put.value), source, now)
        if len(put.salt) > MAX_SALT:
            return Rejection.SALT_TOO_BIG
        return self._try_mutable(target, put, source, now)

    def _try_mutable(self, target: bytes, put: Put, source: Address, now: float) -> Rejection | None:
        if put.public_key is None or put.signature is None or put.seq is None:
            return Rejection.MALFORMED_QUERY
        match self._items.standing(target, put, now):
            case Standing.IDENTICAL:
                # verified when it came first, and its own signature stays with it
                self._items.refresh(target, now)
                return None
            case Standing.CAS_MISMATCH:
                return Rejection.CAS_MISMATCH
            case Standing.SEQ_TOO_LOW:
                return Rejection.SEQ_TOO_LOW
            case Standing.NEW:
                pass
        if not self._verifications.spend(prefix(source[0]), now):
            return Rejection.VERIFICATION_LIMITED
        if not self._verify(put.public_key, put.signature, signable_bytes(put.value, put.seq, put.salt)):
            return Rejection.BAD_SIGNATURE
        return self._store(target, Item(put.value, put.public_key, put.signature, put.seq), source, now)

    def _store(self, target: bytes, item: Item, source: Address, now: float) -> Rejection | None:
        return None if self._items.put(target, item, now, prefix(source[0])) else Rejection.STORE_FULL

    def _sample_infohashes(self, query: Query, asked: SampleInfohashes, source: Address, now: float) -> bytes:
        nodes = self._routing.packed_closest(asked.target, now)
        samples = self._samples
        shown = samples.shown_to(source[0], self._routing.own_id, now)
        return self._replies.samples(
            query.transaction, pack_address(source), nodes, shown, samples.total, samples.interval
        )

    def _refusal(self, query: Query, source: Address, reason: Rejection) -> bytes:
        self._stats.rejected[reason] += 1
        code, sentence = _REFUSALS.get(reason, _MALFORMED)
        return self._replies.error(query.transaction, pack_address(source), code, sentence)
