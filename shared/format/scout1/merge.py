"""Many versions of a record become one, the same for everybody, in whatever order they were seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shared.format.errors import SeqExhaustedError
from shared.format.scout1.record import MAX_SEQ, Entry

FIRST_SEQ = 1
"""The seq of the first content that an id ever has."""


def merge(*versions: Iterable[Entry]) -> tuple[Entry, ...]:
    """The union of all versions in ascending id order; for each id the higher seq, on a tie the larger content, wins.

    Commutative, associative and idempotent. (The original kept its local copy on a tie, so peers never agreed.)
    Every distinct valid version takes part, whatever its BEP 44 seq: an older one may hold a newer entry.
    """
    newest: dict[int, Entry] = {}
    for version in versions:
        for entry in version:
            held = newest.get(entry.id)
            if held is None or _rank(entry) > _rank(held):
                newest[entry.id] = entry
    return tuple(newest[entry_id] for entry_id in sorted(newest))


def _rank(entry: Entry) -> tuple[int, bytes]:
    return entry.seq, entry.content


def change(entries: Iterable[Entry], entry_id: int, content: bytes) -> tuple[Entry, ...]:
    """The merged `entries` with the content of one id set: its seq rises by one when the content differs.

    The same content changes nothing, so that a write tried again is the same write. Raises SeqExhaustedError.
    """
    merged = merge(entries)
    held = next((entry for entry in merged if entry.id == entry_id), None)
    if held is None:
        return merge(merged, (Entry(entry_id, FIRST_SEQ, content),))
    if held.content == content:
        return merged
    if held.seq >= MAX_SEQ:
        raise SeqExhaustedError(f"expected a seq below {MAX_SEQ} for entry {entry_id}, got {held.seq}")
    return merge(merged, (Entry(entry_id, held.seq + 1, content),))


def remove(entries: Iterable[Entry], ids: Collection[int]) -> tuple[Entry, ...]:
    """The merged `entries` without those of `ids`; a version that still holds them brings them back."""
    return tuple(entry for entry in merge(entries) if entry.id not in ids)
