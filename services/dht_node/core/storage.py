"""The BEP 44 items that we hold for others: bounded in number and bytes, gone two hours after their last put."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.ids import shared_bits
from services.dht_node.core.messages import Item, Put

ITEM_OVERHEAD = 116
"""Bytes counted for an item beside its value: target, key and signature."""


class Standing(Enum):
    """How a mutable put stands against what is stored under its target."""

    NEW = auto()
    """Nothing is stored, or an older version."""
    IDENTICAL = auto()
    """The very version that is stored: the item is being kept alive."""
    CAS_MISMATCH = auto()
    SEQ_TOO_LOW = auto()
    """Lower than the stored one, or equal with another value: seqs are unique, and the first to come stands."""


class SavedItem(NamedTuple):
    """An item as it outlives a restart."""

    target: bytes
    item: Item
    remaining: float
    """Seconds of its lifetime that are left."""


class _Held(NamedTuple):
    item: Item
    expires: float


class ItemStore:
    """Items by target (20 bytes); `now` is in monotonic seconds.

    All items live equally long, so the one put first expires first: the dictionary's own order is the queue.
    """

    def __init__(self, own_id: bytes, config: NodeConfig) -> None:
        self._config = config
        self._own_id = own_id
        self._held: dict[bytes, _Held] = {}
        self._near: dict[int, dict[bytes, None]] = {}
        """Targets by the bits that they share with our id, in order of arrival: who goes first when all is full."""
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, target: bytes, now: float) -> Item | None:
        """The item under a target, unless it has expired."""
        held = self._held.get(target)
        return held.item if held is not None and held.expires > now else None

    def standing(self, target: bytes, put: Put, now: float) -> Standing:
        """How a mutable put stands against what is stored.

        A repetition succeeds whatever its cas says: the writer's first datagram may have arrived, and only our answer
        been lost. Otherwise a cas that was given must be the stored seq, so that a cas of 0 means "insert if absent".
        """
        stored = self.get(target, now)
        if stored is None or put.seq is None:
            return Standing.NEW
        if put.seq == stored.seq and put.value == stored.value:
            return Standing.IDENTICAL
        if put.cas is not None and put.cas != stored.seq:
            return Standing.CAS_MISMATCH
        return Standing.NEW if put.seq > stored.seq else Standing.SEQ_TOO_LOW

    def put(self, target: bytes, item: Item, now: float) -> bool:
        """Store an item, in place of what was under its target; False when there is no room for it."""
        self.expire(now)
        return self._put(target, item, now + self._config.item_lifetime)

    def refresh(self, target: bytes, now: float) -> None:
        """Let the item under a target live as long as if it had just been put."""
        self._held[target] = self._held.pop(target)._replace(expires=now + self._config.item_lifetime)

    def expire(self, now: float) -> None:
        """Forget what is past its lifetime."""
        while self._held:
            target, held = next(iter(self._held.items()))
            if held.expires > now:
                return
            self._drop(target)

    def next_expiry(self) -> float | None:
        """When `expire` will have something to do."""
        return next((held.expires for held in self._held.values()), None)

    def adopt_id(self, own_id: bytes) -> None:
        """Our id has changed, and with it which items are near."""
        self._own_id = own_id
        self._near = {}
        for target in self._held:
            self._near.setdefault(shared_bits(target, own_id), {})[target] = None

    def saved(self, now: float) -> list[SavedItem]:
        """Everything that is stored, with what is left of its lifetime."""
        return [
            SavedItem(target, held.item, held.expires - now)
            for target, held in self._held.items()
            if held.expires > now
        ]

    def restore(self, saved: Iterable[SavedItem], now: float) -> None:
        """Take back what was saved, for at most the rest of its lifetime; what is stored already stands."""
        rows = {row.target: row for row in saved} | {row.target: row for row in self.saved(now)}
        self._held, self._near, self.bytes_held = {}, {}, 0
        for row in sorted(rows.values(), key=lambda row: row.remaining):
            if row.remaining > 0:
                self._put(row.target, row.item, now + min(row.remaining, self._config.item_lifetime))

    def _put(self, target: bytes, item: Item, expires: float) -> bool:
        if target in self._held:
            self._drop(target)
        if not self._make_room(target, len(item.value) + ITEM_OVERHEAD):
            return False
        self._held[target] = _Held(item, expires)
        self._near.setdefault(shared_bits(target, self._own_id), {})[target] = None
        self.bytes_held += len(item.value) + ITEM_OVERHEAD
        return True

    def _make_room(self, target: bytes, size: int) -> bool:
        """Decide who goes when all is full: an item farther from our id than the new one, else the new one itself.

        The near ones are ours to keep: readers will ask us for them. Dropping the oldest instead would let one flooder
        empty the store. "Farther" is in whole bits, which takes no search.
        """
        while len(self._held) >= self._config.items_max or self.bytes_held + size > self._config.item_bytes_max:
            farthest = min(self._near, default=None)
            if farthest is None or farthest >= shared_bits(target, self._own_id):
                return False
            self._drop(next(iter(self._near[farthest])))
        return True

    def _drop(self, target: bytes) -> None:
        held = self._held.pop(target)
        self.bytes_held -= len(held.item.value) + ITEM_OVERHEAD
        bits = shared_bits(target, self._own_id)
        del self._near[bits][target]
        if not self._near[bits]:
            del self._near[bits]
