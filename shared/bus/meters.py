"""What the bus counts: one frozen struct of instruments a process, zero visible from the start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics import LATENCY_SECONDS


class Outcome(StrEnum):
    """How a request ended at the service that answered it."""

    OK = "ok"
    ERROR = "error"
    """An answer that is an error, as its handler meant it."""
    DEADLINE_EXCEEDED = "deadline_exceeded"
    DEAD_LETTER = "dead_letter"


class DeadReason(StrEnum):
    """Why a request was given up."""

    FAILED = "failed"
    """Its handler failed every attempt."""
    ABANDONED = "abandoned"
    """Replica after replica died, or was stopped, with it in hand."""
    LOST = "lost"
    """Somebody deleted it from the stream while it was pending."""
    UNKNOWN_OPERATION = "unknown_operation"
    UNDECODABLE = "undecodable"
    """The envelope or the body is not what the contract says, or does not open with the bus key."""


class Refusal(StrEnum):
    """Why a call ended without an answer from the service."""

    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    BUS_UNAVAILABLE = "bus_unavailable"


UNKNOWN = "unknown"
"""Stands for every operation that no handler knows: a label is never text that somebody sent."""


@dataclass(frozen=True, slots=True)
class BusMeters:
    """The instruments of requesters and consumers; one for a process, whatever of both it runs.

    The label `group` is the service that answers, by the name of its consumer group. It is not called `service`:
    Prometheus Operator gives that label to what it scrapes, and would rename ours.
    """

    lag: Gauge
    """Label `group`."""
    partitions: Gauge
    """Label `group`: request streams that this process reads; more than one where a service is sharded by target."""
    pending: Gauge
    """Label `group`."""
    handled: Counter
    """Labels: operation (a handler's, or `unknown`), outcome (Outcome)."""
    redelivered: Counter
    """Label `group`."""
    dead_letters: Counter
    """Labels: group, reason (DeadReason)."""
    request_seconds: Histogram
    """Labels: operation."""
    unanswered: Counter
    """Labels: group, reason (Refusal)."""
    late_replies: Counter
    connected: Gauge

    @classmethod
    def build(cls, registry: CollectorRegistry) -> BusMeters:
        """Register all of them with `registry`."""
        of = registry
        by_group = ["group"]
        by_reason = ["group", "reason"]
        return cls(
            lag=Gauge("scout_bus_lag_messages", "Requests that no replica has taken yet.", by_group, registry=of),
            pending=Gauge("scout_bus_pending_messages", "Requests taken, not acknowledged.", by_group, registry=of),
            partitions=Gauge("scout_bus_partitions", "Request streams this process reads.", by_group, registry=of),
            handled=Counter("scout_bus_handled_total", "Requests answered.", ["operation", "outcome"], registry=of),
            redelivered=Counter("scout_bus_redelivered_total", "Requests others abandoned.", by_group, registry=of),
            dead_letters=Counter("scout_bus_dead_letters_total", "Requests given up.", by_reason, registry=of),
            request_seconds=Histogram(
                "scout_bus_request_seconds",
                "From a call to its answer, good or bad.",
                ["operation"],
                buckets=LATENCY_SECONDS,
                registry=of,
            ),
            unanswered=Counter("scout_bus_unanswered_total", "Calls without an answer.", by_reason, registry=of),
            late_replies=Counter("scout_bus_late_replies_total", "Replies nobody waited for any more.", registry=of),
            connected=Gauge("scout_bus_connected", "1 while the server answers, else 0.", registry=of),
        )

    def expect_service(self, service: str, operations: Iterable[str]) -> None:
        """Show the zeros of a service that this process serves."""
        self.lag.labels(service)
        self.pending.labels(service)
        self.partitions.labels(service)
        self.redelivered.labels(service)
        for reason in DeadReason:
            self.dead_letters.labels(service, reason)
        self.handled.labels(UNKNOWN, Outcome.DEAD_LETTER)
        for operation in operations:
            for outcome in Outcome:
                self.handled.labels(operation, outcome)

    def expect_caller(self, service: str, operations: Iterable[str]) -> None:
        """Show the zeros of a service that this process asks."""
        for operation in operations:
            self.request_seconds.labels(operation)
        for reason in Refusal:
            self.unanswered.labels(service, reason)
