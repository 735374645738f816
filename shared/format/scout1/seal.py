"""Sealing a scout1 record: `nonce(24) | secretbox`, XSalsa20-Poly1305 with the tag in front (libsodium's secretbox).

The shared secret itself is the key of a record. The nonce is an argument: who seals brings the dice.
"""

from __future__ import annotations

from nacl import bindings
from nacl.exceptions import CryptoError

from shared.format.errors import RecordFullError, UnsealError
from shared.format.keys import require_size
from shared.format.scout1.record import MAX_PLAINTEXT

KEY_SIZE = 32
NONCE_SIZE = 24
OVERHEAD = 40
"""Bytes that a box is longer than its plaintext: the nonce and the 16 of the tag."""


def seal_record(plaintext: bytes, key: bytes, nonce: bytes) -> bytes:
    """The box (plaintext + 40 bytes) of a record. Raises RecordFullError over 956 bytes, FieldError.

    `nonce` (24 random bytes) must be fresh for every call: two plaintexts under one nonce open each other.
    """
    if len(plaintext) > MAX_PLAINTEXT:
        raise RecordFullError(len(plaintext), MAX_PLAINTEXT)
    return seal(plaintext, key, nonce)


def seal(plaintext: bytes, key: bytes, nonce: bytes) -> bytes:
    """The box of any plaintext under `key` (32 bytes) and `nonce` (24 bytes). Raises FieldError."""
    require_size(key, KEY_SIZE, "a key")
    require_size(nonce, NONCE_SIZE, "a nonce")
    return nonce + bindings.crypto_secretbox(plaintext, nonce, key)


def unseal(box: bytes, key: bytes) -> bytes:
    """The plaintext of a box. Raises UnsealError when it does not open with `key` (32 bytes), FieldError."""
    require_size(key, KEY_SIZE, "a key")
    if len(box) < OVERHEAD:
        raise UnsealError(f"expected a box of at least {OVERHEAD} bytes, got {len(box)}")
    try:
        return bindings.crypto_secretbox_open(box[NONCE_SIZE:], box[:NONCE_SIZE], key)
    except CryptoError:
        raise UnsealError("expected a box sealed with this key and unaltered") from None
