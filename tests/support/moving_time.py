"""Days in seconds, for parts that live on real sockets: a clock that is put forward, and a loop whose sleepers notice.

Requests on sockets take the time that they take, so it can't be virtual for them. Between requests it is skipped: both
clocks jump, and with them all that only waits for time to pass. What bounds an answer that is still to come does not
move, or every read that waits for the bus would time out at each jump. So skip while nothing is being asked.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from shared.clock import SystemClock

MOVING = ("_set_result_unless_cancelled", "Driver._fire")
"""Of the callbacks that a loop is given for later: the ends of sleeps, and the timers of DHT nodes."""

QUIET_S = 0.005
"""Nodes in one process answer each other at once: when no socket has had anything for so long, nobody is speaking."""


class _Selector(selectors.DefaultSelector):
    """Remembers when it last had something to say."""

    heard = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As of any selector."""
        ready = super().select(timeout)
        if ready:
            self.heard = SystemClock().monotonic()
        return ready


@dataclass(eq=False)
class _Wait:
    """Somebody who waits for a time."""

    when: float
    callback: Callable[..., object]
    args: tuple[Any, ...]
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    """The first is that which whoever waits may cancel; the others are for the moments that skips have led to."""


class MovingLoop(asyncio.SelectorEventLoop):
    """An event loop in which time can be skipped."""

    def __init__(self) -> None:
        self._sockets = _Selector()
        super().__init__(self._sockets)
        self._waits: set[_Wait] = set()

    async def quiet(self) -> None:
        """Wait until nobody speaks."""
        while (since := self.time() - self._sockets.heard) < QUIET_S:  # noqa: ASYNC110  # silence sets no event
            await asyncio.sleep(QUIET_S - since)

    def call_at(  # type: ignore[override]  # the stub's TypeVarTuple can't be spelled with an override's *args
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As of any loop; see `MOVING`."""
        if getattr(callback, "__qualname__", "") not in MOVING:
            return super().call_at(when, callback, *args, context=context)
        wait = _Wait(when, callback, args)
        wait.timers.append(super().call_at(when, self._end, wait, context=context))
        self._waits.add(wait)
        return wait.timers[0]

    def skip(self, seconds: float) -> None:
        """Let everybody who waits for a time have waited so much longer."""
        self._waits = {wait for wait in self._waits if not wait.timers[0].cancelled()}
        for wait in self._waits:
            wait.when -= seconds
            wait.timers.append(super().call_at(wait.when, self._end, wait))

    def _end(self, wait: _Wait) -> None:
        if wait not in self._waits or wait.timers[0].cancelled():
            return
        self._waits.discard(wait)
        for timer in wait.timers:
            timer.cancel()
        wait.callback(*wait.args)


class MovingClock:
    """Implements `shared.clock.Clock`: the host's clocks, and how far they have been put forward."""

    def __init__(self, utc_ms: int) -> None:
        """Begin at `utc_ms` milliseconds since the Unix epoch."""
        self._host = SystemClock()
        self._began = self._host.monotonic()
        self._utc_ms = utc_ms
        self._skipped = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self._host.monotonic() + self._skipped

    def utc_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self._utc_ms + round((self.monotonic() - self._began) * 1000)

    async def skip(self, seconds: float) -> None:
        """Put both clocks forward, wake whoever waited for less, and let them do what they do until all is quiet."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, MovingLoop):
            raise TypeError(f"expected a MovingLoop, got {type(loop).__name__}")
        await loop.quiet()
        self._skipped += seconds
        loop.skip(seconds)
        await asyncio.sleep(QUIET_S)
        await loop.quiet()
