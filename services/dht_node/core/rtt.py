"""How long nodes usually take to answer (Jacobson and Karels 1988, "Congestion avoidance and control").

A query that is unanswered past mean + 4 deviations is *slow*: somebody else is asked as well, and it is not given up.
Of a node never heard of it is slow to answer later than five in six answers of others: round trips differ so much
between nodes (log-normally, a few being ten times slower than most) that mean and deviation over all of them would
wait for nearly everybody, and each dead node on a lookup's way costs that wait.
An address that let a query die is *suspect* until it answers again: nobody waits for it to complete a picture.
"""

from __future__ import annotations

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address

TRACKED_MAX = 8192
"""Nodes whose estimate is kept, the longest unheard of forgotten first: about 1 MiB."""


LATER = 1.15
SOONER = 0.97
"""Factors on the expected pace of strangers after an answer that came later and one that came sooner.

It rests where one answer in six comes later: 1.15 * 0.97 ** 5 is near 1 (Robbins and Monro 1951, "A stochastic
approximation method").
"""


class _Estimate:
    """A smoothed mean and its deviation, in seconds."""

    __slots__ = ("deviation", "mean")

    def __init__(self, first: float, deviation: float) -> None:
        self.mean = first
        self.deviation = deviation

    def learn(self, seconds: float) -> None:
        error = seconds - self.mean
        self.mean += error / 8
        self.deviation += (abs(error) - self.deviation) / 4

    def late(self) -> float:
        return self.mean + 4 * self.deviation


class RoundTrips:
    """Round-trip estimates by address, bounded, and one for strangers."""

    def __init__(self, config: NodeConfig) -> None:
        self._low = config.slow_timeout_min
        self._high = config.slow_timeout_max
        self._strangers = self._high
        self._each: dict[Address, _Estimate] = {}
        self._suspects: dict[Address, None] = {}

    def answered(self, address: Address, seconds: float) -> None:
        """Learn from an answer that took `seconds`."""
        self._suspects.pop(address, None)
        pace = self._strangers * (LATER if seconds > self._strangers else SOONER)
        self._strangers = min(max(pace, self._low), self._high)
        estimate = self._each.pop(address, None)
        if estimate is None:
            estimate = _Estimate(seconds, seconds / 2)
        else:
            estimate.learn(seconds)
        self._each[address] = estimate
        if len(self._each) > TRACKED_MAX:
            del self._each[next(iter(self._each))]

    def silent(self, address: Address) -> None:
        """Learn that a query to `address` was given up."""
        self._suspects[address] = None
        if len(self._suspects) > TRACKED_MAX:
            del self._suspects[next(iter(self._suspects))]

    def is_suspect(self, address: Address) -> bool:
        """Whether the last query to `address` that ended was given up."""
        return address in self._suspects

    def slow_after(self, address: Address) -> float:
        """Seconds after which a query to `address` counts as slow."""
        if address in self._suspects:
            return self._low
        estimate = self._each.get(address)
        return self._strangers if estimate is None else min(max(estimate.late(), self._low), self._high)
