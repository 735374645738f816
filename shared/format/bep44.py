"""BEP 44 items: their limits, their targets, and the bytes that are signed."""

from __future__ import annotations

import hashlib

MAX_VALUE = 1000
"""Bytes of a value, bencoded (BEP 44, "both kinds")."""
MAX_STRING = 996
"""Bytes of a byte string whose bencoding (`996:` in front) is at most MAX_VALUE."""
MAX_SALT = 64
"""Bytes of a salt (BEP 44, "mutable items")."""
MAX_SEQ = 2**63 - 1
"""seq is a signed 64-bit integer (BEP 44)."""
TARGET_SIZE = 20
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64


def immutable_target(value: bytes) -> bytes:
    """SHA-1 (20 bytes) of a bencoded value: the target of an immutable item."""
    return hashlib.sha1(value, usedforsecurity=False).digest()


def mutable_target(public_key: bytes, salt: bytes = b"") -> bytes:
    """SHA-1 (20 bytes) of a public key (32 bytes) and a salt (at most 64): the target of a mutable item."""
    return hashlib.sha1(public_key + salt, usedforsecurity=False).digest()


def signable_bytes(value: bytes, seq: int, salt: bytes = b"") -> bytes:
    """The bytes that a mutable item's signature covers: bencoded salt (left out when empty), seq and value."""
    prefix = b"4:salt%d:%s" % (len(salt), salt) if salt else b""
    return b"%s3:seqi%de1:v%s" % (prefix, seq, value)


def bencode_string(content: bytes) -> bytes:
    """A byte string, bencoded: at most MAX_VALUE bytes for a content of at most MAX_STRING."""
    return b"%d:%s" % (len(content), content)
