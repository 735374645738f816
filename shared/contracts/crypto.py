"""What the crypto service can be asked to do.

Requests and replies carry secrets and plaintexts: on the bus their bodies are sealed (docs/bus.md, promise 8).
A handle is text: a secret wrapped with the cluster's master key and bound to the tenant; only this service opens it.
"""

from __future__ import annotations

from typing import Literal

from shared.contracts.operation import Message, Operation

FormatName = Literal["scout1"]

MAX_HANDLE = 512
"""Characters of a handle; ours have fewer than 150, so nobody makes us decode megabytes."""


class CreateKey(Message, frozen=True, kw_only=True):
    """Make an X25519 secret, or import one of 32 bytes."""

    secret: bytes | None = None


class CreateKeyReply(Message, frozen=True, kw_only=True):
    """The handle of the secret and the public key (32 bytes) that belongs to it."""

    key: str
    public_key: bytes


class CreateLink(Message, frozen=True, kw_only=True):
    """Make a link: from my key handle and a peer's public key (32 bytes), or from a shared secret (32 bytes) as it is.

    Exactly one of (`key` and `peer`) and `secret` is given; `member` only with `secret`.
    """

    key: str | None = None
    peer: bytes | None = None
    secret: bytes | None = None
    member: int | None = None
    format: FormatName = "scout1"


class CreateLinkReply(Message, frozen=True, kw_only=True):
    """The handle of the link, the caller's member number, and where its record lives."""

    link: str
    format: FormatName
    member: int
    public_key: bytes
    target: bytes


class Locate(Message, frozen=True, kw_only=True):
    """Where is the record of a link?"""

    link: str


class LocateReply(Message, frozen=True, kw_only=True):
    """The record's Ed25519 public key (32 bytes) and its target (20 bytes)."""

    format: FormatName
    member: int
    public_key: bytes
    target: bytes


class SealedVersion(Message, frozen=True, kw_only=True):
    """One version of a record as the DHT holds it: the bencoded value and its seq."""

    value: bytes
    seq: int


class OpenRecord(Message, frozen=True, kw_only=True):
    """Open many versions of one record; a version that fails does not fail its neighbours."""

    link: str
    versions: list[SealedVersion]


class Opened(Message, frozen=True, kw_only=True):
    """A plaintext, or the reason in words why there is none; exactly one of the two."""

    plaintext: bytes | None = None
    error: str | None = None


class OpenRecordReply(Message, frozen=True, kw_only=True):
    """One answer for each version, in the order asked."""

    versions: list[Opened]


class SealRecord(Message, frozen=True, kw_only=True):
    """Seal and sign the next version of a record."""

    link: str
    plaintext: bytes
    seq: int


class SealRecordReply(Message, frozen=True, kw_only=True):
    """The bencoded value (at most 1000 bytes) and its BEP 44 signature (64 bytes)."""

    public_key: bytes
    value: bytes
    signature: bytes


class SealMessage(Message, frozen=True, kw_only=True):
    """Frame a message behind the next older one, its body sealed unless told otherwise."""

    link: str
    next: bytes
    """Target (20 bytes) of the next older message; 20 zeros at the end of the list."""
    body: bytes
    seal: bool = True


class SealMessageReply(Message, frozen=True, kw_only=True):
    """The bencoded value to store as an immutable item, and the target it will have."""

    value: bytes
    target: bytes


class OpenMessages(Message, frozen=True, kw_only=True):
    """Unframe and open messages, given as bencoded values."""

    link: str
    values: list[bytes]


class OpenedMessage(Message, frozen=True, kw_only=True):
    """A message, or the reason in words why it could not be read."""

    next: bytes = b""
    body: bytes = b""
    sealed: bool = False
    """Whether the body was sealed; an original client's is not."""
    error: str | None = None


class OpenMessagesReply(Message, frozen=True, kw_only=True):
    """One answer for each value, in the order asked."""

    messages: list[OpenedMessage]


CREATE_KEY = Operation("crypto.create_key@1", CreateKey, CreateKeyReply)
CREATE_LINK = Operation("crypto.create_link@1", CreateLink, CreateLinkReply)
LOCATE = Operation("crypto.locate@1", Locate, LocateReply)
OPEN_RECORD = Operation("crypto.open_record@1", OpenRecord, OpenRecordReply)
SEAL_RECORD = Operation("crypto.seal_record@1", SealRecord, SealRecordReply)
SEAL_MESSAGE = Operation("crypto.seal_message@1", SealMessage, SealMessageReply)
OPEN_MESSAGES = Operation("crypto.open_messages@1", OpenMessages, OpenMessagesReply)
