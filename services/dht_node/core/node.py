"""A DHT node as a value: joins the parts, and adds nothing of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from services.dht_node.core.asker import Asker
from services.dht_node.core.candidates import Goal
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact, pack_ip
from services.dht_node.core.errors import Misuse, Rejection, WireError
from services.dht_node.core.events import Event, ExternalAddressChanged, HeardOfOthers, OperationId
from services.dht_node.core.family import V4, V6, Family
from services.dht_node.core.guard import Guard
from services.dht_node.core.ids import ID_SIZE, TAIL_SIZE, derive_id, is_bep42
from services.dht_node.core.items import (
    Announcement,
    ImmutablePut,
    MutablePut,
    check_salt,
    check_target,
    check_value,
    check_version,
)
from services.dht_node.core.lookups import Lookups
from services.dht_node.core.maintenance import Maintenance
from services.dht_node.core.messages import Addressed, Datagram, ErrorReply, FindNode, Get, GetPeers, Query, Reply
from services.dht_node.core.operations import Operations
from services.dht_node.core.peers import PeerStore, SavedPeer
from services.dht_node.core.ports import Entropy, Verify
from services.dht_node.core.presence import Presence
from services.dht_node.core.responder import Responder, Tables
from services.dht_node.core.routing import RoutingTable
from services.dht_node.core.stats import NodeStats
from services.dht_node.core.storage import ItemStore, SavedItem
from services.dht_node.core.tokens import Tokens
from services.dht_node.core.votes import AddressVotes
from services.dht_node.core.wire import parse
from services.dht_node.core.work import immutable_found, mutable_found, nodes_found, peers_found

_new = tuple.__new__
"""Makes a NamedTuple without the Python function that its class is called through; see `wire`."""


class Node:
    """A DHT node without socket, clock or dice of its own.

    Drive it from three sources, the network, a timer and its owner, with `now` in monotonic seconds that never go
    back. After each call drain `datagrams_to_send` and `next_event`, and read `next_deadline` again. A timer that
    fires early does nothing. The order of inputs and the entropy decide every output.
    """

    def __init__(self, config: NodeConfig, *, entropy: Entropy, verify: Verify, now: float) -> None:
        self.stats = NodeStats()
        self.external_host = config.external_ip
        """Our address as voted or as the operator says; None while unknown."""
        self._config = config
        self._entropy = entropy
        self._verify = verify
        self._outbox: list[Datagram] = []
        self._events: deque[Event] = deque()
        self._guard = Guard(config)
        self._votes = AddressVotes(config)
        own_id = config.node_id or self._fitting_id(entropy(ID_SIZE))
        self._routing = RoutingTable(own_id, config, now)
        tables = Tables(
            self._routing,
            ItemStore(own_id, config),
            PeerStore(config),
            Tokens(entropy, config.token_rotation, now),
        )
        self._items = tables.items
        self._peers = tables.peers
        self._presence = Presence(config, now)
        self._responder = Responder(config, tables, verify, self.stats, self._presence)
        self._respond = self._respond_in_auto if self._presence.auto else self._responder.respond
        self._asker = Asker(config, self._routing, entropy, self._outbox, self.stats, self._presence)
        lookups = self._lookups = Lookups(config, self._routing, self._guard, verify, self.stats)
        self._operations = Operations(config, self._asker, lookups, self._events.append, self.stats)
        self._maintenance = Maintenance(config, tables, self._asker, lookups, entropy, self._events.append)
        self._maintenance.start(now)

    # in: the network and the timer

    def receive_datagram(self, data: bytes, source: Address, now: float) -> None:
        """Digest one datagram; whatever it holds, it raises nothing."""
        self.receive_datagrams(((data, source),), now)

    def receive_datagrams(self, datagrams: Sequence[Addressed], now: float) -> None:
        """Digest a burst of datagrams, each with its source."""
        stats, limit, acceptable = self.stats, self._config.datagram_max, self._guard.acceptable
        stats.datagrams_received += len(datagrams)
        for data, source in datagrams:
            stats.bytes_received += len(data)
            if len(data) > limit:
                stats.rejected[Rejection.TOO_LARGE] += 1
                continue
            if not acceptable(source):
                stats.rejected[Rejection.MARTIAN_SOURCE] += 1
                continue
            try:
                message = parse(data)
            except WireError as error:
                self._refuse(error, source, now)
                continue
            if isinstance(message, Query):
                self._answer(message, source, now)
            else:
                self._take(message, source, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`; nothing, when nothing is."""
        self._asker.handle_timer(now)
        self._operations.handle_timer(now)
        self._maintenance.handle_timer(now)

    # in: the owner

    def add_bootstrap(self, addresses: Iterable[Address], now: float) -> None:
        """Join by way of nodes of which only the address is known."""
        self._maintenance.join(addresses, (), now)

    def add_saved(self, contacts: Iterable[Contact], now: float) -> None:
        """Join by way of contacts of an earlier run; each must answer before it is one again."""
        self._maintenance.join((), contacts, now)

    def add_known(self, contacts: Iterable[Contact], now: float) -> None:
        """Take contacts as if they had just answered us: for an owner who runs these nodes too."""
        for contact in contacts:
            self._routing.answered(contact, now)

    def add_own_address(self, address: Address) -> None:
        """Never take this address for somebody else's."""
        self._guard.add_own(address)

    def stand_beside(self, other: Node | None) -> None:
        """Answer for the node of the other family too when its nodes are wanted (BEP 32), and ask for such; or no more.

        What others say of them comes as `HeardOfOthers`, for the other's `hear_of`.
        """
        self._responder.other = None if other is None else other.packed_closest
        self._asker.want = () if other is None else (V4.want, V6.want)

    def hear_of(self, contacts: Iterable[Contact], now: float) -> None:
        """Learn of nodes by hearsay: those that would find a place are pinged, a few at a time."""
        for contact in contacts:
            if contact.id not in self._routing and self._guard.acceptable(contact.address):
                self._maintenance.heard_from(contact, now)

    def restore_items(self, saved: Iterable[SavedItem], now: float) -> None:
        """Take back stored items of an earlier run."""
        self._items.restore(saved, now)

    def restore_peers(self, saved: Iterable[SavedPeer], now: float) -> None:
        """Take back announced peers of an earlier run."""
        self._peers.restore(saved, now)

    def get_mutable(self, target: bytes, salt: bytes, *, settle: bool, deadline: float, now: float) -> OperationId:
        """Find the versions of a mutable item: of every node that answers, or with `settle` off the first valid one.

        The operations raise Misuse when asked what can't be done, and TooManyOperations; each ends in one event.
        """
        goal = Goal(Get(check_target(target)), check_salt(salt))
        return self._operations.read(goal, mutable_found, first=not settle, deadline=deadline, now=now)

    def get_immutable(self, target: bytes, *, deadline: float, now: float) -> OperationId:
        """Find an immutable item."""
        return self._operations.read(
            Goal(Get(check_target(target))), immutable_found, first=True, deadline=deadline, now=now
        )

    def get_peers(self, info_hash: bytes, *, deadline: float, now: float) -> OperationId:
        """Find the peers announced for an info-hash."""
        goal = Goal(GetPeers(check_target(info_hash)))
        return self._operations.read(goal, peers_found, first=False, deadline=deadline, now=now)

    def find_node(self, target: bytes, *, deadline: float, now: float) -> OperationId:
        """Find the nodes nearest to an id."""
        goal = Goal(FindNode(check_target(target)))
        return self._operations.read(goal, nodes_found, first=False, deadline=deadline, now=now)

    def ping(self, address: Address, *, deadline: float, now: float) -> OperationId:
        """Ask one node whether it is there."""
        if not self._guard.acceptable(address):
            raise Misuse(f"expected an address that a node of this network can have, got {address[0]}:{address[1]}")
        return self._operations.ping(address, deadline=deadline, now=now)

    def put_mutable(self, item: MutablePut, quorum: int, *, deadline: float, now: float) -> OperationId:
        """Store a signed version; the outcome comes at the quorum and the rest goes on behind."""
        return self._operations.write(check_version(item, self._verify), quorum, deadline=deadline, now=now)

    def put_immutable(self, value: bytes, quorum: int, *, deadline: float, now: float) -> OperationId:
        """Store a bencoded value under its hash."""
        return self._operations.write(ImmutablePut(check_value(value)), quorum, deadline=deadline, now=now)

    def announce(self, info_hash: bytes, port: int | None, quorum: int, *, deadline: float, now: float) -> OperationId:
        """Announce a port of ours for an info-hash; None: the one that our datagrams come from."""
        item = Announcement(check_target(info_hash), port)
        return self._operations.write(item, quorum, deadline=deadline, now=now)

    # out

    def datagrams_to_send(self) -> list[Datagram]:
        """The datagrams that have gathered, in order; they are counted as sent."""
        outbox = self._outbox[:]
        self._outbox.clear()
        self.stats.datagrams_sent += len(outbox)
        self.stats.bytes_sent += sum([len(data) for data, _ in outbox])
        return outbox

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float:
        """When `handle_timer` must be called; infinity never, as some duty always recurs."""
        return min(self._asker.next_deadline(), self._operations.next_deadline(), self._maintenance.next_deadline())

    # what it is like

    @property
    def id(self) -> bytes:
        """Our node id, 20 bytes."""
        return self._routing.own_id

    @property
    def family(self) -> Family:
        """IPv4 or IPv6."""
        return self._config.family

    @property
    def read_only(self) -> bool:
        """Whether we answer nobody just now (BEP 43); see `presence`."""
        return self._presence.read_only

    @property
    def contacts(self) -> int:
        """Entries of the routing table."""
        return len(self._routing)

    @property
    def answer_ratio(self) -> float:
        """Share of our queries of late that were answered, 0 to 1; 1 before the first."""
        return self._asker.answer_ratio

    @property
    def network_size(self) -> int | None:
        """Nodes of the network that answer, as estimated from our lookups; None while too little is known."""
        return self._lookups.network_size.nodes

    @property
    def in_hand(self) -> int:
        """Operations that have no outcome yet."""
        return len(self._operations)

    @property
    def stored_items(self) -> int:
        """BEP 44 items held for others."""
        return len(self._items)

    @property
    def stored_bytes(self) -> int:
        """Bytes that those items count for."""
        return self._items.bytes_held

    @property
    def stored_items_limit(self) -> int:
        """How many they may be."""
        return self._config.items_max

    @property
    def stored_bytes_limit(self) -> int:
        """How many bytes they may count for."""
        return self._config.item_bytes_max

    @property
    def items_evicted(self) -> int:
        """Items that had to make room for others before their time."""
        return self._items.evicted

    @property
    def puts_over_quota(self) -> int:
        """Puts refused because their network had filled its share of the store."""
        return self._items.over_quota

    @property
    def stored_swarms(self) -> int:
        """Info-hashes that peers have been announced for."""
        return len(self._peers)

    def connected(self, now: float) -> bool:
        """Whether there is a network around us; see `Maintenance.connected`."""
        return self._maintenance.connected(now)

    def good_contacts(self, now: float) -> int:
        """Contacts that answered of late (BEP 5, "Routing Table")."""
        return self._routing.good_count(now)

    def contacts_by_bucket(self, now: float) -> dict[int, tuple[int, int, int]]:
        """Good, questionable and bad contacts by the bits that they share with our id; see `RoutingTable.census`."""
        return self._routing.census(now)

    def egress_left(self, now: float) -> float:
        """Share of the bytes for answers that is left just now, 0 to 1; 1 without a limit."""
        return self._responder.egress_left(now)

    def packed_closest(self, target: bytes, now: float) -> bytes:
        """What strangers are told of the nodes near a target; see `RoutingTable.packed_closest`."""
        return self._routing.packed_closest(target, now)

    def saved_contacts(self) -> list[Contact]:
        """The contacts worth keeping over a restart."""
        return self._routing.saved()

    def saved_items(self, now: float) -> list[SavedItem]:
        """The stored items, with what is left of their lifetime."""
        return self._items.saved(now)

    def saved_peers(self, now: float) -> list[SavedPeer]:
        """The announced peers, with what is left of their lifetime."""
        return self._peers.saved(now)

    # how

    def _answer(self, query: Query, source: Address, now: float) -> None:
        rejected = self.stats.rejected
        if not self._guard.admits(source[0], now):
            rejected[Rejection.RATE_LIMITED] += 1
        elif query.sender == self._routing.own_id:
            rejected[Rejection.OWN_ID] += 1
        else:
            answer = self._respond(query, source, now)
            if answer is not None:
                self._outbox.append(_new(Datagram, (answer, source)))
            if not query.read_only:
                self._maintenance.heard_from(Contact(query.sender, source), now)

    def _respond_in_auto(self, query: Query, source: Address, now: float) -> bytes | None:
        self._presence.heard_from(source[0], now)
        return self._responder.respond(query, source, now)

    def _refuse(self, error: WireError, source: Address, now: float) -> None:
        self.stats.rejected[error.reason] += 1
        if error.transaction is not None and self._guard.admits(source[0], now):
            answer = self._responder.refuse(error, source, now)
            if answer is not None:
                self._outbox.append(_new(Datagram, (answer, source)))

    def _take(self, message: Reply | ErrorReply, source: Address, now: float) -> None:
        answered = self.stats.queries_replied
        rejection = self._asker.take(message, source, now)
        if rejection is not None:
            self.stats.rejected[rejection] += 1
        if self.stats.queries_replied > answered:
            self._responder.proved(source[0], now)
            if message.external_ip is not None:
                self._hear_our_address(source[0], message.external_ip, now)
        if self._asker.want and rejection is None and isinstance(message, Reply):
            self._pass_on(message)
        self._operations.advance(now)

    def _pass_on(self, reply: Reply) -> None:
        others = reply.nodes6 if self._config.family is V4 else reply.nodes
        if others:
            self._events.append(HeardOfOthers(others))

    def _hear_our_address(self, voter: str, external_ip: bytes, now: float) -> None:
        """One more vote (BEP 42), unless the operator has spoken."""
        if self._config.external_ip is not None:
            return
        host = self._votes.vote(voter, external_ip, now)
        if host is None:
            return
        self.external_host = host
        self._events.append(ExternalAddressChanged(host))
        own_id = self._fitting_id(self.id)
        if own_id != self.id:
            self._routing.rebuild(own_id, now)
            self._responder.adopt_id(own_id)
            self._items.adopt_id(own_id)
            self._maintenance.join((), (), now)

    def _fitting_id(self, own_id: bytes) -> bytes:
        """`own_id`, or another one if BEP 42 wants that of our address; in labs any will do."""
        if self.external_host is None or self._config.lab:
            return own_id
        ip = pack_ip(self.external_host)
        if is_bep42(own_id, ip):
            return own_id
        return derive_id(ip, self._entropy(1)[0], self._entropy(TAIL_SIZE))
