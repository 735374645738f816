"""Many versions of a scout2 record become one, the same for everybody, in whatever order they were seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shared.format.errors import SeqExhaustedError
from shared.format.scout2.record import MAX_STAMP, Entry, Record

FUTURE_MS = 3_600_000
"""An entry whose stamp lies further ahead is ignored: it would win against everybody until then."""

Entries = tuple[Entry, ...]


def merge(*versions: Record) -> Record:
    """The union of all versions. Commutative, associative and idempotent.

    For each id the higher stamp wins; then the tombstone; then the larger value; then the larger ttl; and among equals
    in all that the larger of what newer writers added. Of meta the larger value of each key.
    """
    meta: dict[bytes, bytes] = {}
    for version in versions:
        for key, value in version.meta:
            meta[key] = max(value, meta.get(key, b""))
    return Record(merge_entries(*(version.entries for version in versions)), tuple(sorted(meta.items())))


def merge_entries(*versions: Iterable[Entry]) -> Entries:
    """The winner of each id, in ascending order."""
    newest: dict[int, Entry] = {}
    for version in versions:
        for entry in version:
            held = newest.get(entry.id)
            if held is None or _rank(entry) > _rank(held):
                newest[entry.id] = entry
    return tuple(newest[entry_id] for entry_id in sorted(newest))


def _rank(entry: Entry) -> tuple[int, bool, bytes, int, tuple[bytes, ...]]:
    return entry.stamp, entry.value is None, entry.value or b"", entry.ttl, entry.rest


def current(entries: Iterable[Entry], now_ms: int) -> Entries:
    """The entries that count at `now_ms` (Unix milliseconds): not expired, and not stamped over an hour ahead.

    To be asked of each version before the merge: an entry from the future must not hide a true one.
    """
    return tuple(entry for entry in entries if entry.expires_ms > now_ms and entry.stamp <= now_ms + FUTURE_MS)


def change(entries: Iterable[Entry], entry_id: int, value: bytes, ttl: int, now_ms: int) -> Entries:
    """The merged `entries` with the value of one id set at `now_ms`, for `ttl` seconds; what newer writers added stays.

    What is there already, as of `now_ms` or later, changes nothing: a write tried again, with the time at which it was
    first tried, is the same write. Raises SeqExhaustedError when the stamp can't rise.
    """
    merged = merge_entries(entries)
    held = _held(merged, entry_id)
    if held is not None and (held.value, held.ttl) == (value, ttl) and held.stamp >= now_ms:
        return merged
    return merge_entries(merged, (Entry(entry_id, _stamp(held, now_ms), ttl, value, held.rest if held else ()),))


def remove(entries: Iterable[Entry], ids: Collection[int], now_ms: int) -> Entries:
    """The merged `entries` with tombstones in the place of those of `ids` that have a value.

    A tombstone has the ttl of what it removes, from a later stamp: no version that still holds the entry outlives it.
    Raises SeqExhaustedError when a stamp can't rise.
    """
    merged = merge_entries(entries)
    removed = (entry for entry in merged if entry.id in ids and entry.value is not None)
    return merge_entries(merged, [entry._replace(stamp=_stamp(entry, now_ms), value=None) for entry in removed])


def _held(merged: Entries, entry_id: int) -> Entry | None:
    return next((entry for entry in merged if entry.id == entry_id), None)


def _stamp(held: Entry | None, now_ms: int) -> int:
    """A stamp above the one that is there, whatever the clocks say."""
    if held is None:
        return now_ms
    if held.stamp >= MAX_STAMP:
        raise SeqExhaustedError(f"expected a stamp below {MAX_STAMP} for entry {held.id}, got {held.stamp}")
    return max(now_ms, held.stamp + 1)
