"""What a node tells its owner: how each operation ended, and what changed about the node itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.dht_node.core.contact import Address, Contact

OperationId = int
"""Names one operation of one node; never used twice."""


@dataclass(frozen=True, slots=True)
class LookupCounts:
    """How a lookup went, in nodes; `seconds` from its start to its outcome."""

    asked: int
    answered: int
    timed_out: int
    hops: int
    """The longest chain of nodes, each learnt from the one before, that led to an answer."""
    seconds: float
    complete: bool = False
    """Whether the nearest nodes that answer were all asked; not so at a deadline, or once a first value sufficed."""


@dataclass(frozen=True, slots=True)
class Version:
    """One distinct valid version of a mutable item."""

    value: bytes
    """Bencoded, as sent."""
    seq: int
    signature: bytes
    holders: int
    """Nodes that answered with exactly this version."""


@dataclass(frozen=True, slots=True)
class MutableFound:
    """A get of a mutable item ended; versions by seq, highest first."""

    operation: OperationId
    versions: tuple[Version, ...]
    lookup: LookupCounts
    rollback_suspected: bool = False
    """A higher seq than the highest of these has been seen before."""


@dataclass(frozen=True, slots=True)
class ImmutableFound:
    """A get of an immutable item ended; `value` is bencoded, None when nobody that answered holds it."""

    operation: OperationId
    value: bytes | None
    lookup: LookupCounts


@dataclass(frozen=True, slots=True)
class PeersFound:
    """A get_peers ended."""

    operation: OperationId
    peers: tuple[Address, ...]
    lookup: LookupCounts


@dataclass(frozen=True, slots=True)
class NodesFound:
    """A find_node ended: the closest nodes that answered, closest first."""

    operation: OperationId
    contacts: tuple[Contact, ...]
    lookup: LookupCounts


@dataclass(frozen=True, slots=True)
class Pinged:
    """A ping ended; without a `node_id` nobody answered in time, or not as a node does."""

    operation: OperationId
    node_id: bytes | None
    external_ip: bytes | None
    """Our compact address as that node sees it (BEP 42 `ip`), if it says."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A put or an announcement reached its quorum, its end or its deadline; what it still does goes on behind."""

    operation: OperationId
    target: bytes
    conflict: bool
    asked: int
    answered: int
    stored: int
    timed_out: int
    prefixes: int
    """Distinct /24 among the nodes that stored."""
    shared_bits: int
    """Leading bits that the target shares with the closest storing node's id."""
    seconds: float
    """From the first put sent; the lookup's own time is in `lookup`."""
    lookup: LookupCounts
    rejected: dict[int, int] = field(default_factory=dict)
    """KRPC error code -> nodes."""
    suspicious: bool = False
    """The nodes around the target lay too close together or in too few networks, so more of them were written to."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """An operation could not even begin: no contact is known that it could ask."""

    operation: OperationId


@dataclass(frozen=True, slots=True)
class ExternalAddressChanged:
    """The votes of other nodes agree on our address (host), or on another one than before."""

    host: str


@dataclass(frozen=True, slots=True)
class BootstrapNeeded:
    """Too few good contacts: the driver should resolve the bootstrap names and hand in their addresses."""


@dataclass(frozen=True, slots=True)
class HeardOfOthers:
    """A node named nodes of the other family (BEP 32): hearsay, for the node that runs beside us."""

    contacts: tuple[Contact, ...]


Outcome = MutableFound | ImmutableFound | PeersFound | NodesFound | Pinged | Stored | Isolated
Event = Outcome | ExternalAddressChanged | BootstrapNeeded | HeardOfOthers
