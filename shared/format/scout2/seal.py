"""Boxes of scout2: `0x02 | nonce(24) | commitment(16) | XChaCha20-Poly1305-IETF` over a padded plaintext.

The commitment ties a box to one key: the cipher alone lets a box be made that opens under two of them. Padding leaves
three sizes of boxes in all, so a storing node learns nothing finer of what is inside. (libsodium through PyNaCl.)
"""

from __future__ import annotations

import hmac

from nacl import bindings
from nacl.exceptions import CryptoError

from shared.format.errors import MalformedError, RecordFullError, UnsealError
from shared.format.keys import require_size
from shared.format.scout2.hashing import KEY_SIZE, blake2b

NONCE_SIZE = 24
PADDED_SIZES = (195, 451, 939)
MAX_PLAINTEXT = PADDED_SIZES[-1] - 1
"""One byte of padding there always is."""
OVERHEAD = 57
"""Bytes that a box is longer than its padded plaintext: version, nonce, commitment, and the 16 of the tag."""
BOX_SIZES = tuple(size + OVERHEAD for size in PADDED_SIZES)
"""252, 508, 996: bencoded they are 256, 512 and the 1000 bytes of BEP 44."""

_VERSION = b"\x02"
_COMMITMENT_SIZE = 16
_NONCE = slice(1, 1 + NONCE_SIZE)
_COMMITMENT = slice(_NONCE.stop, _NONCE.stop + _COMMITMENT_SIZE)
_PAD = b"\x80"


def seal(plaintext: bytes, key: bytes, associated: bytes, nonce: bytes) -> bytes:
    """The box (252, 508 or 996 bytes) of a plaintext of at most 938 bytes. Raises RecordFullError, FieldError.

    `key` has 32 bytes; `nonce` is 24 random bytes, fresh for every call.
    """
    require_size(key, KEY_SIZE, "a key")
    require_size(nonce, NONCE_SIZE, "a nonce")
    encryption_key, commitment = _expanded(key, nonce)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(pad(plaintext), associated, nonce, encryption_key)
    return _VERSION + nonce + commitment + sealed


def unseal(box: bytes, key: bytes, associated: bytes) -> bytes:
    """The plaintext of a box. Raises MalformedError for what is no box of scout2, UnsealError, FieldError."""
    require_size(key, KEY_SIZE, "a key")
    if len(box) not in BOX_SIZES:
        raise MalformedError(f"expected a box of {', '.join(map(str, BOX_SIZES))} bytes, got {len(box)}")
    if not box.startswith(_VERSION):
        raise MalformedError(f"expected version {_VERSION[0]} of boxes, got {box[0]}")
    nonce = box[_NONCE]
    encryption_key, commitment = _expanded(key, nonce)
    if not hmac.compare_digest(commitment, box[_COMMITMENT]):
        raise UnsealError("expected a box sealed with this key: it commits to another one")
    try:
        padded = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            box[_COMMITMENT.stop :], associated, nonce, encryption_key
        )
    except CryptoError:
        raise UnsealError("expected a box for this place and unaltered") from None
    return unpad(padded)


def pad(plaintext: bytes) -> bytes:
    """The plaintext with 0x80 and zeros behind it, up to the first of 195, 451, 939 bytes that is longer.

    Raises RecordFullError over 938 bytes.
    """
    for size in PADDED_SIZES:
        if len(plaintext) < size:
            return (plaintext + _PAD).ljust(size, b"\0")
    raise RecordFullError(len(plaintext), MAX_PLAINTEXT)


def unpad(padded: bytes) -> bytes:
    """The plaintext that `pad` was given. Raises MalformedError for any other padding: each plaintext has one box."""
    plaintext, mark, zeros = padded.rpartition(_PAD)
    if not mark or zeros.strip(b"\0") or len(pad(plaintext)) != len(padded):
        raise MalformedError("expected padding of 0x80 and zeros, up to the next size of boxes")
    return plaintext


def _expanded(key: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """The key to encrypt with (32 bytes), and the commitment to it (16 bytes)."""
    derived = blake2b(nonce, b"scout2.box", 64, key)
    return derived[:KEY_SIZE], derived[KEY_SIZE : KEY_SIZE + _COMMITMENT_SIZE]
