"""What the DHT node measures of the lookups it makes for others: of what kind, how they ended, how long they took.

A put or an announcement counts as a lookup too: it begins with one, and its time is that of both halves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from prometheus_client import CollectorRegistry, Histogram

from services.dht_node.core.events import (
    ImmutableFound,
    Isolated,
    LookupCounts,
    MutableFound,
    NodesFound,
    Outcome,
    PeersFound,
    Pinged,
    Stored,
)
from services.dht_node.core.family import V4, Family
from shared.metrics import NETWORK_SECONDS


class LookupKind(StrEnum):
    """What was looked for, or stored."""

    GET_MUTABLE = "get_mutable"
    GET_IMMUTABLE = "get_immutable"
    GET_PEERS = "get_peers"
    FIND_NODE = "find_node"
    PUT_MUTABLE = "put_mutable"
    PUT_IMMUTABLE = "put_immutable"
    ANNOUNCE_PEER = "announce_peer"


class LookupOutcome(StrEnum):
    """How a lookup ended."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    """The nodes nearest to the target answered, and have nothing."""
    STORED = "stored"
    CONFLICT = "conflict"
    """Some node holds a version that ours does not supersede."""
    NOT_STORED = "not_stored"
    """Nodes were asked to store it, and none did."""
    DEADLINE_EXCEEDED = "deadline_exceeded"
    """The caller's deadline came before enough nodes had answered."""
    UNAVAILABLE = "unavailable"
    """There was nobody to ask, or nobody answered."""


_ALWAYS = (LookupOutcome.DEADLINE_EXCEEDED, LookupOutcome.UNAVAILABLE)
_READ = (LookupOutcome.FOUND, LookupOutcome.NOT_FOUND, *_ALWAYS)
_WRITTEN = (LookupOutcome.STORED, LookupOutcome.CONFLICT, LookupOutcome.NOT_STORED, *_ALWAYS)
OUTCOMES = {
    LookupKind.GET_MUTABLE: _READ,
    LookupKind.GET_IMMUTABLE: _READ,
    LookupKind.GET_PEERS: _READ,
    LookupKind.FIND_NODE: _READ,
    LookupKind.PUT_MUTABLE: _WRITTEN,
    LookupKind.PUT_IMMUTABLE: _WRITTEN,
    LookupKind.ANNOUNCE_PEER: _WRITTEN,
}
"""How each kind can end."""


@dataclass(frozen=True, slots=True)
class LookupMeters:
    """The lookups of a node, or of the two of a host that has both families."""

    seconds: Histogram
    """Labels: family (`family_name`), kind (LookupKind), outcome (LookupOutcome)."""

    @classmethod
    def build(cls, registry: CollectorRegistry) -> Self:
        """Register with `registry`."""
        return cls(
            Histogram(
                "scout_dht_lookup_seconds",
                "From a call to its outcome, waiting in line and storing included.",
                ["family", "kind", "outcome"],
                buckets=NETWORK_SECONDS,
                registry=registry,
            )
        )

    def expect(self, family: Family) -> None:
        """Show the zeros of a family's node."""
        for kind, outcomes in OUTCOMES.items():
            for outcome in outcomes:
                self.seconds.labels(family_name(family), kind, outcome)


def family_name(family: Family) -> str:
    """The value of the label `family`."""
    return "ipv4" if family is V4 else "ipv6"


def outcome_of(ended: Outcome) -> LookupOutcome:
    """How the operation that ended so is counted."""
    match ended:
        case Isolated():
            return LookupOutcome.UNAVAILABLE
        case Stored():
            return _outcome_of_put(ended)
        case MutableFound():
            return _outcome_of_get(ended.lookup, found=bool(ended.versions))
        case ImmutableFound():
            return _outcome_of_get(ended.lookup, found=ended.value is not None)
        case PeersFound():
            return _outcome_of_get(ended.lookup, found=bool(ended.peers))
        case NodesFound():
            return _outcome_of_get(ended.lookup, found=bool(ended.contacts))
        case Pinged():
            raise TypeError("a ping is no lookup")


def _outcome_of_put(ended: Stored) -> LookupOutcome:
    if ended.conflict:
        return LookupOutcome.CONFLICT
    if ended.stored:
        return LookupOutcome.STORED
    looked_up = LookupOutcome.NOT_FOUND if ended.asked else _outcome_of_get(ended.lookup, found=False)
    return LookupOutcome.NOT_STORED if looked_up is LookupOutcome.NOT_FOUND else looked_up


def _outcome_of_get(lookup: LookupCounts, *, found: bool) -> LookupOutcome:
    """Nothing found is an outcome only where the nodes nearest to the target said so."""
    if found:
        return LookupOutcome.FOUND
    if not lookup.complete:
        return LookupOutcome.DEADLINE_EXCEEDED
    return LookupOutcome.NOT_FOUND if lookup.answered else LookupOutcome.UNAVAILABLE
