"""How long each node usually takes to answer (Jacobson and Karels 1988, "Congestion avoidance and control").

A query that is unanswered past mean + 4 deviations is *slow*: somebody else is asked as well, and it is not given up.
An address that let a query die is *suspect* until it answers again: nobody waits for it to complete a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address

TRACKED_MAX = 8192
"""Nodes whose estimate is kept, the longest unheard of forgotten first: about 1 MiB."""


@dataclass(slots=True)
class _Estimate:
    mean: float
    deviation: float
    silent: bool = False


class RoundTrips:
    """Round-trip estimates by address, bounded."""

    def __init__(self, config: NodeConfig) -> None:
        self._low = config.slow_timeout_min
        self._high = config.slow_timeout_max
        self._estimates: dict[Address, _Estimate] = {}

    def answered(self, address: Address, seconds: float) -> None:
        """Learn from an answer that took `seconds`."""
        estimate = self._estimates.pop(address, None)
        if estimate is None:
            estimate = _Estimate(seconds, seconds / 2)
        else:
            error = seconds - estimate.mean
            estimate.mean += error / 8
            estimate.deviation += (abs(error) - estimate.deviation) / 4
            estimate.silent = False
        self._keep(address, estimate)

    def silent(self, address: Address) -> None:
        """Learn that a query to `address` was given up."""
        estimate = self._estimates.pop(address, None) or _Estimate(self._high, 0.0)
        estimate.silent = True
        self._keep(address, estimate)

    def is_suspect(self, address: Address) -> bool:
        """Whether the last query to `address` that ended was given up."""
        estimate = self._estimates.get(address)
        return estimate is not None and estimate.silent

    def slow_after(self, address: Address) -> float:
        """Seconds after which a query to `address` counts as slow."""
        estimate = self._estimates.get(address)
        if estimate is None:
            return self._high
        if estimate.silent:
            return self._low
        return min(max(estimate.mean + 4 * estimate.deviation, self._low), self._high)

    def _keep(self, address: Address, estimate: _Estimate) -> None:
        self._estimates[address] = estimate
        if len(self._estimates) > TRACKED_MAX:
            del self._estimates[next(iter(self._estimates))]
