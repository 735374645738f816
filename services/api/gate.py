"""Those who are not let in must not be in the way of those who are.

A refusal costs a quarter of a millisecond, so a few thousand callers without a key could keep a whole core busy. The
refusals of a process are therefore given at a steady pace: whoever is turned away waits for a turn, and meanwhile asks
for nothing more on that connection. Where too many wait, the connection is closed without an answer. Their log lines
have a pace of their own. Nobody with a key waits here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shared.clock import Clock

REFUSALS_PER_S = 200.0
"""Of one process: five percent of a core, and more than any client in good faith is ever refused."""
BURST = 50.0
"""Refusals given at once after a quiet time: usually nobody waits."""
WAITING_MAX = 1_000
"""Refusals that may wait: five seconds' worth, and a few kilobytes each."""
LINES_PER_S = 10.0
LINES_BURST = 50.0
_NOTHING = 1e-6
"""Seconds that sums of floats may be off."""


class Pace:
    """A steady pace after a burst, by one number: the time at which all that was granted would be worked off."""

    def __init__(self, per_second: float, burst: float) -> None:
        """Grant `burst` at once, then `per_second`."""
        self._interval = 1 / per_second
        self._depth = burst / per_second
        self._worked_off = float("-inf")

    def delay(self, now: float) -> float:
        """Seconds until the next one could be granted; 0 for now."""
        delay = self._worked_off + self._interval - self._depth - now
        return delay if delay > _NOTHING else 0.0

    def grant(self, now: float) -> None:
        """Grant one, now or ahead of time."""
        self._worked_off = max(self._worked_off, now) + self._interval


class Gate:
    """Where those wait who are turned away."""

    def __init__(self, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Wait by `pause`, which takes seconds."""
        self._clock = clock
        self._pause = pause
        self._refusals = Pace(REFUSALS_PER_S, BURST)
        self._lines = Pace(LINES_PER_S, LINES_BURST)
        self._waiting = 0
        self._unlogged = 0

    async def turn(self) -> bool:
        """Wait for one's turn to be refused; False when too many wait already."""
        now = self._clock.monotonic()
        delay = self._refusals.delay(now)
        if delay and self._waiting >= WAITING_MAX:
            return False
        self._refusals.grant(now)
        if delay:
            self._waiting += 1
            try:
                await self._pause(delay)
            finally:
                self._waiting -= 1
        return True

    def line(self) -> int | None:
        """Whether a refusal may be logged: None when not, else how many were not since the last that was."""
        now = self._clock.monotonic()
        if self._lines.delay(now):
            self._unlogged += 1
            return None
        self._lines.grant(now)
        unlogged, self._unlogged = self._unlogged, 0
        return unlogged
