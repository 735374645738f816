"""Which nodes we know, and which of them are nearest to a target.

Theory of operation
-------------------
Bucket i holds contacts that share exactly i leading bits with our own id, so half of the network falls into bucket 0
and a quarter into bucket 1. The far buckets are larger than k (128, 64, 32, 16, then 8): every lookup begins in one of
them, and a start that is four bits nearer saves one or two hops.

A contact becomes an entry only after it has answered a query of *ours*. Whoever merely writes to us, or is named by
others, is at most worth a ping: `heard_from` says so, and somebody else sends it. This module never sends.

An entry is *good* while it answers, *questionable* after 15 silent minutes or one failure, *bad* after `bad_failures`
queries in a row unanswered. A bad one gives its place to one in reserve. A live one is never replaced, however many
newer contacts ask for its place: old nodes live longest, and a flood of new ones must not push them out. When nearly
everything fails at once the fault is our own link, so the last `keep_last` entries stay, bad as they are.

One network must not own the table: one entry for each IP address, two of each /24 in a bucket; of IPv6, one for each
/64 and two of each /48. In labs every node is
on one machine, and only the address (host and port) must be distinct.

Strangers are told only of entries that answered their last query and are older than the quarantine, so that a node
can't be made to spread an address by one short-lived answer. What they are told is kept packed until it changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain

from services.dht_node.core.bucket import Bucket, Entry, nearest
from services.dht_node.core.compose import nodes_member
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact, subscriber
from services.dht_node.core.family import V4
from services.dht_node.core.ids import ID_BITS, random_id_in_bucket
from services.dht_node.core.ports import Entropy

SAVED_MAX = 200
"""Contacts kept over a restart: more than enough to find the rest again."""
PING_AFTER = 300.0
"""Seconds of silence after which an entry is due for a ping: three tries before BEP 5's 15 minutes are over."""
RETRY_AFTER = 30.0
"""Seconds after a failure when it is due again: one lost datagram should not hide a node for long."""
DECIDING_BITS = 8
"""Bits of a target, behind the first in which it differs from our id, by which packed replies are kept.

128 contacts in 256 cells: contacts that agree in all of these bits are rare enough to be told apart inexactly.
"""


class RoutingTable:
    """The contacts of one node; `now` is in monotonic seconds everywhere."""

    def __init__(self, own_id: bytes, config: NodeConfig, now: float) -> None:
        self._config = config
        self._quarantine = 0.0 if config.lab else config.contact_quarantine
        self._started = now
        self._empty(own_id)

    def _empty(self, own_id: bytes) -> None:
        self.own_id = own_id
        self._own = int.from_bytes(own_id, "big")
        self._buckets: dict[int, Bucket] = {}
        self._by_id: dict[bytes, Entry] = {}
        self._by_place: dict[str | Address, Entry] = {}
        self._kept: set[bytes] = set()
        """Ids of the bad entries that stay because few are left."""
        self._refreshed: dict[int, float] = {}
        """When a lookup last went through a bucket."""
        self._maturing: deque[tuple[float, int]] = deque()
        """When entries leave the quarantine, and the bucket they are in."""
        self._replies: dict[int, dict[int, bytes]] = {}
        """Packed replies by bucket and deciding bits: at most 161 * 256 of them."""
        self._borrowers: set[int] = set()
        """Buckets whose replies hold entries of other buckets too."""

    def rebuild(self, own_id: bytes, now: float) -> None:
        """Sort everything anew around another id of ours; the oldest keep their places first."""
        entries = sorted(self._by_id.values(), key=lambda entry: entry.first_seen)
        reserve = [entry for bucket in self._buckets.values() for entry in bucket.reserve.values()]
        self._empty(own_id)
        for entry in chain(entries, reserve):
            self._admit(entry, now)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, node_id: bytes) -> bool:
        return node_id in self._by_id

    # --- what happened

    def answered(self, contact: Contact, now: float) -> bool:
        """A node answered a query of ours: refresh its entry, or find it a place. True when it is an entry now."""
        if contact.id == self.own_id:
            return False
        known = self._by_id.get(contact.id)
        if known is not None and known.contact.address == contact.address:
            if known.failures:
                self._kept.discard(known.contact.id)
                self._changed(self._index(known.bits))
            known.answered(now)
            return True
        neighbour = self._by_place.get(self._place(contact.address))
        for former in (known, neighbour):
            # the same address under a new id was restarted; else a live entry keeps its id and its place
            if former is None or former.contact.id not in self._by_id:
                continue
            if former.contact.address != contact.address and not self._bad(former):
                return False
            self._remove(former)
        return self._admit(Entry(contact, now), now)

    def heard_from(self, contact: Contact, now: float) -> bool:
        """A node asked us something. True when it is unknown and would find a place: worth a ping."""
        known = self._by_id.get(contact.id)
        if known is not None:
            if known.contact.address == contact.address:
                known.heard_at = now
            return False
        if self._place(contact.address) in self._by_place or contact.id == self.own_id:
            return False
        bucket = self._buckets.get(self._index(int.from_bytes(contact.id, "big")))
        return bucket is None or not bucket.full()

    def failed(self, contact: Contact, now: float) -> None:
        """A query of ours to this node was given up."""
        entry = self._by_id.get(contact.id)
        if entry is None or entry.contact.address != contact.address:
            self._forget_reserve(contact)
            return
        entry.failures += 1
        entry.tried_at = now
        if entry.failures == 1:
            self._changed(self._index(entry.bits))
        if self._bad(entry):
            self._replace(entry, now)

    def looked_up(self, target: bytes, now: float) -> None:
        """A lookup goes through the target's bucket, which refreshes it."""
        self._refreshed[self._index(int.from_bytes(target, "big"))] = now

    # --- who has a place

    def _admit(self, entry: Entry, now: float) -> bool:
        index = self._index(entry.bits)
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = Bucket(self._size(index))
        elif bucket.full():
            self._drop_bad(bucket.entries)
        if not self._fits(entry, bucket):
            bucket.keep_in_reserve(self._place(entry.contact.address), entry)
            return False
        self._insert(entry, index, now)
        if len(self) > self._config.keep_last:
            self._drop_bad(self._by_id.values())
        return True

    def _drop_bad(self, entries: Iterable[Entry]) -> None:
        """Of the bad entries that were kept, let one of these go: there is somebody better."""
        bad = next((entry for entry in entries if entry.contact.id in self._kept), None) if self._kept else None
        if bad is not None:
            self._remove(bad)

    def _fits(self, entry: Entry, bucket: Bucket) -> bool:
        if bucket.full() or entry.contact.id in self._by_id or self._place(entry.contact.address) in self._by_place:
            return False
        return self._config.lab or not bucket.crowded(entry.network)

    def _insert(self, entry: Entry, index: int, now: float) -> None:
        place = self._place(entry.contact.address)
        bucket = self._buckets[index]
        bucket.entries.append(entry)
        bucket.reserve.pop(place, None)
        self._by_id[entry.contact.id] = entry
        self._by_place[place] = entry
        if self._bad(entry):
            self._kept.add(entry.contact.id)
        matures = entry.first_seen + self._quarantine
        if matures > now:
            self._maturing.append((matures, index))
            self._mature(now)
        else:
            self._changed(index)

    def _remove(self, entry: Entry) -> None:
        index = self._index(entry.bits)
        self._buckets[index].entries.remove(entry)
        del self._by_id[entry.contact.id]
        del self._by_place[self._place(entry.contact.address)]
        self._kept.discard(entry.contact.id)
        self._changed(index)

    def _replace(self, bad: Entry, now: float) -> None:
        """Give a bad entry's place to the one in reserve that answered last; with none, drop it unless few are left."""
        index = self._index(bad.bits)
        bucket = self._buckets[index]
        self._remove(bad)
        for entry in reversed(list(bucket.reserve.values())):
            if self._fits(entry, bucket):
                self._insert(entry, index, now)
                return
        if len(self) < self._config.keep_last:
            self._insert(bad, index, now)

    def _forget_reserve(self, contact: Contact) -> None:
        bucket = self._buckets.get(self._index(int.from_bytes(contact.id, "big")))
        place = self._place(contact.address)
        if bucket is not None and place in bucket.reserve and bucket.reserve[place].contact == contact:
            del bucket.reserve[place]

    def _bad(self, entry: Entry) -> bool:
        return entry.failures >= self._config.bad_failures

    def _place(self, address: Address) -> str | Address:
        """What only one entry may have: the host, of IPv6 its /64, in labs the whole address."""
        if self._config.lab:
            return address
        return address[0] if self._config.family is V4 else subscriber(address[0])

    def _index(self, bits: int) -> int:
        return ID_BITS - (bits ^ self._own).bit_length()

    def _size(self, index: int) -> int:
        sizes = self._config.bucket_sizes
        return sizes[index] if index < len(sizes) else self._config.k

    # --- who is near

    def closest(self, target: bytes, n: int) -> list[Contact]:
        """The `n` entries nearest to a target that are not bad, nearest first: where a lookup of ours begins."""
        bits = int.from_bytes(target, "big")
        near = nearest(self._buckets, self._index(bits), bits, n, lambda entry: not self._bad(entry))
        return [entry.contact for entry in near]

    def packed_closest(self, target: bytes, now: float) -> bytes:
        """The k entries nearest to a target that strangers are told of, nearest first: the member of a reply.

        One reply serves all targets that agree in the deciding bits: it is exact but for entries that agree in them.
        """
        if self._maturing and self._maturing[0][0] <= now:
            self._mature(now)
        bits = int.from_bytes(target, "big")
        index = ID_BITS - (bits ^ self._own).bit_length()
        key = bits >> max(ID_BITS - 1 - DECIDING_BITS - index, 0) & ((1 << DECIDING_BITS) - 1)
        replies = self._replies.get(index)
        if replies is None:
            replies = self._replies[index] = {}
        packed = replies.get(key)
        if packed is None:
            packed = replies[key] = self._pack(bits, index, now)
        return packed

    def _pack(self, bits: int, index: int, now: float) -> bytes:
        grown_up = now - self._quarantine
        k = self._config.k
        near = nearest(self._buckets, index, bits, k, lambda entry: not entry.failures and entry.first_seen <= grown_up)
        if len(near) < k or self._index(near[-1].bits) != index:
            self._borrowers.add(index)
        return nodes_member(self._config.family, b"".join([entry.packed for entry in near]))

    def _changed(self, index: int) -> None:
        """What strangers are told of a bucket has changed: forget the replies that it has, or may have, a part in."""
        self._replies.pop(index, None)
        for borrower in self._borrowers:
            self._replies.pop(borrower, None)
        self._borrowers.clear()

    def _mature(self, now: float) -> None:
        while self._maturing and self._maturing[0][0] <= now:
            self._changed(self._maturing.popleft()[1])

    # --- what should be done

    def stalest(self, now: float) -> Contact | None:
        """The entry that has been due for a ping longest; None while none is."""
        entry = min(self._by_id.values(), key=self._due, default=None)
        return entry.contact if entry is not None and self._due(entry) <= now else None

    def refresh_target(self, now: float, entropy: Entropy) -> bytes | None:
        """A random id in the bucket that no lookup has gone through longest; None while all are fresh.

        The bucket counts as refreshed by the lookup that follows.
        """
        deepest = max((index for index, bucket in self._buckets.items() if bucket.entries), default=0)
        refreshed = {index: self._refreshed.get(index, self._started) for index in range(min(deepest + 2, ID_BITS))}
        index = min(refreshed, key=refreshed.__getitem__)
        if now - refreshed[index] < self._config.bucket_refresh:
            return None
        self._refreshed[index] = now
        return random_id_in_bucket(self.own_id, index, entropy)

    def good_count(self, now: float) -> int:
        """Entries that are good (BEP 5, "Routing Table")."""
        oldest = now - self._config.good_age
        return sum(not entry.failures and entry.heard_at >= oldest for entry in self._by_id.values())

    def census(self, now: float) -> dict[int, tuple[int, int, int]]:
        """How many entries of each bucket that has any are good, questionable and bad, the farthest bucket first."""
        oldest = now - self._config.good_age
        found = {}
        for index, bucket in sorted(self._buckets.items()):
            good = sum(not entry.failures and entry.heard_at >= oldest for entry in bucket.entries)
            bad = sum(map(self._bad, bucket.entries))
            if bucket.entries:
                found[index] = (good, len(bucket.entries) - good - bad, bad)
        return found

    def saved(self) -> list[Contact]:
        """The best SAVED_MAX contacts to begin with after a restart: those that answer, and of them the oldest."""
        best = sorted(self._by_id.values(), key=lambda entry: (entry.failures, entry.first_seen))
        return [entry.contact for entry in best[:SAVED_MAX]]

    def _due(self, entry: Entry) -> float:
        return entry.tried_at + (RETRY_AFTER if entry.failures else PING_AFTER)
