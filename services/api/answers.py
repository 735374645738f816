"""What goes out as JSON; `schemas` has what comes in.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.fleet import Api, BusService, Crypto, Dht
from shared.json_bytes import Blob, Bytes20, Bytes32


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all that goes out."""


class RootAnswer(Answered, frozen=True, kw_only=True):
    """Where to go from here."""

    service: str
    api: str
    """Where the paths of the API begin."""
    documentation: str


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
    network_size: int | None
    """Nodes of the network that answer, as estimated from the node's lookups; null while too little is known."""


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


class ProcessState(StrEnum):
    """How a process of the fleet is."""

    READY = "ready"
    NOT_READY = "not_ready"
    """It reports itself, and lacks something that it needs."""
    DEAD = "dead"
    """It has been silent for some seconds, and did not say goodbye."""
    REPLACED = "replaced"
    """It is dead, and another of its service has started since."""


class ProcessAnswer(Answered, frozen=True, kw_only=True):
    """A process of the fleet, as it was when last heard of. What it says of itself is passed on as it came."""

    service: str
    instance: str
    host: str
    version: str
    started: datetime
    silent_s: float
    """Since it was heard of."""
    state: ProcessState
    checks: dict[str, bool]
    """What it needs to be useful, and whether it has it."""
    bus: dict[str, BusService]
    """What it answers for on the bus."""
    dht: Dht | None
    crypto: Crypto | None
    api: Api | None


class ProblemAnswer(Answered, frozen=True, kw_only=True):
    """Something that is wrong."""

    subject: str
    """The instance or service that it is about."""
    text: str
    """A sentence."""


class FleetAnswer(Answered, frozen=True, kw_only=True):
    """Every process of the cluster that reported itself within the hour."""

    healthy: bool
    problems: list[ProblemAnswer]
    """Empty when all is well."""
    processes: list[ProcessAnswer]
    dead_letters: dict[str, int]
    """By shard of the bus: requests that were given up and are kept to be looked at."""
    at: datetime


class DeadLetterAnswer(Answered, frozen=True, kw_only=True):
    """A request that was given up; never what was in it."""

    shard: str
    operation: str
    """Empty when not even that could be read."""
    reason: str
    age_s: float
    deliveries: int
    """How often a replica was given it."""
    request_id: str
    """Under which the logs have it."""


class DeadLettersAnswer(Answered, frozen=True, kw_only=True):
    """The requests that were given up last, the newest first."""

    letters: list[DeadLetterAnswer]
