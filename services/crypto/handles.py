"""Handles: secrets wrapped with the cluster's master key, for their owners to keep. Nothing is stored here.

A handle is base64url (no padding) of `layout(1) | master key id(4) | nonce(24) | box`, the box XChaCha20-Poly1305-IETF.
What precedes the nonce, the kind of handle and the tenant are associated data: a key can't be passed for a link, nor
one tenant's handle for another's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from nacl import bindings
from nacl.exceptions import CryptoError

from shared.contracts.crypto import MAX_HANDLE
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import from_base64url, to_base64url
from shared.settings import Secret

Entropy = Callable[[int], bytes]
"""So many random bytes; `os.urandom` outside of tests."""

MASTER_KEY_SIZE = bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
MAX_KEY_ID = 2**32 - 1

_LAYOUT = 1
_HEADER = struct.Struct(">BI")  # layout, master key id
_NONCE_SIZE = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG_SIZE = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES


class Kind(Enum):
    """What a handle holds."""

    KEY = "key"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps handles. Its id stands in each of them, so that several can be in use while keys rotate."""

    id: int
    """0 … 2^32 - 1, chosen by the operator; never given to another key."""
    secret: Secret
    """32 bytes."""


class Handles:
    """Wraps with the newest master key, unwraps with any."""

    def __init__(self, master_keys: Sequence[MasterKey], entropy: Entropy) -> None:
        """Take at least one master key, the newest first, and the source of nonces."""
        self._newest = master_keys[0]
        self._secrets = {key.id: key.secret for key in master_keys}
        self._entropy = entropy

    def wrap(self, kind: Kind, tenant: str, secret: bytes) -> str:
        """A handle of `secret` that only this kind and this tenant can use."""
        header = _HEADER.pack(_LAYOUT, self._newest.id)
        nonce = self._entropy(_NONCE_SIZE)
        box = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            secret, _associated(header, kind, tenant), nonce, self._newest.secret.reveal()
        )
        return to_base64url(header + nonce + box)

    def unwrap(self, kind: Kind, tenant: str, handle: str) -> bytes:
        """The secret in a handle.

        Raises ScoutError `bad_handle`, in one and the same sentence whatever is wrong with it: an answer that told an
        unknown master key from another tenant's handle would be of use only to somebody who guesses.
        """
        raw = _from_text(handle)
        if raw is None or len(raw) < _HEADER.size + _NONCE_SIZE + _TAG_SIZE:
            raise _bad_handle(kind)
        header, rest = raw[: _HEADER.size], raw[_HEADER.size :]
        layout, key_id = _HEADER.unpack(header)
        master = self._secrets.get(key_id)
        if layout != _LAYOUT or master is None:
            raise _bad_handle(kind)
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                rest[_NONCE_SIZE:], _associated(header, kind, tenant), rest[:_NONCE_SIZE], master.reveal()
            )
        except CryptoError:
            raise _bad_handle(kind) from None

    def rewrap(self, tenant: str, handle: str) -> tuple[Kind, str]:
        """The kind of a handle, and a new one of the same secret under the newest master key. Raises ScoutError."""
        for kind in Kind:
            try:
                return kind, self.wrap(kind, tenant, self.unwrap(kind, tenant, handle))
            except ScoutError:
                continue
        raise ScoutError(
            ErrorCode.BAD_HANDLE, "expected a handle of this tenant, unaltered, of a master key still in use"
        )


def _associated(header: bytes, kind: Kind, tenant: str) -> bytes:
    # a kind never holds a zero byte, so kind and tenant can't run into each other
    return b"%s%s\0%s" % (header, kind.value.encode(), tenant.encode())


def _from_text(handle: str) -> bytes | None:
    """The bytes of canonical base64url, None for anything else: one secret must not have several spellings."""
    try:
        return from_base64url(handle) if len(handle) <= MAX_HANDLE else None
    except ValueError:
        return None


def _bad_handle(kind: Kind) -> ScoutError:
    return ScoutError(
        ErrorCode.BAD_HANDLE, f"expected a {kind.value} handle of this tenant, unaltered, of a master key still in use"
    )
