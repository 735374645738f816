"""`ports.Leases` inside one process: the twin of `leases`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from shared.bus import streams
from shared.bus.leases import keep_full
from shared.bus.ports import Claimed, Lease


@dataclass(frozen=True, slots=True)
class Standing:
    """A lease, and when its item is due to be put again; claims do not show, for they are soon over."""

    lease: Lease
    due_ms: int
    wishes: Mapping[str, int] = field(default_factory=dict)
    """Owner -> the end of what it asked for."""


@dataclass(slots=True)
class _Kept:
    """A lease and its times, in milliseconds."""

    lease: Lease
    due_ms: int
    turn_ms: int
    wishes: dict[str, int] = field(default_factory=dict)
    """Owner -> the end of what it asked for; the lease has the latest."""


class MemoryLeases:
    """Implements `ports.Leases` for the nodes of one process."""

    def __init__(self, *, limit: int = streams.MAX_KEPT) -> None:
        """Keep at most `limit` items."""
        self._limit = limit
        self._items: dict[bytes, _Kept] = {}

    async def keep(self, lease: Lease, *, due_ms: int, now_ms: int, owner: str = "") -> int:
        """See `ports.Leases`."""
        held = self._items.get(lease.target)
        if held is None or held.lease.until_ms <= now_ms:
            return self._begin(lease, due_ms, now_ms, owner)
        if lease.until_ms > now_ms:
            held.wishes[owner] = max(lease.until_ms, held.wishes.get(owner, 0))
        until_ms = max(lease.until_ms, held.lease.until_ms)
        if lease.seq >= held.lease.seq:
            held.due_ms = held.turn_ms = min(due_ms, until_ms)
        newer = lease if lease.seq > held.lease.seq else held.lease
        held.lease = replace(newer, until_ms=until_ms)
        return until_ms

    async def claim(self, *, now_ms: int, hold_ms: int, limit: int) -> Claimed:
        """See `ports.Leases`."""
        overdue = sum(kept.due_ms <= now_ms - streams.KEEP_OVERDUE_MS for kept in self._items.values())
        turns = sorted((kept for kept in self._items.values() if kept.turn_ms <= now_ms), key=lambda k: k.turn_ms)
        taken = turns[:limit]
        for kept in taken:
            kept.turn_ms = now_ms + hold_ms
            if kept.lease.until_ms <= now_ms:
                del self._items[kept.lease.target]
        leases = tuple(kept.lease for kept in taken if kept.lease.until_ms > now_ms)
        return Claimed(leases, len(self._items), overdue)

    async def put_again(self, target: bytes, *, due_ms: int) -> None:
        """See `ports.Leases`."""
        if target in self._items:
            self._items[target].due_ms = self._items[target].turn_ms = due_ms

    async def postpone(self, target: bytes, *, until_ms: int) -> None:
        """See `ports.Leases`."""
        if target in self._items:
            self._items[target].turn_ms = until_ms

    async def wish(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`."""
        held = self._items.get(target)
        if held is None or held.wishes.get(owner, 0) <= now_ms:
            return None
        return replace(held.lease, until_ms=held.wishes[owner])

    async def release(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`."""
        ended = await self.wish(target, owner=owner, now_ms=now_ms)
        if ended is None:
            return None
        held = self._items[target]
        del held.wishes[owner]
        until_ms = max(held.wishes.values(), default=0)
        if until_ms <= now_ms:
            del self._items[target]
        held.lease = replace(held.lease, until_ms=until_ms)
        held.due_ms, held.turn_ms = min(held.due_ms, until_ms), min(held.turn_ms, until_ms)
        return ended

    def standing(self) -> list[Standing]:
        """All leases as they are now."""
        return [Standing(kept.lease, kept.due_ms, dict(kept.wishes)) for kept in self._items.values()]

    def restore(self, standing: Iterable[Standing]) -> None:
        """Go on with leases of another time."""
        for kept in standing:
            self._items[kept.lease.target] = _Kept(kept.lease, kept.due_ms, kept.due_ms, dict(kept.wishes))

    def _begin(self, lease: Lease, due_ms: int, now_ms: int, owner: str) -> int:
        if lease.until_ms <= now_ms:
            return 0
        if lease.target not in self._items and len(self._items) >= self._limit:
            raise keep_full(self._limit)
        due_ms = min(due_ms, lease.until_ms)
        self._items[lease.target] = _Kept(lease, due_ms, due_ms, {owner: lease.until_ms})
        return lease.until_ms
