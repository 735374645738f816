"""The cryptographic operations on a link's keys: pure functions from request to reply, nonces as arguments.

They raise FormatError for a request that can't be met. In a batch each item brings its own error and fails no other.
"""

from __future__ import annotations

from shared.contracts import crypto
from shared.format import bep44, items, keys
from shared.format.errors import FieldError, FormatError
from shared.format.scout1 import messages, seal, seqs
from shared.format.scout1.link import LinkKeys


def open_version(link: LinkKeys, version: crypto.SealedVersion) -> crypto.Opened:
    """The plaintext of one version of the record, or the reason why there is none."""
    try:
        return crypto.Opened(plaintext=seal.unseal(items.content_of(version.value), link.record_key))
    except FormatError as error:
        return crypto.Opened(error=str(error))


def seal_record(link: LinkKeys, request: crypto.SealRecord, nonce: bytes) -> crypto.SealRecordReply:
    """The record sealed under `nonce` (24 bytes), bencoded, and signed.

    Raises RecordFullError, ItemTooLargeError, and FieldError for a seq that must not be sent.
    """
    if not seqs.FIRST_SEQ <= request.seq <= bep44.MAX_SEQ:
        raise FieldError(f"expected a seq from {seqs.FIRST_SEQ} to {bep44.MAX_SEQ}, got {request.seq}")
    value = items.value_of(seal.seal_record(request.plaintext, link.record_key, nonce))
    signature = keys.sign(link.signing_key, bep44.signable_bytes(value, request.seq))
    return crypto.SealRecordReply(public_key=link.public_key, value=value, signature=signature)


def seal_message(link: LinkKeys, request: crypto.SealMessage, nonce: bytes) -> crypto.SealMessageReply:
    """The message in front of the list at `request.next`, its body sealed under `nonce` unless told otherwise.

    Raises MessageTooLargeError, FieldError.
    """
    body = messages.seal_body(request.body, link.message_key, nonce) if request.seal else request.body
    value = items.value_of(messages.frame(request.next, body))
    return crypto.SealMessageReply(value=value, target=bep44.immutable_target(value))


def open_message(link: LinkKeys, value: bytes) -> crypto.OpenedMessage:
    """One message, or the reason why it could not be read; its `next` even then, where the frame still shows it."""
    try:
        framed = messages.unframe(items.content_of(value))
    except FormatError as error:
        return crypto.OpenedMessage(error=str(error))
    if not framed.complete:
        return crypto.OpenedMessage(next=framed.next, error="expected a whole body, got a message that ends within it")
    body, sealed = messages.open_body(framed.body, link.message_key)
    return crypto.OpenedMessage(next=framed.next, body=body, sealed=sealed)
