"""Messages of scout1: a linked list of immutable items, the newest first, each naming the next older one.

A message is the byte string `next(20) | length(2) | offset(1) | [offset bytes] | body`; its address is the SHA-1 of
that string, bencoded. The format leaves bodies plain. Ours are sealed unless told otherwise, with a key of their own,
so that a message can't be passed off as a record or the other way round; a reader takes what does not open as plain.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from shared.format import bep44
from shared.format.errors import MalformedError, MessageTooLargeError, UnsealError
from shared.format.keys import require_size
from shared.format.scout1 import seal

HEAD_SIZE = bep44.TARGET_SIZE
EMPTY_HEAD = bytes(HEAD_SIZE)
"""The head of a list without messages, and what the oldest message names as its next."""

_HEADER = struct.Struct(f">{HEAD_SIZE}sHB")  # next, length of the body, bytes to skip behind this header
MAX_BODY = bep44.MAX_STRING - _HEADER.size
"""Bytes of a plain body: 973."""
MAX_SEALED_BODY = MAX_BODY - seal.OVERHEAD
"""Bytes of a body before it is sealed: 933."""

_KEY_PURPOSE = b"scout1.message"


class Framed(NamedTuple):
    """A message as it came out of its frame."""

    next: bytes
    """Address (20 bytes) of the next older message; EMPTY_HEAD at the end of the list."""
    body: bytes
    complete: bool
    """False when the frame ends before its body does: the body is then empty (as the original reads it), and the list
    can still be followed."""


def frame(next_head: bytes, body: bytes) -> bytes:
    """The message that carries `body` in front of the list at `next_head` (20 bytes).

    Raises MessageTooLargeError over 973 bytes of body, FieldError for a head of another size.
    """
    require_size(next_head, HEAD_SIZE, "an address")
    if len(body) > MAX_BODY:
        raise MessageTooLargeError(len(body), MAX_BODY)
    return _HEADER.pack(next_head, len(body), 0) + body


def unframe(blob: bytes) -> Framed:
    """What a message holds; bytes behind the body are ignored. Raises MalformedError when the header is cut off."""
    if len(blob) < _HEADER.size:
        raise MalformedError(f"expected a message of at least {_HEADER.size} bytes, got {len(blob)}")
    next_head, length, skip = _HEADER.unpack_from(blob)
    start = _HEADER.size + skip
    complete = start + length <= len(blob)
    return Framed(next_head, blob[start : start + length] if complete else b"", complete)


def address(blob: bytes) -> bytes:
    """Where a message lies in the DHT (20 bytes); it becomes the head of the list."""
    return bep44.immutable_target(bep44.bencode_string(blob))


def parse_head(content: bytes) -> bytes:
    """The head (20 bytes) that stands at the front of `content`. Raises MalformedError when it is shorter."""
    if len(content) < HEAD_SIZE:
        raise MalformedError(f"expected a list head of {HEAD_SIZE} bytes, got {len(content)}")
    return content[:HEAD_SIZE]


def message_key(shared_secret: bytes) -> bytes:
    """The key (32 bytes) that seals bodies, and nothing else, among the holders of `shared_secret` (32 bytes)."""
    require_size(shared_secret, seal.KEY_SIZE, "a shared secret")
    return hashlib.blake2b(b"", key=shared_secret, person=_KEY_PURPOSE, digest_size=seal.KEY_SIZE).digest()


def seal_body(body: bytes, key: bytes, nonce: bytes) -> bytes:
    """The box of a body under `message_key`; fresh `nonce` of 24 bytes. Raises MessageTooLargeError over 933 bytes."""
    if len(body) > MAX_SEALED_BODY:
        raise MessageTooLargeError(len(body), MAX_SEALED_BODY)
    return seal.seal(body, key, nonce)


def open_body(body: bytes, key: bytes) -> tuple[bytes, bool]:
    """What was written, and whether it was sealed; an original client's body comes back as it is."""
    try:
        return seal.unseal(body, key), True
    except UnsealError:
        return body, False
