"""What the DHT node measures of keeping alive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.bus import streams


class PutAgain(StrEnum):
    """How it ended when a kept item was put again."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    """Some node holds another version that this one does not supersede; a newer one is kept in its place."""
    FAILED = "failed"
    """No node took it, or none could be asked: it stays due."""


@dataclass(frozen=True, slots=True)
class KeepMeters:
    """The cluster's leases as one node sees them, and its own share in the work."""

    items: Gauge
    """Items under lease in the whole cluster: every node shows the same figure."""
    overdue: Gauge
    """Of those, how many should have been put again two minutes ago; the whole cluster's, too."""
    limit: Gauge
    """How many the cluster keeps at the most; the same on every node."""
    republished: Counter
    """Label `outcome` (PutAgain): items that this node put again."""

    @classmethod
    def build(cls, registry: CollectorRegistry, limit: int = streams.MAX_KEPT) -> Self:
        """Register with `registry`, zeros visible."""
        meters = cls(
            items=Gauge("scout_dht_kept_items", "Items the cluster keeps alive.", registry=registry),
            overdue=Gauge("scout_dht_kept_overdue_items", "Of those, how many are overdue.", registry=registry),
            limit=Gauge("scout_dht_kept_items_limit", "Items the cluster keeps at the most.", registry=registry),
            republished=Counter(
                "scout_dht_kept_republished", "Kept items put again by this node.", ["outcome"], registry=registry
            ),
        )
        meters.limit.set(limit)
        for outcome in PutAgain:
            meters.republished.labels(outcome)
        return meters
