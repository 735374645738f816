"""Whether a node can be relied on, as far as its own canary says; see `canary`."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_MAX = 3
"""Rounds in a row that may fail: one may by chance, on a network where a tenth of the nodes leave within the hour."""


@dataclass(slots=True)
class CanaryHealth:
    """What the canary says about the node; `now` is in monotonic seconds."""

    failures: int = 0
    """Rounds in a row that failed."""
    read_back: float | None = None
    """When it was last read back, monotonic seconds; None: never yet."""

    @property
    def alive(self) -> bool:
        """Whether writing and reading back can be relied on; so it is taken to be until rounds have failed."""
        return self.failures < FAILURES_MAX

    def age(self, now: float) -> float | None:
        """Seconds since it was last read back; None: never yet."""
        return None if self.read_back is None else now - self.read_back
