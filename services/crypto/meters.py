"""What the crypto service measures. No label ever holds a tenant, a handle or a key."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

from shared.bus.measured import OperationMeters
from shared.metrics import WORK_SECONDS


@dataclass(frozen=True, slots=True)
class Meters:
    """The service's own figures."""

    operations: OperationMeters
    unopened: Counter
    """Label `what`, `record` or `message`: values from the DHT that were passed over, altered or not ours."""
    cache_hits: Counter
    cache_misses: Counter


def build(registry: CollectorRegistry) -> Meters:
    """All of them, registered with `registry`."""
    return Meters(
        operations=OperationMeters.build(registry, "crypto", WORK_SECONDS),
        unopened=Counter(
            "scout_crypto_unopened", "Values that did not open or were malformed.", ["what"], registry=registry
        ),
        cache_hits=Counter("scout_crypto_link_cache_hits", "Links whose keys were at hand.", registry=registry),
        cache_misses=Counter("scout_crypto_link_cache_misses", "Links that had to be unwrapped.", registry=registry),
    )
