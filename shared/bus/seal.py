"""Bodies that the broker, its disk and its replicas can't read (docs/bus.md, promise 8).

XChaCha20-Poly1305 with additional data (libsodium): a body only opens as part of the very envelope it was sealed for.
Whoever can write to Redis can drop or repeat a request, but not read one, swap two replies, or move a request to
another tenant, operation or deadline.
"""

from __future__ import annotations

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from shared.contracts.envelope import Envelope
from shared.settings import Secret

KEY_BYTES = Aead.KEY_SIZE


class SealError(ValueError):
    """A body does not open: another bus key, or it was altered, or it belongs to another envelope."""


class Sealer:
    """Seals and opens the bodies of one service's requests and replies with the bus key they share."""

    def __init__(self, key: Secret) -> None:
        """Take the bus key (32 bytes); raises ValueError at any other size."""
        if len(key.reveal()) != KEY_BYTES:
            raise ValueError(f"{KEY_BYTES} bytes as a bus key, got {len(key.reveal())}")
        self._box = Aead(key.reveal())

    def seal_request(self, envelope: Envelope, body: bytes) -> bytes:
        """`body` sealed for `envelope` (whose own body does not count): 40 bytes longer."""
        return bytes(self._box.encrypt(body, _request_binding(envelope)))

    def open_request(self, envelope: Envelope) -> bytes:
        """The body of `envelope`; raises SealError."""
        return self._open(envelope.body, _request_binding(envelope))

    def seal_reply(self, request_id: bytes, body: bytes, *, ok: bool) -> bytes:
        """`body` sealed as the only possible answer, good or bad, to the request of this id."""
        return bytes(self._box.encrypt(body, _reply_binding(request_id, ok=ok)))

    def open_reply(self, request_id: bytes, sealed: bytes, *, ok: bool) -> bytes:
        """The body of a reply; raises SealError."""
        return self._open(sealed, _reply_binding(request_id, ok=ok))

    def _open(self, sealed: bytes, binding: bytes) -> bytes:
        if len(sealed) < Aead.NONCE_SIZE + Aead.MACBYTES:
            raise SealError("the body is too short to be sealed")
        try:
            return self._box.decrypt(sealed, binding)
        except CryptoError:
            raise SealError("the body does not open with this bus key in this envelope") from None


def _request_binding(envelope: Envelope) -> bytes:
    # A NUL can't occur in an operation or a reply stream of ours; the tenant, which callers choose, stands last.
    names = f"request\0{envelope.deadline_ms}\0{envelope.operation}\0{envelope.reply_to}\0{envelope.tenant}"
    return envelope.id + names.encode()


def _reply_binding(request_id: bytes, *, ok: bool) -> bytes:
    return request_id + (b"reply" if ok else b"error")
