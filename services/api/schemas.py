"""What comes in and what goes out as JSON, in the same types that validate it. Unknown fields are refused.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.contracts.dht import MAX_KEEP_S
from shared.format.scout1.mailbox import MAX_MEMBER
from shared.format.scout1.record import MAX_ID
from shared.json_bytes import Blob, Bytes20, Bytes32
from shared.usecases.devices import MAX_DEVICE_ID
from shared.usecases.inbox import MAX_LIMIT
from shared.usecases.keeping import DEFAULT_KEEP_S

MAX_ADDRESSES = 42
"""As many compact IPv4 addresses as an entry's 255 bytes could ever hold."""

MAX_ADDRESS = 64
"""Characters of an address and a port; the longest IPv6 ones have 47."""

EntryId = Annotated[int, Meta(ge=0, le=MAX_ID)]
DeviceId = Annotated[int, Meta(ge=0, le=MAX_DEVICE_ID)]
Member = Annotated[int, Meta(ge=0, le=MAX_MEMBER)]
Keep = Annotated[int, Meta(ge=0, le=MAX_KEEP_S)]
"""Seconds for which the cluster keeps a write alive; 0: nothing is asked of it."""
EntrySeq = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that comes in."""


class KeyRequest(Asked, frozen=True, kw_only=True):
    """Make a key, or import an X25519 secret."""

    secret: Bytes32 | None = None


class LinkRequest(Asked, frozen=True, kw_only=True):
    """`key` and `peer`, or `secret` with perhaps `member`."""

    key: str | None = None
    peer: Bytes32 | None = None
    secret: Bytes32 | None = None
    member: Member | None = None
    format: str = "scout1"


class DeviceRequest(Asked, frozen=True, kw_only=True):
    """Where a device is. `auto:PORT` among the addresses is the caller's own address as the service sees it."""

    addresses: Annotated[list[str], Meta(max_length=MAX_ADDRESSES)] = []
    name: str = ""
    data: Blob = Blob()
    keep: Keep = DEFAULT_KEEP_S
    ttl: Any | UnsetType = UNSET
    """Known, so that its refusal can say why."""


class DevicePath(Asked, frozen=True, kw_only=True):
    """`/v1/devices/{id}`."""

    id: DeviceId


class WantedEntry(Asked, frozen=True, kw_only=True):
    """An entry to set; with a seq it takes part in the merge as a version of that seq."""

    id: EntryId
    value: Blob
    seq: EntrySeq | None = None


class SyncRequest(Asked, frozen=True, kw_only=True):
    """Entries to set and ids to leave out; with neither, forked versions are merged."""

    entries: list[WantedEntry] = []
    remove: list[EntryId] = []
    keep: Keep = DEFAULT_KEEP_S


class RecordQuery(Asked, frozen=True, kw_only=True):
    """`settled`: every version from every node that answers. `first`: the first one, which may not be the newest."""

    read: Literal["settled", "first"] = "settled"


class MessageRequest(Asked, frozen=True, kw_only=True):
    """A message to leave; `seal` off for peers that run the original, and for anybody to read."""

    body: Blob
    seal: bool = True
    keep: Keep = DEFAULT_KEEP_S


class MessagesQuery(Asked, frozen=True, kw_only=True):
    """Which messages to read."""

    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = MAX_LIMIT
    member: Member | None = None
    cursor: str | None = None


class ItemRequest(Asked, frozen=True, kw_only=True):
    """A byte string to store."""

    value: Blob
    keep: Keep = DEFAULT_KEEP_S


class ItemPath(Asked, frozen=True, kw_only=True):
    """`/v1/items/{hash}`."""

    hash: Bytes20


class PingRequest(Asked, frozen=True, kw_only=True):
    """A node to ping, as `ip:port`."""

    address: Annotated[str, Meta(max_length=MAX_ADDRESS)]


class TargetPath(Asked, frozen=True, kw_only=True):
    """`/v1/dht/lookup/{target}`."""

    target: Bytes20


class Nothing(Asked, frozen=True, kw_only=True):
    """No parameters, no fields."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all that goes out."""


class KeyAnswer(Answered, frozen=True, kw_only=True):
    """A key's handle and its public half."""

    key: str
    public_key: Bytes32


class LinkAnswer(Answered, frozen=True, kw_only=True):
    """A link's handle, its format, and which of its members the caller is."""

    link: str
    format: str
    member: int


class EntryAnswer(Answered, frozen=True, kw_only=True):
    """An entry of a record."""

    id: int
    value: Blob
    seq: int


class PassedOverAnswer(Answered, frozen=True, kw_only=True):
    """A version that could not be read, and why."""

    seq: int
    error: str


class LookupAnswer(Answered, frozen=True, kw_only=True):
    """How a lookup went, in nodes."""

    asked: int
    answered: int
    timed_out: int
    elapsed_ms: float


class StoringAnswer(Answered, frozen=True, kw_only=True):
    """What became of a write, in nodes; all zeros when nothing had to be written."""

    asked: int = 0
    answered: int = 0
    stored: int = 0
    rejected: dict[str, int] = {}
    """KRPC error code -> nodes that answered it."""
    timed_out: int = 0
    prefixes: int = 0
    closest_distance: int = 0
    elapsed_ms: float = 0.0


class RecordAnswer(Answered, frozen=True, kw_only=True):
    """A record as it is."""

    entries: list[EntryAnswer]
    seq: int
    passed_over: list[PassedOverAnswer]
    lookup: LookupAnswer | None
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""


class KeptAnswer(Answered, frozen=True, kw_only=True):
    """How long a write lasts."""

    kept_for_s: int
    """Seconds for which the storing nodes keep it, unless it is put again."""
    kept_until: datetime | None
    """Until when the cluster puts it again by itself; null when it does not."""
    keep_error: str | None
    """The code for which it is not kept as long as was asked: `keep_full`, `bus_unavailable`."""


class WrittenAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A record after a write."""

    entries: list[EntryAnswer]
    new: list[int]
    """Ids of entries that the caller did not send along: new to it, or newer than its own."""
    seq: int
    storing: StoringAnswer
    written: bool
    """False when all was stored already."""
    attempts: int
    passed_over: list[PassedOverAnswer]
    rollback_suspected: bool = False
    """What was merged is older than what has been seen before; entries may be missing."""
    removal: str | None = None
    """`best_effort` when something was left out: in scout1 an older version may bring it back."""


class DeviceAnswer(Answered, frozen=True, kw_only=True):
    """A device of a record."""

    id: int
    addresses: list[str]
    name: str
    data: Blob
    seq: int
    foreign: bool
    """Another application's content: `data` is all of it."""


class DevicesAnswer(Answered, frozen=True, kw_only=True):
    """The devices of a record."""

    devices: list[DeviceAnswer]
    seq: int
    passed_over: list[PassedOverAnswer]
    rollback_suspected: bool = False
    """A newer version of the record has been seen before, and none of the nodes that answered showed it."""


class SentAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A message that was left."""

    number: int | None
    target: Bytes20
    storing: StoringAnswer
    """Of the message itself."""
    seq: int
    """Of the record that its list is in."""
    record_storing: StoringAnswer
    attempts: int


class MessageAnswer(Answered, frozen=True, kw_only=True):
    """A message that was read."""

    member: int
    number: int | None
    target: Bytes20
    body: Blob
    sealed: bool


class GapAnswer(Answered, frozen=True, kw_only=True):
    """Messages that can't be read."""

    member: int
    first: int | None
    last: int | None
    error: str


class MoreAnswer(Answered, frozen=True, kw_only=True):
    """Where older messages go on."""

    member: int
    number: int | None
    cursor: str


class InboxAnswer(Answered, frozen=True, kw_only=True):
    """Messages by member, oldest first within each."""

    messages: list[MessageAnswer]
    gaps: list[GapAnswer]
    more: list[MoreAnswer]
    seq: int
    passed_over: list[PassedOverAnswer]


class ItemStoredAnswer(KeptAnswer, frozen=True, kw_only=True):
    """An item that was stored."""

    hash: Bytes20
    storing: StoringAnswer


class ItemAnswer(Answered, frozen=True, kw_only=True):
    """An item that was found."""

    value: Blob


class StatusAnswer(Answered, frozen=True, kw_only=True):
    """A DHT node's own view of itself and of the network."""

    node_id: Bytes20
    ready: bool
    external_address: str | None
    contacts: int
    good_contacts: int
    answer_ratio: float
    stored_items: int
    stored_bytes: int
    read_only: bool
    canary_failures: int
    canary_age_s: float | None


class PingAnswer(Answered, frozen=True, kw_only=True):
    """What came of a ping."""

    address: str
    answered: bool
    node_id: Bytes20 | None
    seen_as: str | None
    """Our node's `ip:port` as the other one sees it."""
    elapsed_ms: float


class NodeAnswer(Answered, frozen=True, kw_only=True):
    """A node of the DHT."""

    node_id: Bytes20
    address: str


class NearestAnswer(Answered, frozen=True, kw_only=True):
    """The nearest nodes that answered, nearest first."""

    nodes: list[NodeAnswer]
    lookup: LookupAnswer | None
