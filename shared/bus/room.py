"""How much a consumer may have in hand, shared fairly by its readers."""

from __future__ import annotations

import asyncio
from collections.abc import Sized


class Room:
    """So many places; those are taken that something `in_hand` fills, or that a reader asked for in advance."""

    def __init__(self, places: int, in_hand: Sized) -> None:
        """Who puts something in hand gives back the place it was read for; who takes it out says `changed`."""
        self._places = places
        self._in_hand = in_hand
        self._promised = 0
        self._queue = asyncio.Lock()
        self._changed = asyncio.Event()

    async def take(self, most: int) -> int:
        """Wait for a place, first come first served; returns how many of `most` there are."""
        async with self._queue:
            while (free := self._places - len(self._in_hand) - self._promised) <= 0:
                await self.change()
            taken = min(free, most)
            self._promised += taken
            return taken

    def give_back(self, places: int) -> None:
        """The read is over: what came of it is in hand now, or nothing is."""
        self._promised -= places
        self._changed.set()

    def changed(self) -> None:
        """Less is in hand than before."""
        self._changed.set()

    async def change(self) -> None:
        """Wait for the next change."""
        self._changed.clear()
        await self._changed.wait()
