"""The plaintext of a scout1 record: a block header, then entries; all integers big-endian.

Removing an entry is leaving it out: scout1 has no tombstones, so a removed entry comes back with any version that
still holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.format.errors import EntryTooLargeError, FieldError, MalformedError, RecordFullError, TooManyEntriesError

MAX_CONTENT = 255
"""Bytes of an entry's content: its length is one byte. The original let longer ones wrap and wrote garbage."""
MAX_ENTRIES = 255
"""Entries in a record: their count is one byte."""
MAX_PLAINTEXT = 956
"""Bytes of a record before sealing, so that the sealed value, bencoded, is at most the 1000 of BEP 44."""
MAX_ID = 2**32 - 1
MIN_SEQ, MAX_SEQ = -(2**63), 2**63 - 1

_BLOCK_HEADER = struct.Struct(">BB")  # entry count, bytes to skip behind this header
_ENTRY_HEADER = struct.Struct(">qIHBB")  # seq, id, reserved, content length, bytes to skip behind this header
BLOCK_HEADER_SIZE = _BLOCK_HEADER.size
ENTRY_HEADER_SIZE = _ENTRY_HEADER.size


class Entry(NamedTuple):
    """One entry of a record."""

    id: int
    """0 … 2^32 - 1."""
    seq: int
    """Signed 64 bits; the higher one is the newer content."""
    content: bytes
    """At most 255 bytes."""

    @property
    def expires_ms(self) -> None:
        """Never: scout1 has no room for a ttl."""


def parse(plaintext: bytes) -> tuple[Entry, ...]:
    """The entries of a record, in the order they stand in; repeated ids are kept, bytes behind the last are ignored.

    Raises MalformedError when `plaintext` ends before its headers say so.
    """
    if len(plaintext) < BLOCK_HEADER_SIZE:
        raise MalformedError(f"expected a block header of {BLOCK_HEADER_SIZE} bytes, got {len(plaintext)}")
    count, skip = _BLOCK_HEADER.unpack_from(plaintext)
    at = BLOCK_HEADER_SIZE + skip
    if at > len(plaintext):
        raise MalformedError(f"expected entries from byte {at} on, got {len(plaintext)} bytes in all")
    entries = []
    for index in range(count):
        entry, at = _parse_entry(plaintext, at, index)
        entries.append(entry)
    return tuple(entries)


def _parse_entry(plaintext: bytes, at: int, index: int) -> tuple[Entry, int]:
    body = at + ENTRY_HEADER_SIZE
    if body > len(plaintext):
        raise MalformedError(f"expected entry {index} at byte {at}, got {len(plaintext)} bytes in all")
    seq, entry_id, _reserved, length, skip = _ENTRY_HEADER.unpack_from(plaintext, at)
    start = body + skip
    end = start + length
    if end > len(plaintext):
        raise MalformedError(f"expected entry {index} to end at byte {end}, got {len(plaintext)} bytes in all")
    return Entry(entry_id, seq, plaintext[start:end]), end


def serialise(entries: Sequence[Entry]) -> bytes:
    """The plaintext of a record that holds `entries` in the order given (`merge` gives the ascending one).

    Raises TooManyEntriesError, EntryTooLargeError, RecordFullError, and FieldError for an id or seq out of range.
    """
    if len(entries) > MAX_ENTRIES:
        raise TooManyEntriesError(len(entries), MAX_ENTRIES)
    parts = [_BLOCK_HEADER.pack(len(entries), 0)]
    for entry in entries:
        parts += (_entry_header(entry), entry.content)
    plaintext = b"".join(parts)
    if len(plaintext) > MAX_PLAINTEXT:
        raise RecordFullError(len(plaintext), MAX_PLAINTEXT)
    return plaintext


def _entry_header(entry: Entry) -> bytes:
    if len(entry.content) > MAX_CONTENT:
        raise EntryTooLargeError(len(entry.content), MAX_CONTENT, entry.id)
    try:
        return _ENTRY_HEADER.pack(entry.seq, entry.id, 0, len(entry.content), 0)
    except struct.error:
        raise FieldError(
            f"expected an id from 0 to {MAX_ID} and a seq of signed 64 bits, got id {entry.id}, seq {entry.seq}"
        ) from None


def size(entries: Iterable[Entry]) -> int:
    """Bytes of plaintext that `entries` take, whether or not they fit: what a budget is reckoned with."""
    return BLOCK_HEADER_SIZE + sum(entry_size(entry) for entry in entries)


def entry_size(entry: Entry) -> int:
    """Bytes of plaintext that one entry takes."""
    return ENTRY_HEADER_SIZE + len(entry.content)
