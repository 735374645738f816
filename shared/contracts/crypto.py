"""What the crypto service can be asked to do.

Requests and replies carry secrets and plaintexts: on the bus their bodies are sealed (docs/bus.md, promise 8).
A handle is text: a secret wrapped with the cluster's master key and bound to the tenant; only this service opens it.
"""

from __future__ import annotations

from typing import Literal

from shared.contracts.operation import Message, Operation

FormatName = Literal["scout1", "scout2"]

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
    """Make a link from one of four: `key` and `peer`, `secret`, `root`, or `passphrase` and `group`.

    My key handle and a peer's public key (32 bytes) make a pair. A secret (32 bytes) is in scout1 the shared one as it
    is, in scout2 a group's. In scout2 only: a root secret (32 bytes) that somebody has worked out already, and a
    passphrase with a group's name, which make a group's secret (Argon2id). `member` tells those who hold a secret
    apart; in a pair the two keys decide it.
    """

    key: str | None = None
    peer: bytes | None = None
    secret: bytes | None = None
    root: bytes | None = None
    passphrase: str | None = None
    group: str | None = None
    member: int | None = None
    format: FormatName = "scout1"


class CreateLinkReply(Message, frozen=True, kw_only=True):
    """The handle of the link, and the caller's member number."""

    link: str
    format: FormatName
    member: int


class Locate(Message, frozen=True, kw_only=True):
    """Where is the record of a link? In scout2, around which moment."""

    link: str
    now_ms: int = 0
    """Wall clock; scout1 has one address for ever."""


class Site(Message, frozen=True, kw_only=True):
    """Where a record lies in one epoch."""

    epoch: int = 0
    """Always 0 in scout1."""
    public_key: bytes
    """Ed25519 (32 bytes)."""
    target: bytes
    """20 bytes."""


class LocateReply(Message, frozen=True, kw_only=True):
    """Where a record lies: in scout2 in the epochs before, at and after the moment asked about, ascending."""

    format: FormatName
    member: int
    phase: int = 0
    """Seconds by which the link's epochs are ahead of those that turn at midnight UTC."""
    sites: list[Site]


class SealedVersion(Message, frozen=True, kw_only=True):
    """One version of a record as the DHT holds it: the bencoded value, its seq, and the epoch it was found in."""

    value: bytes
    seq: int
    epoch: int = 0


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


class SealAt(Message, frozen=True, kw_only=True):
    """One place to seal a record for."""

    seq: int
    epoch: int = 0
    ahead: bool = False
    """The seq is raised by what only holders of the link can tell, another number in each epoch: those that one write
    seals for several days then show no observer that they belong together. Not in scout1."""


class SealRecord(Message, frozen=True, kw_only=True):
    """Seal and sign the next version of a record: for now, and in scout2 for epochs to come as well."""

    link: str
    plaintext: bytes
    places: list[SealAt]


class SealedRecord(Message, frozen=True, kw_only=True):
    """The bencoded value (at most 1000 bytes) and its BEP 44 signature (64 bytes) by this public key (32 bytes)."""

    public_key: bytes
    seq: int = 0
    """With which it is signed."""
    value: bytes
    signature: bytes


class SealRecordReply(Message, frozen=True, kw_only=True):
    """One for each place, in the order asked."""

    sealed: list[SealedRecord]


class SealMessage(Message, frozen=True, kw_only=True):
    """Frame a message behind the next older one, its body sealed unless told otherwise; scout2 seals all of it."""

    link: str
    next: bytes
    """Target (20 bytes) of the next older message; empty at the end of the list."""
    number: int = 0
    """From 1; scout1 does not say it in the message."""
    sent_at_ms: int = 0
    """Wall clock; scout1 does not say it."""
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
    """Empty at the end of the list; with an error, whatever the frame still shows."""
    body: bytes = b""
    sealed: bool = False
    """Whether the body was sealed; an original client's is not."""
    member: int | None = None
    """Who wrote it, by its own word; scout1 does not say."""
    number: int | None = None
    """From 1; scout1 does not say."""
    sent_at_ms: int | None = None
    """By the sender's clock; scout1 does not say."""
    error: str | None = None


class OpenMessagesReply(Message, frozen=True, kw_only=True):
    """One answer for each value, in the order asked."""

    messages: list[OpenedMessage]


class Rewrap(Message, frozen=True, kw_only=True):
    """Move a handle, of a key or of a link, to the newest master key."""

    handle: str


class RewrapReply(Message, frozen=True, kw_only=True):
    """The same secret in a new handle."""

    handle: str
    kind: Literal["key", "link"]


CREATE_KEY = Operation("crypto.create_key@1", CreateKey, CreateKeyReply)
CREATE_LINK = Operation("crypto.create_link@1", CreateLink, CreateLinkReply)
LOCATE = Operation("crypto.locate@1", Locate, LocateReply)
OPEN_RECORD = Operation("crypto.open_record@1", OpenRecord, OpenRecordReply)
SEAL_RECORD = Operation("crypto.seal_record@1", SealRecord, SealRecordReply)
SEAL_MESSAGE = Operation("crypto.seal_message@1", SealMessage, SealMessageReply)
OPEN_MESSAGES = Operation("crypto.open_messages@1", OpenMessages, OpenMessagesReply)
REWRAP = Operation("crypto.rewrap@1", Rewrap, RewrapReply)
