"""What a crypto process says about itself; see `shared.contracts.fleet`."""

from __future__ import annotations

from shared.contracts.fleet import Crypto
from shared.fleet import operations_of
from shared.samples import Samples


def crypto_of(samples: Samples) -> Crypto:
    """What it did, of the figures that /metrics has."""
    operations, failures = operations_of(samples, "crypto")
    return Crypto(
        operations=operations,
        failures=failures,
        seconds=samples.total("scout_crypto_operation_seconds_sum"),
        cache_hits=samples.count("scout_crypto_link_cache_hits_total"),
        cache_misses=samples.count("scout_crypto_link_cache_misses_total"),
    )
