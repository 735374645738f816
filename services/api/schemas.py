"""What comes in as JSON, in the same types that validate it; `answers` has what goes out. Unknown fields are refused.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`. What stands below a field is its documentation; `extra_json_schema` says what the type alone
does not check: an inner floor does, with a better sentence.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.contracts.crypto import MAX_HANDLE
from shared.contracts.dht import MAX_KEEP_S, MAX_KEPT_VERSIONS
from shared.format.bep44 import MAX_SALT, MAX_SEQ, MAX_STRING, MAX_VALUE
from shared.format.members import MAX_MEMBER
from shared.format.scout1.mailbox import MAX_NUMBER
from shared.format.scout1.messages import MAX_BODY
from shared.format.scout2.record import MAX_ID, MAX_PLAINTEXT, MAX_TTL_S
from shared.json_bytes import Blob, Bytes20, Bytes32, Bytes64, base64url_length
from shared.usecases.devices import MAX_DEVICE_ID
from shared.usecases.inbox import CURSOR, MAX_LIMIT
from shared.usecases.keeping import DEFAULT_KEEP_S
from shared.usecases.links import DEFAULT_FORMAT, FORMATS

MAX_ADDRESSES = 42
"""As many compact IPv4 addresses as an entry's 255 bytes could ever hold."""

MAX_ADDRESS = 64
"""Characters of an address and a port; the longest IPv6 ones have 47."""

MAX_DEAD_LETTERS = 50
"""Shown at a time: of each shard as many are read, with their envelopes."""

MAX_RECEIPTS = 64
"""Members in one acknowledgement; a record has no room for more."""

EntryId = Annotated[int, Meta(ge=0, le=MAX_ID)]
DeviceId = Annotated[int, Meta(ge=0, le=MAX_DEVICE_ID)]
Member = Annotated[int, Meta(ge=0, le=MAX_MEMBER)]
Keep = Annotated[int, Meta(ge=0, le=MAX_KEEP_S)]
"""Seconds for which the cluster keeps a write alive; 0: nothing is asked of it."""
Salt = Annotated[Blob, Meta(extra_json_schema={"maxLength": base64url_length(MAX_SALT)})]
BencodedValue = Annotated[Blob, Meta(extra_json_schema={"maxLength": base64url_length(MAX_VALUE)})]
ItemSeq = Annotated[int, Meta(ge=1, le=MAX_SEQ)]
Ttl = Annotated[int, Meta(ge=1, le=MAX_TTL_S)]
EntrySeq = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Handle = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_HANDLE})]
Address = Annotated[str, Meta(extra_json_schema={"format": "ip-port"})]
EntryContent = Annotated[Blob, Meta(extra_json_schema={"maxLength": base64url_length(MAX_PLAINTEXT)})]
MessageBody = Annotated[Blob, Meta(extra_json_schema={"maxLength": base64url_length(MAX_BODY)})]
ItemContent = Annotated[Blob, Meta(extra_json_schema={"maxLength": base64url_length(MAX_STRING)})]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that comes in."""


class KeyRequest(Asked, frozen=True, kw_only=True):
    """Make a key, or import an X25519 secret."""

    secret: Bytes32 | None = None
    """A secret of yours to import; without it a new one is drawn."""


class LinkRequest(Asked, frozen=True, kw_only=True):
    """One of: `key` and `peer`; `secret` or `root`, perhaps with `member`; `passphrase`, `group` and `member`."""

    key: Handle | None = None
    """The handle of your key."""
    peer: Bytes32 | None = None
    """The other one's public key. The holder of the lower public key is member 0, the other one member 1."""
    secret: Bytes32 | None = None
    """What a group shares, instead of a key and a peer."""
    root: Bytes32 | None = None
    """The root secret of a pair or a group as it is, worked out by yourself; only in `scout2`."""
    passphrase: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 1024})] | None = None
    """Words that a group shares; hashed slowly, on purpose (Argon2id). Only in `scout2`."""
    group: Annotated[str, Meta(extra_json_schema={"maxLength": 256})] | None = None
    """The group's name: the same words make another secret under another name."""
    member: Member | None = None
    """Which member of the group you are: a number that nobody else in it uses. 0 unless said."""
    format: Annotated[str, Meta(extra_json_schema={"enum": list(FORMATS)})] = DEFAULT_FORMAT
    """How the record is written. Everybody on a link uses the same; `scout1` is for peers that run the original."""


class DeviceRequest(Asked, frozen=True, kw_only=True):
    """Where a device is. It replaces all that was said of this device before."""

    addresses: Annotated[list[Address], Meta(max_length=MAX_ADDRESSES)] = []
    """IPv4 or bracketed IPv6 addresses with a port. `auto:PORT` stands for your own address as the service sees it."""
    name: str = ""
    """For people."""
    data: EntryContent = msgspec.field(default_factory=Blob)
    """Bytes of your own; nobody else looks into them."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps the record alive; 0: not at all."""
    ttl: Ttl | None = None
    """Seconds after which it no longer counts, if nobody announces it again. Unless said as long as it is kept,
    a day at the least. Not in `scout1`."""


class DevicePath(Asked, frozen=True, kw_only=True):
    """`/v1/devices/{id}`."""

    id: DeviceId
    """The device's number in the record, yours to choose. The ids above are the members' message lists."""


class WantedEntry(Asked, frozen=True, kw_only=True):
    """An entry to set."""

    id: EntryId
    """Its number in the record."""
    value: EntryContent
    """Replaces what is there."""
    seq: EntrySeq | None = None
    """With it the entry takes part in the merge as a version of that seq, and the higher one wins.
    Without it the entry wins, and its seq rises when the content differs: by one in `scout1`, to now (Unix
    milliseconds) in `scout2`."""
    ttl: Ttl | None = None
    """Seconds after which it no longer counts; unless said as long as it is kept, a day at the least. Not in
    `scout1`."""


class SyncRequest(Asked, frozen=True, kw_only=True):
    """Entries to set and ids to leave out; with neither, forked versions are merged. One id may stand once in all."""

    entries: list[WantedEntry] = []
    """Entries to set."""
    remove: Annotated[list[EntryId], Meta(extra_json_schema={"uniqueItems": True})] = []
    """Ids to leave out."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps the record alive; 0: not at all."""


class RecordQuery(Asked, frozen=True, kw_only=True):
    """How to read."""

    read: Literal["settled", "first", "cached"] = "settled"
    """`settled` hears every node that answers; `first` takes the first version, which may not be the newest; `cached`
    what anybody in the cluster saw within the last minute (`Age` says how long ago), or else the first version."""


class MessageRequest(Asked, frozen=True, kw_only=True):
    """A message to leave."""

    body: MessageBody
    """At most 893 bytes; in `scout1` 933 sealed, 973 plain."""
    seal: bool = True
    """Off: left plain, for peers that run the original, and for anybody to read; only in `scout1`."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps the message, and the record that leads to it, alive; 0: not at all."""


class Receipt(Asked, frozen=True, kw_only=True):
    """How far one member's list has been received."""

    member: Member
    """Whose list."""
    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
    """The highest number that was received, and all below it; 0: nothing yet, for who wants to be waited for."""


class AcknowledgeRequest(Asked, frozen=True, kw_only=True):
    """What has been received, so that its senders stop keeping it alive."""

    received: Annotated[list[Receipt], Meta(min_length=1, max_length=MAX_RECEIPTS)]
    """One for each member."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps the record that says so alive; 0: not at all."""


class RewrapRequest(Asked, frozen=True, kw_only=True):
    """A handle to move to the newest master key."""

    handle: Handle
    """Of a key or of a link."""


class MessagesQuery(Asked, frozen=True, kw_only=True):
    """Which messages to read."""

    after: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0
    """Leaves out this number and lower ones."""
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = MAX_LIMIT
    """How many at most, shared among the lists."""
    member: Member | None = None
    """Only this member's list, which may be your own. Without it: those of all others."""
    cursor: Annotated[str, Meta(extra_json_schema={"pattern": f"^{CURSOR}$"})] | None = None
    """Where an earlier answer's `more` says that older messages go on."""


class ItemRequest(Asked, frozen=True, kw_only=True):
    """A byte string to store."""

    value: ItemContent
    """At most 996 bytes."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps it alive; 0: not at all."""


class ItemPath(Asked, frozen=True, kw_only=True):
    """`/v1/items/{hash}`."""

    hash: Bytes20
    """SHA-1 of the bencoded string."""


class MutablePath(Asked, frozen=True, kw_only=True):
    """`/v1/mutable/{public_key}`."""

    public_key: Bytes32
    """The Ed25519 key that signs the item."""


class SaltQuery(Asked, frozen=True, kw_only=True):
    """Which of a key's items."""

    salt: Salt = msgspec.field(default_factory=Blob)
    """Tells several items of one key apart (BEP 44); none unless said."""


class MutableQuery(SaltQuery, frozen=True, kw_only=True):
    """Which of a key's items, and how to read it."""

    read: Literal["settled", "first"] = "settled"
    """`settled` hears every node that answers; `first` takes the first version, which may not be the newest."""


class SignedRequest(Asked, frozen=True, kw_only=True):
    """A version as you signed it (BEP 44)."""

    v: BencodedValue
    """The value, bencoded: at most 1000 bytes."""
    seq: ItemSeq
    """Rises with every version."""
    sig: Bytes64
    """Of salt, seq and v, by the key."""
    seen: list[Bytes64] | None = None
    """The signatures of the versions that this one supersedes: a node that holds another refuses it. None: whatever is
    there."""
    keep: Keep = DEFAULT_KEEP_S
    """Seconds for which the cluster keeps it alive; 0: not at all."""


class AheadVersion(Asked, frozen=True, kw_only=True):
    """A version for a time to come."""

    public_key: Bytes32
    """The key that signs it; each may be another one's."""
    salt: Salt = msgspec.field(default_factory=Blob)
    """None unless said."""
    v: BencodedValue
    """The value, bencoded: at most 1000 bytes."""
    seq: ItemSeq
    """Of this version."""
    sig: Bytes64
    """Of salt, seq and v, by the key."""
    start: datetime
    """When it is put for the first time."""
    end: datetime | None = None
    """When it is no longer put again; at most 32 days from now. Null: it only takes the place of an older version that
    was handed over before."""


class AheadRequest(Asked, frozen=True, kw_only=True):
    """Versions to be put when their time comes."""

    versions: Annotated[list[AheadVersion], Meta(min_length=1, max_length=MAX_KEPT_VERSIONS)]
    """One for each day that you sleep, say."""


class InfoHashPath(Asked, frozen=True, kw_only=True):
    """`/v1/peers/{info_hash}`."""

    info_hash: Bytes20
    """Of the torrent (BEP 3)."""


class AnnounceRequest(Asked, frozen=True, kw_only=True):
    """A peer to announce."""

    port: Annotated[int, Meta(ge=1, le=65_535)]
    """Where it listens, at the DHT node's address."""


class PingRequest(Asked, frozen=True, kw_only=True):
    """A node to ping."""

    address: Annotated[str, Meta(max_length=MAX_ADDRESS, extra_json_schema={"format": "ip-port"})]
    """An IP address and a port, no name."""


class TargetPath(Asked, frozen=True, kw_only=True):
    """`/v1/dht/lookup/{target}`."""

    target: Bytes20
    """The id, or the hash, whose neighbours are looked up."""


class FilePath(Asked, frozen=True, kw_only=True):
    """A file of a page."""

    name: str
    """One of those that the page consists of."""


class DeadLettersQuery(Asked, frozen=True, kw_only=True):
    """How many of the requests that were given up to show."""

    limit: Annotated[int, Meta(ge=1, le=MAX_DEAD_LETTERS)] = 20
    """How many at most."""


class Nothing(Asked, frozen=True, kw_only=True):
    """No parameters, no fields."""
