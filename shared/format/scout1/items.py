"""How records and messages of scout1 lie in BEP 44 items: as one byte string, bencoded; and which seq comes next."""

from __future__ import annotations

from collections.abc import Iterable

from shared.format import bencode, bep44
from shared.format.errors import ItemTooLargeError, MalformedError, SeqExhaustedError

FIRST_SEQ = 1
"""uTorrent nodes take a put with seq 0 for an immutable one, so it is read but never sent."""


def value_of(content: bytes) -> bytes:
    """The bencoded value (at most 1000 bytes) that holds a box or a message. Raises ItemTooLargeError."""
    value = bep44.bencode_string(content)
    if len(value) > bep44.MAX_VALUE:
        raise ItemTooLargeError(len(value), bep44.MAX_VALUE)
    return value


def content_of(value: bytes) -> bytes:
    """The byte string in a bencoded value. Raises MalformedError when it is anything else, or over 1000 bytes."""
    if len(value) > bep44.MAX_VALUE:
        raise MalformedError(f"expected a value of at most {bep44.MAX_VALUE} bytes, got {len(value)}")
    try:
        content = bencode.decode(value)
    except bencode.BencodeError:
        raise MalformedError("expected a bencoded value") from None
    if not isinstance(content, bytes):
        raise MalformedError("expected a byte string, got another bencoded value")
    return content


def next_seq(seen: Iterable[int]) -> int:
    """The seq to write after the versions `seen`: one above the highest, and at least 1. Raises SeqExhaustedError.

    The original never advanced it, so its second write was discarded everywhere.
    """
    highest = max(seen, default=FIRST_SEQ - 1)
    if highest >= bep44.MAX_SEQ:
        raise SeqExhaustedError(f"expected a seq below {bep44.MAX_SEQ} for the record, got {highest}")
    return max(highest + 1, FIRST_SEQ)
