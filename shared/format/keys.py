"""Keys of both formats: X25519 to agree on a secret, Ed25519 to sign (RFC 7748, RFC 8032; libsodium through PyNaCl).

`nacl.bindings` instead of PyNaCl's classes, which build objects around every key. The bindings hand pointers to C, some
without looking at lengths, so every size is checked here.
"""

from __future__ import annotations

from nacl import bindings
from nacl.exceptions import BadSignatureError
from nacl.exceptions import RuntimeError as SodiumError

from shared.format.errors import FieldError, LowOrderKeyError

SECRET_KEY_SIZE = 32
PUBLIC_KEY_SIZE = 32
SEED_SIZE = 32
SIGNATURE_SIZE = 64
SIGNING_KEY_SIZE = 64
"""libsodium's secret half of an Ed25519 pair: the seed with the public key behind it."""


def require_size(value: bytes, size: int, what: str) -> None:
    """Raise FieldError, naming `what`, unless `value` has exactly `size` bytes."""
    if len(value) != size:
        raise FieldError(f"expected {what} of {size} bytes, got {len(value)}")


def public_key(secret_key: bytes) -> bytes:
    """The X25519 public key (32 bytes) of a secret key (32 bytes). Raises FieldError."""
    require_size(secret_key, SECRET_KEY_SIZE, "a secret key")
    return bindings.crypto_scalarmult_base(secret_key)


def exchange(secret_key: bytes, peer_public_key: bytes) -> bytes:
    """The X25519 product (32 bytes) of my secret key and a peer's public key: the same on both sides.

    Raises LowOrderKeyError when the product is zero (RFC 7748, section 6.1), FieldError for a key of another size.
    """
    require_size(secret_key, SECRET_KEY_SIZE, "a secret key")
    require_size(peer_public_key, PUBLIC_KEY_SIZE, "a public key")
    try:
        return bindings.crypto_scalarmult(secret_key, peer_public_key)
    except SodiumError:
        raise LowOrderKeyError("expected a public key of full order, got one whose product is always zero") from None


def signing_pair(seed: bytes) -> tuple[bytes, bytes]:
    """The Ed25519 public key (32 bytes) and signing key (64 bytes) of a seed (32 bytes). Raises FieldError."""
    require_size(seed, SEED_SIZE, "a seed")
    public, signing = bindings.crypto_sign_seed_keypair(seed)
    return public, signing


def sign(signing_key: bytes, message: bytes) -> bytes:
    """The Ed25519 signature (64 bytes) of `message`, by a signing key from `signing_pair`. Raises FieldError."""
    require_size(signing_key, SIGNING_KEY_SIZE, "a signing key")
    return bindings.crypto_sign(message, signing_key)[:SIGNATURE_SIZE]


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `message` by the Ed25519 key `public`; False for anything of another size."""
    if len(public) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True
