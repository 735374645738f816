"""Plain counters of one node; exporting them is the edge's job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class NodeStats:
    """Counts since the node was made."""

    datagrams_received: int = 0
    bytes_received: int = 0
    datagrams_sent: int = 0
    bytes_sent: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By `Rejection` value."""
    queries_answered: Counter[str] = field(default_factory=Counter)
    """Queries of others, by method, that got a reply or an error."""
    values_withheld: int = 0
    """Answers without the value that we hold, because egress was short and the asker unproven."""
    queries_sent: Counter[str] = field(default_factory=Counter)
    """Our own, by method."""
    queries_replied: int = 0
    """Our own that were answered in any way."""
    queries_timed_out: int = 0
    copies_stored: int = 0
    """Nodes that stored a put of ours, also those that did so after its outcome had been told."""
    eclipse_suspected: int = 0
    """Lookups that ended among nodes too close together or in too few networks."""
    errors_received: Counter[int] = field(default_factory=Counter)
    """KRPC errors we were answered with, by code."""
