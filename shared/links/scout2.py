"""A scout2 link at work: what can be done with its keys, nonces as arguments.

Methods raise FormatError for a request that can't be met. In a batch each item brings its own error and fails no other.
"""

from __future__ import annotations

from collections import OrderedDict

from shared.contracts import crypto
from shared.format import bep44, items, keys
from shared.format.errors import FieldError, FormatError
from shared.format.members import require_member
from shared.format.scout2 import epochs, link, messages, record, seal
from shared.format.scout2.link import EpochKeys
from shared.format.scout2.messages import Message
from shared.links.ports import Nonces

EPOCHS_KEPT = 4
"""Epochs whose keys stay derived: the three around now, and one more at a turn. 250 bytes each."""

FIRST_SEQ = 1
"""uTorrent nodes take a put with seq 0 for an immutable one."""


class Scout2Link:
    """The keys of one root secret, as one member holds them."""

    format: crypto.FormatName = "scout2"

    def __init__(self, root: bytes, member: int) -> None:
        """Derive what does not change from epoch to epoch, from a root secret (32 bytes). Raises FieldError."""
        require_member(member)
        self.member = member
        self._root = root
        self._phase = epochs.phase(root)
        self._mail_key = link.mail_key(root)
        self._epochs: OrderedDict[int, EpochKeys] = OrderedDict()

    def locate(self, now_ms: int) -> crypto.LocateReply:
        """Its addresses in the epochs before, at and after a moment. Raises FieldError."""
        current = epochs.epoch_at(self._phase, now_ms / 1000)
        near = [self._at(epoch) for epoch in range(max(current - 1, 0), current + 2)]
        sites = [crypto.Site(epoch=at.epoch, public_key=at.public_key, target=at.target) for at in near]
        return crypto.LocateReply(format=self.format, member=self.member, phase=self._phase, sites=sites)

    def open_version(self, version: crypto.SealedVersion) -> crypto.Opened:
        """The plaintext of one version of the record, or the reason why there is none."""
        try:
            box = items.content_of(version.value)
            return crypto.Opened(plaintext=record.open_plaintext(box, self._at(version.epoch), version.seq))
        except FormatError as error:
            return crypto.Opened(error=str(error))

    def seal_record(self, plaintext: bytes, at: crypto.SealAt, nonces: Nonces) -> crypto.SealedRecord:
        """The record sealed, bencoded, and signed for one epoch.

        Raises RecordFullError, and FieldError for an epoch there is not, or a seq that must not be sent.
        """
        if at.seq < FIRST_SEQ:
            raise FieldError(f"expected a seq from {FIRST_SEQ}, got {at.seq}")
        derived = self._at(at.epoch)
        seq = at.seq + epochs.veil(self._root, at.epoch) if at.ahead else at.seq
        value = items.value_of(record.seal_plaintext(plaintext, derived, seq, nonces(seal.NONCE_SIZE)))
        signature = keys.sign(derived.signing_key, bep44.signable_bytes(value, seq))
        return crypto.SealedRecord(public_key=derived.public_key, seq=seq, value=value, signature=signature)

    def seal_message(self, request: crypto.SealMessage, nonces: Nonces) -> bytes:
        """The bencoded value of a message. Raises MessageTooLargeError, FieldError; also if it shall not be sealed."""
        if not request.seal:
            raise FieldError("expected a message to be sealed: scout2 has no others")
        message = Message(request.next or None, self.member, request.number, request.sent_at_ms, request.body)
        return items.value_of(messages.seal_message(message, self._mail_key, nonces(seal.NONCE_SIZE)))

    def open_message(self, value: bytes) -> crypto.OpenedMessage:
        """One message, or the reason why it could not be read."""
        try:
            opened = messages.open_message(items.content_of(value), self._mail_key)
        except FormatError as error:
            return crypto.OpenedMessage(error=str(error))
        return crypto.OpenedMessage(
            next=opened.next or b"",
            body=opened.body,
            sealed=True,
            member=opened.member,
            number=opened.number,
            sent_at_ms=opened.sent_at,
        )

    def _at(self, epoch: int) -> EpochKeys:
        derived = self._epochs.get(epoch)
        if derived is None:
            derived = self._epochs[epoch] = link.epoch_keys(self._root, epoch)
            if len(self._epochs) > EPOCHS_KEPT:
                self._epochs.popitem(last=False)
        return derived
