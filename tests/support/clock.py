"""A clock that stands still until it is told to move."""

from __future__ import annotations


class ManualClock:
    """Implements `shared.clock.Clock`; both clocks advance together, the wall clock can also be set alone."""

    def __init__(self, *, monotonic: float = 1_000.0, utc_ms: int = 1_700_000_000_000) -> None:
        """Start at `monotonic` seconds and `utc_ms` milliseconds since the Unix epoch."""
        self._monotonic = monotonic
        self._utc_ms = utc_ms

    def monotonic(self) -> float:
        """Seconds."""
        return self._monotonic

    def utc_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self._utc_ms

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._monotonic += seconds
        self._utc_ms += round(seconds * 1000)

    def set_wall(self, utc_ms: int) -> None:
        """Set the wall clock, as an administrator or NTP would; the monotonic clock takes no notice."""
        self._utc_ms = utc_ms
