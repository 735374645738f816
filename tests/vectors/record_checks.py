"""Checks of records: their entries, their limits and their seal."""

from __future__ import annotations

import struct

from shared.format import bep44, items
from shared.format.errors import (
    EntryTooLargeError,
    FormatError,
    LimitError,
    MalformedError,
    RecordFullError,
    TooManyEntriesError,
    UnsealError,
)
from shared.format.scout1 import record, seal
from shared.format.scout1.record import Entry
from tests.vectors.document import UncheckableError, Vector, expect, hold

ORIGINAL_BUFFER = 1000
"""Bytes of the buffer that the original serialised into."""
ANY_KEY, ANY_NONCE = b"k" * seal.KEY_SIZE, b"n" * seal.NONCE_SIZE


def entries_of(vector: Vector, name: str) -> tuple[Entry, ...]:
    return tuple(
        Entry(child.integer("id"), child.integer("seq"), child.hex("content")) for child in vector.children(name)
    )


def entries_serialize(vector: Vector) -> None:
    entries, written = entries_of(vector, "entries"), vector.hex("bytes")
    limit = _limit_of(entries)
    if limit is None:
        expect("bytes", record.serialise(entries), written)
    else:
        expect("refused with", _refusal(entries), limit)
        expect("bytes as the original wrote them", _as_the_original(entries), written)
        vector.notes.append("over our limits, where the original wrote what could not be stored or read; ours refuses")
    if vector.flag("parses"):
        _parsed_back(vector, written)


def _parsed_back(vector: Vector, written: bytes) -> None:
    parsed = entries_of(vector, "parsed_back")
    expect("parsed back", record.parse(written), parsed)
    end = len(written) - vector.integer("rest")
    expect("parsed back without the rest", record.parse(written[:end]), parsed)
    try:
        record.parse(written[: end - 1])
    except MalformedError:
        return
    hold("one byte less is refused", condition=False)


def count_wraps(vector: Vector) -> None:
    count, rest = divmod(vector.integer("total_len") - record.BLOCK_HEADER_SIZE, record.ENTRY_HEADER_SIZE)
    expect("bytes behind the last entry", rest, 0)
    expect("count as the original wrote it", bytes([count % 256, 0]), vector.hex("first_2_bytes"))
    expect("refused with", _refusal([Entry(number, 1, b"") for number in range(count)]), TooManyEntriesError)
    vector.notes.append("the original let the count wrap; ours refuses")


def serialize_into_buffer(vector: Vector) -> None:
    size = vector.integer("serialized_size")
    expect("fits the original's buffer", size <= ORIGINAL_BUFFER, vector.flag("ok"))
    if vector.flag("ok"):
        value = bep44.bencode_string(bytes(size + seal.OVERHEAD))
        expect("size of the bencoded value", len(value), vector.integer("bencoded_v_size"))
    entries = _entries_of_size(size, vector.integer("num_entries"))
    if size <= record.MAX_PLAINTEXT:
        plaintext = record.serialise(entries)
        value = items.value_of(seal.seal_record(plaintext, ANY_KEY, ANY_NONCE))
        expect("size of our record", len(plaintext), size)
        expect("size of our bencoded value", len(value), vector.integer("bencoded_v_size"))
    else:
        expect("refused with", _refusal(entries), RecordFullError)
        vector.notes.append("over 1000 bytes bencoded, which the original tried to store; ours refuses")


def entries_parse(vector: Vector) -> None:
    data = vector.hex("bytes")
    if vector.flag("ok"):
        expect("entries", record.parse(data), entries_of(vector, "entries"))
        return
    try:
        parsed = record.parse(data)
    except MalformedError:
        whole = entries_of(vector, "entries_before_error")
        if whole:
            expect("entries before the error", record.parse(bytes([len(whole)]) + data[1:]), whole)
        return
    expect("refused", parsed, MalformedError)


def encrypt_buffer(vector: Vector) -> None:
    key, nonce, plaintext = vector.hex("key"), vector.hex("nonce"), vector.hex("plaintext")
    box = seal.seal(plaintext, key, nonce)
    expect("box", box, vector.hex("buffer"))
    expect("bencoded value", bep44.bencode_string(box), vector.hex("bencoded_v"))
    expect("opened", seal.unseal(vector.hex("buffer"), key), plaintext)
    expect("overhead", seal.OVERHEAD, vector.integer("overhead"))


def decrypt_buffer(vector: Vector) -> None:
    box, plaintext = vector.hex("buffer"), vector.hex("plaintext")
    # this section does not say its key; some other section of the file does
    candidates = (vector.hex("key"),) if vector.has("key") else vector.document.keys
    if not candidates:
        raise UncheckableError("no key in this file")
    opened = next(filter(None, (_opened(box, key) for key in candidates)), b"")
    expect("opened", opened, plaintext)


def _opened(box: bytes, key: bytes) -> bytes | None:
    try:
        return seal.unseal(box, key)
    except UnsealError:
        return None


def _as_the_original(entries: tuple[Entry, ...]) -> bytes:
    """What the original wrote without looking at limits: one byte of each length, and all of the content."""
    parts = [bytes([len(entries) % 256, 0])]
    for entry in entries:
        parts += (struct.pack(">qIHBB", entry.seq, entry.id, 0, len(entry.content) % 256, 0), entry.content)
    return b"".join(parts)


def _limit_of(entries: tuple[Entry, ...]) -> type[LimitError] | None:
    """The limit that the figures break, reckoned apart from the code that enforces it."""
    if len(entries) > 255:
        return TooManyEntriesError
    if any(len(entry.content) > 255 for entry in entries):
        return EntryTooLargeError
    return RecordFullError if 2 + sum(16 + len(entry.content) for entry in entries) > 956 else None


def _refusal(entries: tuple[Entry, ...] | list[Entry]) -> type[FormatError] | None:
    try:
        record.serialise(entries)
    except FormatError as error:
        return type(error)
    return None


def _entries_of_size(size: int, count: int) -> list[Entry]:
    """`count` entries whose record has `size` bytes."""
    left = size - record.BLOCK_HEADER_SIZE - count * record.ENTRY_HEADER_SIZE
    if not 0 <= left <= count * record.MAX_CONTENT:
        raise UncheckableError(f"{count} entries of ours can't fill {size} bytes")
    entries = []
    for number in range(count):
        length = min(left, record.MAX_CONTENT)
        left -= length
        entries.append(Entry(number, 1, bytes(length)))
    return entries
