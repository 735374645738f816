"""The one hash of scout2: BLAKE2b with a key, a size and a personalisation, which keeps every purpose apart."""

from __future__ import annotations

import hashlib

from shared.format.keys import require_size

ROOT_SIZE = 32
KEY_SIZE = 32


def blake2b(data: bytes, person: bytes, size: int, key: bytes = b"") -> bytes:
    """BLAKE2b of `data` with `size` bytes (RFC 7693); `person` (at most 16 bytes) is padded with zeros."""
    return hashlib.blake2b(data, digest_size=size, key=key, person=person).digest()


def subkey(root: bytes, label: bytes, epoch: int) -> bytes:
    """The key (32 bytes) that `label` names, of one epoch, under a root secret (32 bytes). Raises FieldError."""
    require_size(root, ROOT_SIZE, "a root secret")
    return blake2b(epoch.to_bytes(8, "big"), label, KEY_SIZE, root)
