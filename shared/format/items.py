"""How boxes and messages of both formats lie in BEP 44 items: as one byte string, bencoded."""

from __future__ import annotations

from shared.format import bencode, bep44
from shared.format.errors import ItemTooLargeError, MalformedError


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
