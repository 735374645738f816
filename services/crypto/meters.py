"""What the crypto service measures. No label ever holds a tenant, a handle or a key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter

from shared.bus.measured import OperationMeters
from shared.errors import ErrorCode
from shared.metrics import WORK_SECONDS

FAILURES = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.BAD_HANDLE,
    ErrorCode.LOW_ORDER_PUBLIC_KEY,
    ErrorCode.SEQ_EXHAUSTED,
    ErrorCode.ENTRY_TOO_LARGE,
    ErrorCode.TOO_MANY_ENTRIES,
    ErrorCode.RECORD_FULL,
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.ITEM_TOO_LARGE,
    ErrorCode.INTERNAL,
)
"""How calls by contract fail."""


class Unopened(StrEnum):
    """What a value that did not open should have been."""

    RECORD = "record"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Meters:
    """The service's own figures."""

    operations: OperationMeters
    unopened: Counter
    """Label `what` (Unopened): values from the DHT that were passed over, altered or not ours."""
    cache_hits: Counter
    cache_misses: Counter


def build(registry: CollectorRegistry) -> Meters:
    """All of them, registered with `registry`, zeros visible."""
    meters = Meters(
        operations=OperationMeters.build(registry, "crypto", WORK_SECONDS, FAILURES),
        unopened=Counter(
            "scout_crypto_unopened_values", "Values that did not open or were malformed.", ["what"], registry=registry
        ),
        cache_hits=Counter("scout_crypto_link_cache_hits", "Links whose keys were at hand.", registry=registry),
        cache_misses=Counter("scout_crypto_link_cache_misses", "Links that had to be unwrapped.", registry=registry),
    )
    for what in Unopened:
        meters.unopened.labels(what)
    return meters
