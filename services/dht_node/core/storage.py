"""The BEP 44 items that we hold for others: bounded in number and bytes, gone two hours after their last put.

Who goes when all is full. An item's *rank* is the number of bits that its target shares with our id, plus a bit for
each doubling of the networks that have asked for it: the near ones are ours to keep, and so are those that are read.
A newcomer takes the place of an item of lower rank, the lowest first, and never of the oldest as such: that would let
one flooder empty the store. Nor does it take the place of a network that holds hardly more than its own: first a
network may fill only its share, and when all is full anyway it grows only at the cost of larger ones.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple, Self
from zlib import crc32

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.ids import shared_bits
from services.dht_node.core.messages import Item, Put
from services.dht_node.core.quotas import UNLIMITED, Quotas

ITEM_OVERHEAD = 116
"""Bytes counted for an item beside its value: target, key and signature."""
EVICTION_LOOKS = 16
"""Items of the lowest ranks that are looked at for one that may go; those passed over are looked at last next time."""
EXPIRED_AT_ONCE = 128
"""Items forgotten in one go, in under a millisecond: a hundred thousand that expire together must not stop the node."""
EXPIRED_BY_A_PUT = 8
"""A put makes room by what has expired, in bounded time."""
ASKER_BITS = 32
"""Bits of the sketch of who asked for an item. It saturates at 6 more bits of rank, which is all that forged sources
can win for an item: as much as an attacker gets by trying 64 targets."""


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
    network: bytes = UNLIMITED
    """Who put it, as `contact.prefix`."""


_HEAD = struct.Struct("!d?q32s64sB")
"""When it expires, whether it is mutable, seq, key, signature, bytes of the network, which stands before the value."""
_EXPIRY = struct.Struct("!d")
_new = tuple.__new__
"""Makes a NamedTuple without the Python function that its class is called through; see `wire`."""


class _Held(NamedTuple):
    """What is stored under a target.

    It is kept packed into one string of bytes: half a dozen objects would take half as much memory again, and a
    hundred thousand containers would be walked whenever Python collects its garbage.
    """

    item: Item
    expires: float
    network: bytes

    @property
    def size(self) -> int:
        return len(self.item.value) + ITEM_OVERHEAD

    def packed(self) -> bytes:
        value, key, signature, seq = self.item
        head = _HEAD.pack(self.expires, key is not None, seq, key or b"", signature, len(self.network))
        return b"%b%b%b" % (head, self.network, value)

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        expires, mutable, seq, key, signature, network_size = _HEAD.unpack_from(packed)
        value_at = _HEAD.size + network_size
        value, network = packed[value_at:], packed[_HEAD.size : value_at]
        item = (value, key, signature, seq) if mutable else (value, None, b"", 0)
        return _new(cls, (_new(Item, item), expires, network))


class ItemStore:
    """Items by target (20 bytes); `now` is in monotonic seconds.

    All items live equally long, so the one put first expires first: the order of the dictionary is the queue.
    """

    def __init__(self, own_id: bytes, config: NodeConfig) -> None:
        self._config = config
        self._own_id = own_id
        self.evicted = 0
        """Items that had to make room for others, ever."""
        self.over_quota = 0
        """Puts refused because their network had filled its share, ever."""
        self._clear()

    def _clear(self) -> None:
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        """Target -> `_Held`, packed. A plain dictionary would look for its first key among all that were before it."""
        self._ranks: dict[int, dict[bytes, None]] = {}
        """Targets by rank, in order of arrival."""
        self._askers: dict[bytes, int] = {}
        """Target -> a bit for each network that asked, by its hash; only of items that anybody asked for."""
        share = self._config.network_share
        self._quotas = Quotas(self._config.items_max * share, self._config.item_bytes_max * share)
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, target: bytes, now: float) -> Item | None:
        """The item under a target, unless it has expired."""
        packed = self._held.get(target)
        if packed is None or _expires(packed) <= now:
            return None
        return _Held.unpacked(packed).item

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

    def put(self, target: bytes, item: Item, now: float, network: bytes = UNLIMITED) -> bool:
        """Store an item that somebody in `network` put, in place of what was under its target.

        False when there is no room for it or when the network has filled its share; the older version then stands.
        """
        self.expire(now, at_most=EXPIRED_BY_A_PUT)
        return self._put(target, _Held(item, now + self._config.item_lifetime, network))

    def refresh(self, target: bytes, now: float) -> None:
        """Let the item under a target live as long as if it had just been put."""
        self._held[target] = _EXPIRY.pack(now + self._config.item_lifetime) + self._held[target][_EXPIRY.size :]
        self._held.move_to_end(target)

    def asked_for(self, target: bytes, network: bytes) -> None:
        """Somebody in `network` asked for an item that is stored: it counts for more when room is short."""
        askers = self._askers.get(target, 0)
        seen = askers | 1 << crc32(network) % ASKER_BITS
        if seen == askers:
            return
        self._unrank(target)
        self._askers[target] = seen
        self._ranks.setdefault(self._rank(target), {})[target] = None

    def expire(self, now: float, at_most: int = EXPIRED_AT_ONCE) -> bool:
        """Forget what is past its lifetime; True when that was too much for once, and some of it is left."""
        for _ in range(at_most):
            expiry = self.next_expiry()
            if expiry is None or expiry > now:
                return False
            self._drop(next(iter(self._held)))
        return True

    def next_expiry(self) -> float | None:
        """When `expire` will have something to do."""
        return next(map(_expires, self._held.values()), None)

    def adopt_id(self, own_id: bytes) -> None:
        """Our id has changed, and with it which items are near."""
        self._own_id = own_id
        self._ranks = {}
        for target in self._held:
            self._ranks.setdefault(self._rank(target), {})[target] = None

    def saved(self, now: float) -> list[SavedItem]:
        """Everything that is stored, with what is left of its lifetime."""
        everything = ((target, _Held.unpacked(packed)) for target, packed in self._held.items())
        return [
            SavedItem(target, held.item, held.expires - now, held.network)
            for target, held in everything
            if held.expires > now
        ]

    def restore(self, saved: Iterable[SavedItem], now: float) -> None:
        """Take back what was saved, for at most the rest of its lifetime; what is stored already stands."""
        rows = {row.target: row for row in saved} | {row.target: row for row in self.saved(now)}
        self._clear()
        for row in sorted(rows.values(), key=lambda row: row.remaining):
            if row.remaining > 0:
                expires = now + min(row.remaining, self._config.item_lifetime)
                self._put(row.target, _Held(row.item, expires, row.network))

    def _put(self, target: bytes, new: _Held) -> bool:
        stored = self._held.get(target)
        former = None if stored is None else _Held.unpacked(stored)
        if not self._quotas.admits(new.network, new.size):
            if former is None:
                self.over_quota += 1
                return False
            # a full network's items may change, and count where they did
            new = new._replace(network=former.network)
        if not self._make_room(target, new, former):
            return False
        if former is not None:
            self._drop(target, forget=False)
        self._held[target] = new.packed()
        self._ranks.setdefault(self._rank(target), {})[target] = None
        self._quotas.add(new.network, new.size)
        self.bytes_held += new.size
        return True

    def _make_room(self, target: bytes, new: _Held, former: _Held | None) -> bool:
        """Let as many items go as the new one needs the room of; none, when that would not be enough."""
        items = len(self._held) + (former is None) - self._config.items_max
        size = self.bytes_held + new.size - (former.size if former else 0) - self._config.item_bytes_max
        if items <= 0 and size <= 0:
            return True
        weight = self._quotas.items(new.network) + (former is None)
        going: list[bytes] = []
        for candidate in list(islice(self._below(target), EVICTION_LOOKS)):
            held = _Held.unpacked(self._held[candidate])
            if held.network != new.network and self._quotas.items(held.network) <= weight:
                rank = self._ranks[self._rank(candidate)]
                rank[candidate] = rank.pop(candidate)
                continue
            going.append(candidate)
            items, size = items - 1, size - held.size
            if items <= 0 and size <= 0:
                for victim in going:
                    self._drop(victim)
                self.evicted += len(going)
                return True
        return False

    def _below(self, target: bytes) -> Iterator[bytes]:
        """The targets of lower rank, lowest first."""
        own = self._rank(target)
        for rank in sorted(self._ranks):
            if rank >= own:
                return
            yield from self._ranks[rank]

    def _rank(self, target: bytes) -> int:
        return shared_bits(target, self._own_id) + self._askers.get(target, 0).bit_count().bit_length()

    def _unrank(self, target: bytes) -> None:
        rank = self._rank(target)
        del self._ranks[rank][target]
        if not self._ranks[rank]:
            del self._ranks[rank]

    def _drop(self, target: bytes, *, forget: bool = True) -> None:
        """Take an item out; with `forget` off the memory of who asked for it stays, for its next version."""
        held = _Held.unpacked(self._held.pop(target))
        self.bytes_held -= held.size
        self._quotas.remove(held.network, held.size)
        self._unrank(target)
        if forget:
            self._askers.pop(target, None)


def _expires(packed: bytes) -> float:
    """When a `_Held` expires, of its packed form."""
    (expires,) = _EXPIRY.unpack_from(packed)
    return float(expires)
