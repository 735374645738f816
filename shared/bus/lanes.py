"""What waits to be sent, in lanes: what a lane gathers while its last batch is on its way leaves together.

On one server there is one lane. On a Redis Cluster there is one for each server (or pair of them) that the batches go
to, so that one which is away holds up nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Lane(Generic[T]):
    waiting: list[T] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Lanes(Generic[T]):
    """Batches of at most `limit` things, each lane's sent one after the other by `send`."""

    def __init__(self, send: Callable[[list[T]], Awaitable[None]], *, limit: int | None = None) -> None:
        """`send` returns when a batch needs no more care; None: no limit."""
        self._send = send
        self._limit = limit
        self._lanes: dict[str, _Lane[T]] = {}
        self._opened: asyncio.Queue[_Lane[T]] = asyncio.Queue()

    def __len__(self) -> int:
        """How many wait, in all lanes."""
        return sum([len(lane.waiting) for lane in self._lanes.values()])

    def add(self, name: str, thing: T) -> None:
        """Take something; it leaves with the next batch of the lane `name`."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane()
            self._opened.put_nowait(lane)
        lane.waiting.append(thing)
        lane.wake.set()

    async def send_forever(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as senders:
            while True:
                senders.create_task(self._serve(await self._opened.get()), name="bus: a lane")

    async def _serve(self, lane: _Lane[T]) -> None:
        while True:
            await lane.wake.wait()
            lane.wake.clear()
            while lane.waiting:
                size = self._limit or len(lane.waiting)
                batch, lane.waiting = lane.waiting[:size], lane.waiting[size:]
                await self._send(batch)
