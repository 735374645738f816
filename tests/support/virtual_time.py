"""Time that passes only when everybody who lives in it waits: hours of it in seconds, the same in every run."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable

from tests.support.clock import ManualClock

PATIENCE_S = 10.0
"""For what is done between two moments, in real seconds."""
LOOK_AGAIN_S = 0.02
"""Somebody may have died or got stuck, who then does not wait."""


class VirtualTime:
    """A clock, and the `pause` of those who live by it; what they do between two pauses takes no time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._someone_rests = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait until so much virtual time has passed."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.clock.monotonic() + seconds, next(self._numbers), woken))
        self._someone_rests.set()
        await woken

    async def pass_by(self, seconds: float, living: Callable[[], int]) -> None:
        """Let time pass, from one who wakes to the next; all who are `living` have to wait before it moves on."""
        end = self.clock.monotonic() + seconds
        while True:
            await self._until_all_rest(living)
            wakes, _, woken = self._waiting[0]
            if wakes > end:
                self.clock.advance(end - self.clock.monotonic())
                return
            heapq.heappop(self._waiting)
            self.clock.advance(max(wakes - self.clock.monotonic(), 0.0))
            woken.set_result(None)
            await asyncio.sleep(0)

    async def _until_all_rest(self, living: Callable[[], int]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self._at_rest() != living():
                self._someone_rests.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._someone_rests.wait(), LOOK_AGAIN_S)

    def _at_rest(self) -> int:
        """How many wait; those who were cancelled are forgotten."""
        if any(woken.done() for _, _, woken in self._waiting):
            self._waiting = [entry for entry in self._waiting if not entry[2].done()]
            heapq.heapify(self._waiting)
        return len(self._waiting)
