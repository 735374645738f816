"""How much each of many may have in a second: addresses, networks, or all together."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Budgets(Generic[K]):
    """A token bucket for each key; `now` is in monotonic seconds, costs are in whatever unit the rate is.

    The generic cell rate algorithm: for each key one number, when its bucket will be full again. Keys are tracked in
    two generations. When the younger is full it becomes the older and the older is forgotten, so memory is bounded,
    nothing is ever searched, and a key that keeps spending is never forgotten.
    """

    def __init__(self, rate: float, burst: float, tracked_max: int) -> None:
        """`rate` a second, `burst` at once; a rate of 0 switches the limit off. It knows `tracked_max` keys."""
        self._interval = 1 / rate if rate > 0 else 0.0
        # half a unit more than the burst leaves, because sums of floats are not exact
        self._depth = (burst + 0.5) * self._interval
        self._generation_max = max(tracked_max // 2, 1)
        self._young: dict[K, float] = {}
        self._old: dict[K, float] = {}

    def spend(self, key: K, now: float, cost: float = 1.0) -> bool:
        """Whether `key` can afford `cost`; takes it if so, and nothing otherwise."""
        if not self._interval:
            return True
        young = self._young
        full_at = young.get(key)
        if full_at is None:
            full_at = self._old.get(key, now)
            if len(young) >= self._generation_max:
                self._old = young
                young = self._young = {}
        spent_until = max(full_at, now) + cost * self._interval
        if spent_until - now > self._depth:
            young[key] = full_at
            return False
        young[key] = spent_until
        return True

    def is_short(self, key: K, now: float) -> bool:
        """Whether `key` has less than half of its burst left."""
        return self._young.get(key, self._old.get(key, now)) - now > self._depth / 2

    def left(self, key: K, now: float) -> float:
        """The share of its burst that `key` has left, 0 to 1."""
        if not self._interval:
            return 1.0
        owed = max(self._young.get(key, self._old.get(key, now)) - now, 0.0)
        return max(1.0 - owed / self._depth, 0.0)

    def tracked(self) -> int:
        """Keys whose spending is remembered: at most `tracked_max`, some of them twice."""
        return len(self._young) + len(self._old)


class NetworkBudgets:
    """A budget for each network (`contact.prefix`), and one for all together."""

    def __init__(self, each: Budgets[bytes], total: Budgets[None]) -> None:
        self._each = each
        self._total = total

    def spend(self, network: bytes, now: float, cost: float = 1.0) -> bool:
        """Whether both can afford `cost`. What the network's alone could is spent: it asked for it."""
        return self._each.spend(network, now, cost) and self._total.spend(None, now, cost)

    def is_short(self, network: bytes, now: float) -> bool:
        """Whether either has less than half of its burst left."""
        return self._each.is_short(network, now) or self._total.is_short(None, now)

    def left(self, now: float) -> float:
        """The share of the burst for all together that is left, 0 to 1."""
        return self._total.left(None, now)
