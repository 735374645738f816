"""What the API measures. Routes are templates, never paths: no label holds an id, a handle or an address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.api import guard_meters, watch_meters
from services.api.guard_meters import GuardMeters
from services.api.watch_meters import WatchMeters
from shared.errors import ErrorCode
from shared.metrics import LATENCY_SECONDS, NETWORK_SECONDS

ATTEMPTS = (1, 2, 3, 4, 6, 8, 12)
CALLERS = (1, 2, 4, 8, 16, 64, 256)

OK = "ok"
"""The code of a request without an error."""
UNMATCHED = "unmatched"
"""Stands for every path that is no route: a label is never text that somebody sent."""

SYNC_ROUTES = frozenset({"POST /v1/sync", "PUT /v1/devices/{id}", "DELETE /v1/devices/{id}"})
"""The requests that are one sync of a record each: what the service's objectives are about."""
FIRST_SERVER_ERROR = 500


class SyncOutcome(StrEnum):
    """How a request for a sync ended."""

    OK = "ok"
    REFUSED = "refused"
    """The caller asked for what can't be done, or too often: no failure of ours."""
    FAILED = "failed"
    """It should have worked, or other writers were faster until the time ran out."""


@dataclass(frozen=True, slots=True)
class Meters:
    """The service's own figures."""

    requests: Counter
    """Label `code` (`ok`, or shared.errors.ErrorCode)."""
    request_seconds: Histogram
    """Labels `route` (method and template, or `unmatched`) and `code` (`ok`, or shared.errors.ErrorCode)."""
    in_flight: Gauge
    in_flight_limit: Gauge
    """At how many a further one is refused."""
    sync_seconds: Histogram
    """Label `outcome` (SyncOutcome): whole requests on one of SYNC_ROUTES."""
    sync_attempts: Histogram
    """Rounds of read, merge, write that a write took."""
    sync_callers: Histogram
    """Callers that one write served."""
    passed_over: Counter
    """Versions of records that could not be read."""
    rollbacks: Counter
    """Records found older than they have been seen before."""
    guard: GuardMeters
    watch: WatchMeters

    def answered(self, route: str, code: str, status: int, seconds: float | None) -> None:
        """Count a request that was answered after `seconds`; None: it says nothing how long that took."""
        self.requests.labels(code).inc()
        if seconds is None:
            return
        self.request_seconds.labels(route, code).observe(seconds)
        if route in SYNC_ROUTES:
            self.sync_seconds.labels(_sync_outcome(code, status)).observe(seconds)


def _sync_outcome(code: str, status: int) -> SyncOutcome:
    if code == OK:
        return SyncOutcome.OK
    failed = status >= FIRST_SERVER_ERROR or code == ErrorCode.CONFLICT
    return SyncOutcome.FAILED if failed else SyncOutcome.REFUSED


def build(registry: CollectorRegistry) -> Meters:
    """All of them, registered with `registry`, zeros visible but for the seconds of each route."""
    meters = Meters(
        requests=Counter("scout_api_requests", "Requests answered.", ["code"], registry=registry),
        request_seconds=Histogram(
            "scout_api_request_seconds",
            "Time from a request's head to its answer.",
            ["route", "code"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        ),
        in_flight=Gauge("scout_api_requests_in_flight", "Requests being worked on.", registry=registry),
        in_flight_limit=Gauge(
            "scout_api_requests_in_flight_limit", "Requests worked on at the most.", registry=registry
        ),
        sync_seconds=Histogram(
            "scout_api_sync_seconds",
            "Time of a request that synchronises a record.",
            ["outcome"],
            buckets=NETWORK_SECONDS,
            registry=registry,
        ),
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
        watch=watch_meters.build(registry),
    )
    for code in (OK, *(code.value for code in ErrorCode)):
        meters.requests.labels(code)
    for outcome in SyncOutcome:
        meters.sync_seconds.labels(outcome)
    return meters
