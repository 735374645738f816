"""What the API measures. Routes are templates, never paths: no label holds an id, a handle or an address."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.api import guard_meters
from services.api.guard_meters import GuardMeters
from shared.metrics import LATENCY_SECONDS

ATTEMPTS = (1, 2, 3, 4, 6, 8, 12)
CALLERS = (1, 2, 4, 8, 16, 64, 256)

UNMATCHED = "unmatched"
"""Stands for every path that is no route: a label is never text that somebody sent."""


@dataclass(frozen=True, slots=True)
class Meters:
    """The service's own figures."""

    request_seconds: Histogram
    """Labels `route` (method and template, or `unmatched`) and `code` (`ok`, or shared.errors.ErrorCode)."""
    in_flight: Gauge
    sync_attempts: Histogram
    """Rounds of read, merge, write that a write took."""
    sync_callers: Histogram
    """Callers that one write served."""
    passed_over: Counter
    """Versions of records that could not be read."""
    rollbacks: Counter
    """Records found older than they have been seen before."""
    guard: GuardMeters


def build(registry: CollectorRegistry) -> Meters:
    """All of them, registered with `registry`."""
    return Meters(
        request_seconds=Histogram(
            "scout_api_request_seconds",
            "Time from a request's head to its answer.",
            ["route", "code"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        ),
        in_flight=Gauge("scout_api_requests_in_flight", "Requests being worked on.", registry=registry),
        sync_attempts=Histogram(
            "scout_api_sync_attempts", "Rounds that a write of a record took.", buckets=ATTEMPTS, registry=registry
        ),
        sync_callers=Histogram(
            "scout_api_sync_callers", "Callers that one write of a record served.", buckets=CALLERS, registry=registry
        ),
        passed_over=Counter(
            "scout_api_versions_passed_over", "Versions of records that could not be read.", registry=registry
        ),
        rollbacks=Counter(
            "scout_api_rollbacks_suspected", "Records found older than they have been seen before.", registry=registry
        ),
        guard=guard_meters.build(registry),
    )
