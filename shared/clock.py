"""Two clocks, never mixed: a monotonic one for durations, a wall clock for deadlines that cross processes."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The source of time that every component takes as an argument."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        ...

    def utc_ms(self) -> int:
        """Milliseconds since the Unix epoch; may jump when the host's clock is set."""
        ...


class SystemClock:
    """The host's clocks."""

    def monotonic(self) -> float:
        """Seconds of the host's monotonic clock."""
        return time.monotonic()

    def utc_ms(self) -> int:
        """Milliseconds of the host's wall clock."""
        return time.time_ns() // 1_000_000
