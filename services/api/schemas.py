"""What comes in as JSON, in the same types that validate it; `answers` has what goes out. Unknown fields are refused.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.contracts.dht import MAX_KEEP_S
from shared.format.members import MAX_MEMBER
from shared.format.scout1.record import MAX_ID
from shared.json_bytes import Blob, Bytes20, Bytes32
from shared.usecases.devices import MAX_DEVICE_ID
from shared.usecases.inbox import MAX_LIMIT
from shared.usecases.keeping import DEFAULT_KEEP_S

MAX_ADDRESSES = 42
"""As many compact IPv4 addresses as an entry's 255 bytes could ever hold."""

MAX_ADDRESS = 64
"""Characters of an address and a port; the longest IPv6 ones have 47."""

MAX_DEAD_LETTERS = 50
"""Shown at a time: of each shard as many are read, with their envelopes."""

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


class DeadLettersQuery(Asked, frozen=True, kw_only=True):
    """How many of the requests that were given up to show."""

    limit: Annotated[int, Meta(ge=1, le=MAX_DEAD_LETTERS)] = 20


class Nothing(Asked, frozen=True, kw_only=True):
    """No parameters, no fields."""
