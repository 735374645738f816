"""The original's `synchronize`, with its two callbacks run where they belong: in the client, between read and write.

1. Read the record, settled.
2. Every entry in it that is news to the caller is reported: `entry_updated(entry)`.
3. `finalize(contents)` gets the merged contents by id and may change them, add some, or take some out.
4. The result is written on condition that the record is still the one that was read (`If-Match`).
   When somebody else was faster, begin again at 1: `finalize` is called anew with what is there now.

What the caller has comes either as contents by id (`{7: b"…"}`: this is how it shall be) or as entries of an earlier
time with their seq: then the record's content is news where its seq is higher, and the caller's stands otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from scout.answers import Entry, Record, Written
from scout.errors import ScoutApiError
from shared.errors import ErrorCode
from shared.json_bytes import Blob

EntryUpdated = Callable[[Entry], None]
"""Told of an entry that is new to the caller, or has a newer content."""
Finalize = Callable[[dict[int, bytes]], None]
"""Given the merged contents by id, to change in place before they are written."""

MAX_ATTEMPTS = 8
"""Writers that each take one turn: with this many of them at once the last one still gets through."""


class Synchronisable(Protocol):
    """What of a link is needed, wherever its keys are."""

    async def record(self, read: str = "settled") -> Record:
        """The record as it is, with its etag."""

    async def sync(
        self,
        entries: Mapping[int, bytes] | None = None,
        *,
        remove: Iterable[int] = (),
        if_match: str = "",
    ) -> Written:
        """Write, on condition that the record is still the one of this etag."""


async def synchronise(
    link: Synchronisable,
    pause: Callable[[int], Awaitable[None]],
    entries: Mapping[int, bytes] | Iterable[Entry],
    *,
    entry_updated: EntryUpdated | None,
    finalize: Finalize | None,
) -> list[Entry]:
    """Read, report, finalize, write; again when another writer was faster. Answers with the record as written.

    `pause` waits as after so many failed attempts.

    Raises ScoutApiError: `precondition_failed` when others were faster MAX_ATTEMPTS times.
    """
    known = _by_id(entries)
    attempt = 0
    while True:
        record = await link.record()
        _take_news(record, known, entry_updated)
        try:
            return await _write(link, record, known, finalize)
        except ScoutApiError as error:
            attempt += 1
            if error.code != ErrorCode.PRECONDITION_FAILED or attempt == MAX_ATTEMPTS:
                raise
        await pause(attempt)


def _by_id(entries: Mapping[int, bytes] | Iterable[Entry]) -> dict[int, Entry]:
    if isinstance(entries, Mapping):
        return {id_: Entry(id=id_, value=Blob(content)) for id_, content in entries.items()}
    return {entry.id: entry for entry in entries}


def _take_news(record: Record, known: dict[int, Entry], entry_updated: EntryUpdated | None) -> None:
    for entry_id in record.removed:
        mine = known.get(entry_id)
        if mine is not None and mine.seq is not None:  # of an earlier time; what comes by content alone shall be there
            del known[entry_id]
    for entry in record.entries:
        if not _is_news(entry, known.get(entry.id)):
            continue
        known[entry.id] = entry
        if entry_updated is not None:
            entry_updated(entry)


def _is_news(entry: Entry, mine: Entry | None) -> bool:
    if mine is None:
        return True
    return mine.seq is not None and (entry.seq or 0) > mine.seq


async def _write(
    link: Synchronisable, record: Record, known: Mapping[int, Entry], finalize: Finalize | None
) -> list[Entry]:
    wanted = {id_: bytes(entry.value) for id_, entry in known.items()}
    if finalize is not None:
        finalize(wanted)
    there = {entry.id: bytes(entry.value) for entry in record.entries}
    changed = {id_: content for id_, content in wanted.items() if there.get(id_) != content}
    removed = [id_ for id_ in there if id_ not in wanted]
    if not changed and not removed:
        return record.entries
    return (await link.sync(changed, remove=removed, if_match=record.etag)).entries
