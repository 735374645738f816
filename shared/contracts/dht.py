"""What the DHT node can be asked to do.

Values are *bencoded* bytes exactly as they travel (BEP 44 signs those bytes): at most 1000 bytes.
Node ids, info-hashes and targets are 20 bytes, public keys 32, signatures 64.
"""

from __future__ import annotations

from shared.contracts.operation import Message, Operation
from shared.format import bep44

MAX_KEEP_S = 30 * 24 * 3600
"""Seconds for which an item may be asked to be kept alive."""


MAX_KEEP_AHEAD_S = MAX_KEEP_S + 2 * 24 * 3600
"""The end of the longest wish lies within an epoch, which is kept to its own end and a while longer."""

MAX_KEPT_VERSIONS = 32
"""One for each epoch of the longest wish."""


class KeptVersion(Message, frozen=True, kw_only=True):
    """A signed version of a mutable item, and when the cluster shall put it; wall clock, milliseconds."""

    public_key: bytes
    salt: bytes = b""
    seq: int
    value: bytes
    signature: bytes
    from_ms: int
    """The first put; a time that has passed means as soon as may be."""
    until_ms: int
    """No put after it; at most MAX_KEEP_AHEAD_S from now. 0: only in the place of an older version that is kept."""


class LookupReport(Message, frozen=True, kw_only=True):
    """How a lookup went: counts of nodes."""

    asked: int
    answered: int
    timed_out: int
    elapsed_ms: float


class StoringReport(Message, frozen=True, kw_only=True):
    """What became of a put, counted by node; never a bare "ok"."""

    asked: int
    """Nodes that a put was sent to."""
    answered: int
    """Of those, how many answered in any way before the reply was due."""
    stored: int
    rejected: dict[int, int]
    """KRPC error code (BEP 5, BEP 44) -> how many nodes answered it."""
    timed_out: int
    prefixes: int
    """Distinct /24 (IPv4) or /48 (IPv6) networks among the nodes that stored."""
    closest_distance: int
    """Number of leading bits that the target shares with the closest storing node; 0 when none stored."""
    elapsed_ms: float
    suspicious: bool = False
    """The nodes around the target lay closer together than the size of the network allows, or in too few networks: they
    may all be one attacker's. So more and farther nodes were written to, at most two of one /16."""


class MutableVersion(Message, frozen=True, kw_only=True):
    """One distinct valid version of a mutable item, as some nodes hold it. Its signature has been checked."""

    value: bytes
    seq: int
    signature: bytes
    holders: int
    """How many of the nodes that answered hold exactly this version."""


class GetMutable(Message, frozen=True, kw_only=True):
    """Find the versions of a mutable item."""

    public_key: bytes
    salt: bytes = b""
    settle: bool = True
    """True: every version from every node that answered. False: return at the first valid one."""


class GetMutableReply(Message, frozen=True, kw_only=True):
    """The versions found, highest seq first; empty when no node that answered holds any."""

    versions: list[MutableVersion]
    report: LookupReport
    rollback_suspected: bool = False
    """This node has seen a higher seq than the highest of these: the nodes that answered lost it, or keep it back."""


class PutMutable(Message, frozen=True, kw_only=True):
    """Store a signed version on the nodes closest to its target."""

    public_key: bytes
    salt: bytes = b""
    seq: int
    value: bytes
    signature: bytes
    seen: list[bytes] | None = None
    """Signatures of the versions that this one supersedes; None: no condition.

    With it the put is a compare-and-swap on every node (the `cas` of BEP 44, against what that very node held),
    and a node that holds a version not named here is a conflict."""
    quorum: int = 3
    """Answer when this many nodes have stored it; the rest of the put goes on behind."""
    keep: int = 0
    """Seconds for which the cluster puts it again by itself, at most MAX_KEEP_S; 0: a lease that there is goes on."""
    ahead: tuple[KeptVersion, ...] = ()
    """The same record in epochs to come, to be kept as by `Keep` once this version is stored: at most
    MAX_KEPT_VERSIONS. Here they save a round trip on the bus."""


class PutReply(Message, frozen=True, kw_only=True):
    """What became of a put."""

    target: bytes
    conflict: bool
    """A node held, or was given meanwhile, a version that this put did not supersede (301, 302)."""
    storing: StoringReport
    lookup: LookupReport
    kept_until_ms: int = 0
    """Wall clock: until when the cluster keeps this item alive; 0: it does not."""
    keep_refused: str = ""
    """The error code for which it was stored, but is not kept as long as was asked; empty when nothing is amiss."""


class GetImmutable(Message, frozen=True, kw_only=True):
    """Find an immutable item by its target, the SHA-1 of its bencoded value."""

    target: bytes


class GetImmutableReply(Message, frozen=True, kw_only=True):
    """The bencoded value, or None when no node that answered holds it."""

    value: bytes | None
    report: LookupReport


class PutImmutable(Message, frozen=True, kw_only=True):
    """Store a bencoded value under its SHA-1."""

    value: bytes
    quorum: int = 3
    keep: int = 0
    """As for PutMutable."""


class Keep(Message, frozen=True, kw_only=True):
    """Put these versions by yourself, each from its time on: of one record, in epochs that are still to come."""

    versions: list[KeptVersion]
    """1 … MAX_KEPT_VERSIONS."""


class KeepReply(Message, frozen=True, kw_only=True):
    """Until when they are kept: the latest of their ends, or 0 when one is not."""

    kept_until_ms: int = 0
    keep_refused: str = ""
    """The error code for which not all is kept as was asked; empty when nothing is amiss."""


class Release(Message, frozen=True, kw_only=True):
    """End the tenant's own wish to have an item kept alive; what other tenants asked for goes on."""

    target: bytes
    end: bool = True
    """False: end nothing, only say what there is."""


class ReleaseReply(Message, frozen=True, kw_only=True):
    """What the tenant had asked for."""

    value: bytes | None = None
    """The kept item's bencoded value; None when the tenant keeps no such item."""
    until_ms: int = 0
    """Until when; wall clock, 0 when it keeps no such item."""


class GetPeers(Message, frozen=True, kw_only=True):
    """Find the peers announced for an info-hash (BEP 5)."""

    info_hash: bytes


class GetPeersReply(Message, frozen=True, kw_only=True):
    """Peers as `host:port`, without duplicates."""

    peers: list[str]
    report: LookupReport


class AnnouncePeer(Message, frozen=True, kw_only=True):
    """Announce a port of this node's address for an info-hash (BEP 5)."""

    info_hash: bytes
    port: int
    quorum: int = 3


class Status(Message, frozen=True, kw_only=True):
    """Ask one node how it is."""


class StatusReply(Message, frozen=True, kw_only=True):
    """A node's own view of itself and of the network."""

    node_id: bytes
    external_address: str | None
    """`host`, as voted by other nodes or set by the operator; None while unknown."""
    ready: bool
    contacts: int
    good_contacts: int
    answer_ratio: float
    """Share of our own queries of late that were answered, 0 … 1."""
    stored_items: int
    stored_bytes: int
    read_only: bool = False
    """It answers no queries just now (BEP 43)."""
    canary_failures: int = 0
    """Rounds in a row in which the node's own item did not come back from the DHT."""
    canary_age_s: float | None = None
    """Seconds since it last came back; None: not yet."""
    network_size: int | None = None
    """Nodes of the network that answer, as estimated from this node's lookups; None while too little is known."""


class Ping(Message, frozen=True, kw_only=True):
    """Ask one node of the DHT whether it is there."""

    address: str
    """`host:port`, the host as an IP address: names are the caller's to resolve."""


class PingReply(Message, frozen=True, kw_only=True):
    """What came of a ping."""

    node_id: bytes | None
    """None: no answer came, or none as a node gives it."""
    seen_as: str | None
    """`host:port` of our own node as the other one sees it (BEP 42), if it says."""
    elapsed_ms: float


class Lookup(Message, frozen=True, kw_only=True):
    """Find the nodes nearest to an id or a target."""

    target: bytes


class NodeFound(Message, frozen=True, kw_only=True):
    """A node of the DHT."""

    node_id: bytes
    address: str
    """`host:port`."""


class LookupReply(Message, frozen=True, kw_only=True):
    """The nearest nodes that answered, nearest first."""

    nodes: list[NodeFound]
    report: LookupReport


def _first_target(request: Keep) -> bytes:
    return _mutable_target(request.versions[0]) if request.versions else b""


def _mutable_target(request: GetMutable | PutMutable | KeptVersion) -> bytes:
    return bep44.mutable_target(request.public_key, request.salt)


def _immutable_target(request: PutImmutable) -> bytes:
    return bep44.immutable_target(request.value)


def _target(request: GetImmutable | Release) -> bytes:
    return request.target


def _info_hash(request: GetPeers | AnnouncePeer) -> bytes:
    return request.info_hash


GET_MUTABLE = Operation("dht.get_mutable@1", GetMutable, GetMutableReply, _mutable_target)
PUT_MUTABLE = Operation("dht.put_mutable@1", PutMutable, PutReply, _mutable_target)
GET_IMMUTABLE = Operation("dht.get_immutable@1", GetImmutable, GetImmutableReply, _target)
PUT_IMMUTABLE = Operation("dht.put_immutable@1", PutImmutable, PutReply, _immutable_target)
KEEP = Operation("dht.keep@1", Keep, KeepReply, _first_target)
RELEASE = Operation("dht.release@1", Release, ReleaseReply, _target)
GET_PEERS = Operation("dht.get_peers@1", GetPeers, GetPeersReply, _info_hash)
ANNOUNCE_PEER = Operation("dht.announce_peer@1", AnnouncePeer, PutReply, _info_hash)
STATUS = Operation("dht.status@1", Status, StatusReply)
PING = Operation("dht.ping@1", Ping, PingReply)
LOOKUP = Operation("dht.lookup@1", Lookup, LookupReply)
