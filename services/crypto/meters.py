"""What the crypto service measures. No label ever holds a tenant, a handle or a key."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.metrics import WORK_SECONDS


@dataclass(frozen=True, slots=True)
class Meters:
    """The service's own figures."""

    seconds: Histogram
    """Label `operation`: how long each took, failed ones included."""
    failures: Counter
    """Labels `operation` and `code` (shared.errors.ErrorCode)."""
    unopened: Counter
    """Label `what`, `record` or `message`: values from the DHT that were passed over, altered or not ours."""
    cache_hits: Counter
    cache_misses: Counter


def build(registry: CollectorRegistry) -> Meters:
    """All of them, registered with `registry`."""
    return Meters(
        seconds=Histogram(
            "scout_crypto_operation_seconds",
            "Time of one operation, its whole batch.",
            ["operation"],
            buckets=WORK_SECONDS,
            registry=registry,
        ),
        failures=Counter(
            "scout_crypto_failures", "Operations answered with an error.", ["operation", "code"], registry=registry
        ),
        unopened=Counter(
            "scout_crypto_unopened", "Values that did not open or were malformed.", ["what"], registry=registry
        ),
        cache_hits=Counter("scout_crypto_link_cache_hits", "Links whose keys were at hand.", registry=registry),
        cache_misses=Counter("scout_crypto_link_cache_misses", "Links that had to be unwrapped.", registry=registry),
    )
