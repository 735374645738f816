"""A scout1 link at work: what can be done with its keys, nonces as arguments.

Methods raise FormatError for a request that can't be met. In a batch each item brings its own error and fails no other.
"""

from __future__ import annotations

from shared.contracts import crypto
from shared.format import bep44, items, keys
from shared.format.errors import FieldError, FormatError
from shared.format.scout1 import messages, seal, seqs
from shared.format.scout1.link import LinkKeys, derive
from shared.links.ports import Nonces


class Scout1Link:
    """The keys of one shared secret, as one member holds them."""

    format: crypto.FormatName = "scout1"

    def __init__(self, shared_secret: bytes, member: int) -> None:
        """Derive the keys of a shared secret (32 bytes). Raises FieldError."""
        self._keys: LinkKeys = derive(shared_secret, member)
        self.member = member

    def locate(self, _now_ms: int) -> crypto.LocateReply:
        """Its one address."""
        site = crypto.Site(public_key=self._keys.public_key, target=self._keys.target)
        return crypto.LocateReply(format=self.format, member=self.member, sites=[site])

    def open_version(self, version: crypto.SealedVersion) -> crypto.Opened:
        """The plaintext of one version of the record, or the reason why there is none."""
        try:
            return crypto.Opened(plaintext=seal.unseal(items.content_of(version.value), self._keys.record_key))
        except FormatError as error:
            return crypto.Opened(error=str(error))

    def seal_record(self, plaintext: bytes, at: crypto.SealAt, nonces: Nonces) -> crypto.SealedRecord:
        """The record sealed, bencoded, and signed.

        Raises RecordFullError, ItemTooLargeError, and FieldError for a seq that must not be sent.
        """
        if not seqs.FIRST_SEQ <= at.seq <= bep44.MAX_SEQ:
            raise FieldError(f"expected a seq from {seqs.FIRST_SEQ} to {bep44.MAX_SEQ}, got {at.seq}")
        value = items.value_of(seal.seal_record(plaintext, self._keys.record_key, nonces(seal.NONCE_SIZE)))
        signature = keys.sign(self._keys.signing_key, bep44.signable_bytes(value, at.seq))
        return crypto.SealedRecord(public_key=self._keys.public_key, seq=at.seq, value=value, signature=signature)

    def seal_message(self, request: crypto.SealMessage, nonces: Nonces) -> bytes:
        """The bencoded value of a message, its body sealed unless told otherwise. Raises MessageTooLargeError, …"""
        body = request.body
        if request.seal:
            body = messages.seal_body(body, self._keys.message_key, nonces(seal.NONCE_SIZE))
        return items.value_of(messages.frame(request.next or messages.EMPTY_HEAD, body))

    def open_message(self, value: bytes) -> crypto.OpenedMessage:
        """One message, or the reason why it could not be read; its `next` even then, where the frame still shows it."""
        try:
            framed = messages.unframe(items.content_of(value))
        except FormatError as error:
            return crypto.OpenedMessage(error=str(error))
        following = b"" if framed.next == messages.EMPTY_HEAD else framed.next
        if not framed.complete:
            reason = "expected a whole body, got a message that ends within it"
            return crypto.OpenedMessage(next=following, error=reason)
        body, sealed = messages.open_body(framed.body, self._keys.message_key)
        return crypto.OpenedMessage(next=following, body=body, sealed=sealed)
