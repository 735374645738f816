"""Root secrets of scout2: what the members of a pair or a group share, and everything else is derived from."""

from __future__ import annotations

from nacl import bindings

from shared.format import keys
from shared.format.errors import FieldError
from shared.format.keys import require_size
from shared.format.members import member_of_pair
from shared.format.scout2.hashing import ROOT_SIZE, blake2b

GROUP_SECRET_SIZE = 32
_SALT_SIZE = 16


def of_pair(secret_key: bytes, peer_public_key: bytes) -> tuple[bytes, int]:
    """The root secret (32 bytes) of my X25519 secret key and a peer's public key, and my member number: 0 or 1.

    Both ends get the same root. Raises LowOrderKeyError, and FieldError for keys of another size or my own key.
    """
    product = keys.exchange(secret_key, peer_public_key)
    mine = keys.public_key(secret_key)
    member = member_of_pair(mine, peer_public_key)
    lower, higher = sorted((mine, peer_public_key))
    return blake2b(product + lower + higher, b"scout2.pair", ROOT_SIZE), member


def of_group(group_secret: bytes) -> bytes:
    """The root secret (32 bytes) of a group secret (32 bytes). Raises FieldError."""
    require_size(group_secret, GROUP_SECRET_SIZE, "a group secret")
    return blake2b(group_secret, b"scout2.group", ROOT_SIZE)


def group_secret_of(passphrase: bytes, group: bytes) -> bytes:
    """The group secret (32 bytes) of a passphrase and the group's name, both UTF-8: Argon2id (RFC 9106).

    libsodium's MODERATE limits: 256 MiB of memory and about a second of one core, on purpose. Raises FieldError for an
    empty passphrase.
    """
    if not passphrase:
        raise FieldError("expected a passphrase, got an empty one")
    return bindings.crypto_pwhash_alg(
        GROUP_SECRET_SIZE,
        passphrase,
        blake2b(group, b"scout2.salt", _SALT_SIZE),
        bindings.crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
        bindings.crypto_pwhash_argon2id_MEMLIMIT_MODERATE,
        bindings.crypto_pwhash_ALG_ARGON2ID13,
    )
