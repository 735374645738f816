"""Plain counters of one node; exporting them is the edge's job."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

QUERY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the classes that round trips are counted in: from one data centre to `NodeConfig.dead_timeout`."""


class QueryOutcome(StrEnum):
    """How a query of ours ended."""

    REPLIED = "replied"
    REFUSED = "refused"
    """Answered with a KRPC error."""
    TIMED_OUT = "timed_out"


class Durations:
    """How many took how long: counted in classes, as a Prometheus histogram is."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(QUERY_SECONDS) + 1)
        self.total = 0.0
        """Seconds that all took together."""

    def observe(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(QUERY_SECONDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Upper bound and how many took no longer, for each class; the last bound is infinity."""
        seen = 0
        for bound, count in zip((*QUERY_SECONDS, float("inf")), self._counts, strict=True):
            seen += count
            yield bound, seen


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
    query_seconds: dict[tuple[str, QueryOutcome], Durations] = field(default_factory=dict)
    """Of our own, by method and outcome."""
    copies_stored: int = 0
    """Nodes that stored a put of ours, also those that did so after its outcome had been told."""
    eclipse_suspected: int = 0
    """Lookups that ended among nodes too close together or in too few networks."""
    errors_received: Counter[int] = field(default_factory=Counter)
    """KRPC errors we were answered with, by code."""

    def query_ended(self, method: str, outcome: QueryOutcome, seconds: float) -> None:
        """A query of ours was answered, or given up, `seconds` after it was sent."""
        durations = self.query_seconds.get((method, outcome))
        if durations is None:
            durations = self.query_seconds[method, outcome] = Durations()
        durations.observe(seconds)
