"""One bucket of a routing table: the contacts that share a number of leading bits with our own id, and no more."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

from services.dht_node.core.contact import Contact, pack_contact, prefix

PREFIX_LIMIT = 2
"""Entries of one network (`contact.prefix`) in a bucket: whoever fills a table with sybils must own many networks."""


class Entry:
    """A contact that answered us, and how it has behaved since."""

    __slots__ = ("bits", "contact", "failures", "first_seen", "heard_at", "network", "packed", "tried_at")

    def __init__(self, contact: Contact, now: float) -> None:
        self.contact = contact
        self.bits = int.from_bytes(contact.id, "big")
        """The id as a number, for distances."""
        self.packed = pack_contact(contact)
        self.network = prefix(contact.address[0])
        self.first_seen = now
        self.heard_at = now
        """When it last answered a query of ours or, known to answer, asked one (BEP 5, "Routing Table")."""
        self.tried_at = now
        """When a query of ours to it was last answered or given up."""
        self.failures = 0
        """Queries in a row that it left unanswered."""

    def answered(self, now: float) -> None:
        """It answered a query of ours."""
        self.heard_at = self.tried_at = now
        self.failures = 0


class Bucket:
    """At most `size` entries, and as many in reserve that answered us too but found no place."""

    __slots__ = ("entries", "reserve", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: list[Entry] = []
        self.reserve: dict[Hashable, Entry] = {}
        """By the place they would take up; the one that answered last is at the end."""

    def full(self) -> bool:
        """Whether every place is taken."""
        return len(self.entries) >= self.size

    def crowded(self, network: bytes) -> bool:
        """Whether a network has all the places that one network may have here."""
        return sum(entry.network == network for entry in self.entries) >= PREFIX_LIMIT

    def keep_in_reserve(self, place: Hashable, entry: Entry) -> None:
        """Remember an entry for when a place falls free; the one that has been silent longest makes room."""
        self.reserve.pop(place, None)
        self.reserve[place] = entry
        if len(self.reserve) > self.size:
            del self.reserve[next(iter(self.reserve))]


def nearest(
    buckets: Mapping[int, Bucket], index: int, bits: int, n: int, wanted: Callable[[Entry], bool]
) -> list[Entry]:
    """The `n` wanted entries nearest to a target, nearest first.

    `buckets` are by the bits that they share with our id; the target is an id as a number, and belongs into `index`.
    """
    found: list[Entry] = []
    for group in _groups(buckets, index):
        found += sorted(filter(wanted, group), key=lambda entry: entry.bits ^ bits)
        if len(found) >= n:
            break
    return found[:n]


def _groups(buckets: Mapping[int, Bucket], index: int) -> Iterator[list[Entry]]:
    """All entries in groups, each farther from a target of bucket `index` than the one before.

    The target's own bucket shares its next bit, all deeper ones differ from it there, shallower ones before.
    """
    if index in buckets:
        yield buckets[index].entries
    yield [entry for deeper, bucket in buckets.items() if deeper > index for entry in bucket.entries]
    for shallower in sorted((i for i in buckets if i < index), reverse=True):
        yield buckets[shallower].entries
