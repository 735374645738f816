"""What the links of both formats can do: the one shape that whoever holds their keys works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.contracts import crypto

Nonces = Callable[[int], bytes]
"""So many random bytes, never the same twice."""


class Link(Protocol):
    """The keys of one record and its messages, as one member holds them."""

    @property
    def format(self) -> crypto.FormatName:
        """Which of the two."""

    @property
    def member(self) -> int:
        """Whose mailbox is mine: 0 … 2^31 - 1."""

    def locate(self, now_ms: int) -> crypto.LocateReply:
        """Where the record lies around a moment. Raises FieldError."""

    def open_version(self, version: crypto.SealedVersion) -> crypto.Opened:
        """The plaintext of one version of the record, or the reason why there is none."""

    def seal_record(self, plaintext: bytes, at: crypto.SealAt, nonces: Nonces) -> crypto.SealedRecord:
        """The record sealed, bencoded, and signed for one place. Raises FormatError."""

    def seal_message(self, request: crypto.SealMessage, nonces: Nonces) -> bytes:
        """The bencoded value of a message. Raises FormatError."""

    def open_message(self, value: bytes) -> crypto.OpenedMessage:
        """One message, or the reason why it could not be read."""
