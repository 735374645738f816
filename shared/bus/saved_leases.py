"""`ports.Leases` inside one process, in a file as well: what was to be kept outlives the process, however it ended.

A lease is on the disk before its caller hears of it: a promise to keep is one that a crash does not break. Those that
come while the disk is busy share the next write. When an item was put again is written down only along the way and at
the end: after a crash it is put once more than it need be.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.bus import lease_file
from shared.bus.memory_leases import MemoryLeases, Standing
from shared.bus.ports import Claimed, Lease

log = logging.getLogger(__name__)


class SavedLeases:
    """Implements `ports.Leases`; use `saved_leases`."""

    def __init__(self, path: Path, *, limit: int = lease_file.MAX_LEASES) -> None:
        """Go on with what is in `path`; keep at most `limit` items."""
        self._path = path
        self._leases = MemoryLeases(limit=limit)
        self._leases.restore(lease_file.load(path))
        self._changes = self._saved = 0
        self._turn = asyncio.Lock()
        # a call that was cancelled leaves its thread writing
        self._writing = threading.Lock()

    async def keep(self, lease: Lease, *, due_ms: int, now_ms: int, owner: str = "") -> int:
        """See `ports.Leases`."""
        until_ms = await self._leases.keep(lease, due_ms=due_ms, now_ms=now_ms, owner=owner)
        if until_ms:
            self._changes += 1
            await self.save()
        return until_ms

    async def wish(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`."""
        return await self._leases.wish(target, owner=owner, now_ms=now_ms)

    async def release(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`. After a crash right behind it the item is kept to the end that it had."""
        ended = await self._leases.release(target, owner=owner, now_ms=now_ms)
        if ended is not None:
            self._changes += 1
        return ended

    async def claim(self, *, now_ms: int, hold_ms: int, limit: int) -> Claimed:
        """See `ports.Leases`."""
        return await self._leases.claim(now_ms=now_ms, hold_ms=hold_ms, limit=limit)

    async def put_again(self, target: bytes, *, due_ms: int) -> None:
        """See `ports.Leases`."""
        await self._leases.put_again(target, due_ms=due_ms)
        self._changes += 1

    async def postpone(self, target: bytes, *, until_ms: int) -> None:
        """See `ports.Leases`."""
        await self._leases.postpone(target, until_ms=until_ms)

    async def save(self) -> None:
        """Bring every change so far to the disk. A disk that takes nothing is logged: the leases hold all the same."""
        wanted = self._changes
        async with self._turn:
            if self._saved >= wanted:
                return
            covered, standing = self._changes, self._leases.standing()
            try:
                await asyncio.to_thread(self._write, standing)
            except OSError as error:
                log.warning(
                    "what is to be kept could not be saved", extra={"path": str(self._path), "reason": str(error)}
                )
            else:
                self._saved = covered

    def _write(self, standing: list[Standing]) -> None:
        with self._writing:
            lease_file.save(self._path, standing)


@asynccontextmanager
async def saved_leases(path: Path) -> AsyncIterator[SavedLeases]:
    """The leases in the file `path`, which is up to date once the block has ended."""
    leases = SavedLeases(path)
    try:
        yield leases
    finally:
        await leases.save()
