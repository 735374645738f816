"""KRPC as a closed union of values (BEP 5, 33, 42, 43, 44); only `wire` and `compose` know their bencoded keys.

Values of BEP 44 items travel here as the bencoded bytes that were sent: a signature is over those bytes.
Plain tuples by name: a node under load makes one for every datagram, and nothing is cheaper to make.
"""

from __future__ import annotations

from typing import NamedTuple

from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.family import V4, Family


class Ping(NamedTuple):
    """`ping` (BEP 5)."""


class FindNode(NamedTuple):
    """`find_node` (BEP 5); also how an unknown query with a `target` or an `info_hash` is understood."""

    target: bytes


class GetPeers(NamedTuple):
    """`get_peers` (BEP 5)."""

    info_hash: bytes


class Scrape(NamedTuple):
    """`get_peers` with what BEP 33 adds to it: at least one of the two."""

    info_hash: bytes
    filters: bool = True
    """`scrape`: the asker wants to know how many they are."""
    no_seeds: bool = False
    """`noseed`: the asker has all of it, and wants peers that have not."""


class AnnouncePeer(NamedTuple):
    """`announce_peer` (BEP 5). `port` is None when `implied_port` asks for the port it came from."""

    info_hash: bytes
    port: int | None
    token: bytes
    seed: bool = False
    """BEP 33: it has all of it."""


class Get(NamedTuple):
    """`get` (BEP 44). With `seq` the asker wants no value whose seq is not higher.

    `token` is ours: a node that withheld a value is shown that its last answer arrived. Others pass it over.
    """

    target: bytes
    seq: int | None = None
    token: bytes | None = None


class Put(NamedTuple):
    """`put` (BEP 44): immutable without `public_key`, mutable with it."""

    token: bytes
    value: bytes
    public_key: bytes | None = None
    signature: bytes | None = None
    seq: int | None = None
    salt: bytes = b""
    cas: int | None = None


class SampleInfohashes(NamedTuple):
    """`sample_infohashes` (BEP 51): some of the info-hashes that are announced here."""

    target: bytes


Arguments = Ping | FindNode | GetPeers | Scrape | AnnouncePeer | Get | Put | SampleInfohashes


class Item(NamedTuple):
    """What a `put` leaves behind: immutable without `public_key`, mutable with it."""

    value: bytes
    """Bencoded, as sent."""
    public_key: bytes | None = None
    signature: bytes = b""
    seq: int = 0


class Query(NamedTuple):
    """Somebody asks."""

    transaction: bytes
    sender: bytes
    """The asker's node id, 20 bytes."""
    arguments: Arguments
    read_only: bool = False
    """BEP 43: the asker answers no queries itself; it does not belong in a routing table."""
    want: tuple[bytes, ...] = ()
    """BEP 32: the families (`Family.want`) whose nodes are asked for; none: those of the query's own."""


class Reply(NamedTuple):
    """Somebody answered; which fields are there depends on what was asked."""

    transaction: bytes
    sender: bytes
    nodes: tuple[Contact, ...] = ()
    """As sent, not yet filtered: may hold martians, our own id, duplicates."""
    token: bytes | None = None
    peers: tuple[Address, ...] = ()
    value: bytes | None = None
    """Bencoded, not yet verified."""
    public_key: bytes | None = None
    signature: bytes | None = None
    seq: int | None = None
    external_ip: bytes | None = None
    """BEP 42 `ip`: our address as the answering node sees it, 4 or 6 bytes (with port) or 16 or 18."""
    nodes6: tuple[Contact, ...] = ()
    """BEP 32: the same of IPv6."""

    def nodes_of(self, family: Family) -> tuple[Contact, ...]:
        """The nodes of one family."""
        return self.nodes if family is V4 else self.nodes6


class ErrorReply(NamedTuple):
    """Somebody refused (BEP 5, "Errors")."""

    transaction: bytes
    code: int
    message: bytes
    external_ip: bytes | None = None


Message = Query | Reply | ErrorReply


Addressed = tuple[bytes, Address]
"""The bytes of a datagram, and where it came from or goes to."""


class Datagram(NamedTuple):
    """Bytes to send, and where to."""

    data: bytes
    destination: Address


class KrpcCode:
    """Error codes on the wire (BEP 5, BEP 44)."""

    GENERIC = 201
    SERVER = 202
    PROTOCOL = 203
    METHOD_UNKNOWN = 204
    VALUE_TOO_BIG = 205
    BAD_SIGNATURE = 206
    SALT_TOO_BIG = 207
    CAS_MISMATCH = 301
    SEQ_TOO_LOW = 302
