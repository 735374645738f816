"""Time that passes only when everybody who lives in it waits: hours of it in seconds, the same in every run."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from tests.support.clock import ManualClock
from tests.support.waiting import wait_until


class VirtualTime:
    """A clock, and the `pause` of those who live by it; what they do between two pauses takes no time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    async def pause(self, seconds: float) -> None:
        """Wait until so much virtual time has passed."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self.clock.monotonic() + seconds, next(self._numbers), woken)
        heapq.heappush(self._waiting, entry)
        await woken

    async def pass_by(self, seconds: float, *, living: int) -> None:
        """Let time pass, from one who wakes to the next; `living` of them have to wait before it moves on."""
        end = self.clock.monotonic() + seconds
        while True:
            await wait_until(lambda: len(self._alive()) == living, f"all {living} wait")
            wakes, _, woken = self._waiting[0]
            if wakes > end:
                self.clock.advance(end - self.clock.monotonic())
                return
            heapq.heappop(self._waiting)
            self.clock.advance(max(wakes - self.clock.monotonic(), 0.0))
            woken.set_result(None)

    def _alive(self) -> list[tuple[float, int, asyncio.Future[None]]]:
        if any(entry[2].done() for entry in self._waiting):
            self._waiting = [entry for entry in self._waiting if not entry[2].done()]
            heapq.heapify(self._waiting)
        return self._waiting
