"""What goes out as JSON; `schemas` has what comes in. What stands below a field is its documentation.

Bytes are `Blob` (base64url without padding), keys `Bytes32` and hashes `Bytes20` (lower-case hex):
see `shared.json_bytes`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.contracts.fleet import Api, BusService, Crypto, Dht
from shared.json_bytes import Blob, Bytes20, Bytes32, Bytes64

Moment = Annotated[datetime, Meta(tz=True)]


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all that goes out."""


class RootAnswer(Answered, frozen=True, kw_only=True):
    """Where to go from here."""

    service: str
    """Its name."""
    api: str
    """Where the paths of the API begin."""
    documentation: str
    """For people."""
    openapi: str
    """The same for programs."""


class KeyAnswer(Answered, frozen=True, kw_only=True):
    """A key's handle and its public half."""

    key: str
    """The handle: the secret, wrapped for you to keep. Treat it like the secret itself."""
    public_key: Bytes32
    """For whoever wants a link with you."""


class RewrappedAnswer(Answered, frozen=True, kw_only=True):
    """The same secret in a new handle."""

    handle: str
    """To be used from now on in the place of the old one."""
    kind: str
    """What it is of: `key` or `link`."""


class LinkAnswer(Answered, frozen=True, kw_only=True):
    """A link's handle, its format, and which of its members the caller is."""

    link: str
    """The handle, for the header `Scout-Link`. Treat it like the secret itself."""
    format: str
    """How the record is written."""
    member: int
    """Your number among those who share the link."""


class EntryAnswer(Answered, frozen=True, kw_only=True):
    """An entry of a record."""

    id: int
    """Its number in the record."""
    value: Blob
    """Its content."""
    seq: int
    """The higher one is the newer: how often it was written in `scout1`, when (Unix milliseconds) in `scout2`."""
    expires: datetime | None = None
    """When it stops to count, unless it is written again; null: never, by itself."""


class PassedOverAnswer(Answered, frozen=True, kw_only=True):
    """A version that could not be read, and why. It fails no call, and the next write supersedes it."""

    seq: int
    """Which version."""
    error: str
    """Why, in words."""


class LookupAnswer(Answered, frozen=True, kw_only=True):
    """How a lookup went, in nodes."""

    asked: int
    """Nodes that were asked."""
    answered: int
    """Of them: answered."""
    timed_out: int
    """Of them: said nothing in time."""
    elapsed_ms: float
    """How long it took."""


class StoringAnswer(Answered, frozen=True, kw_only=True):
    """What became of a write, in nodes; all zeros when nothing had to be written."""

    asked: int = 0
    """Nodes that were asked to store it."""
    answered: int = 0
    """Of them: answered in time."""
    stored: int = 0
    """Of them: have it."""
    rejected: dict[str, int] = {}
    """Of them: refused, by the code of their error (KRPC)."""
    timed_out: int = 0
    """Of them: had said nothing when this answer was given."""
    prefixes: int = 0
    """Different networks (/24, /48) among the nodes that have it."""
    closest_distance: int = 0
    """Leading bits that the address shares with the id of the closest node that has it."""
    elapsed_ms: float = 0.0
    """How long it took."""


class RecordAnswer(Answered, frozen=True, kw_only=True):
    """A record as it is."""

    entries: list[EntryAnswer]
    """What is in it, by ascending id."""
    removed: list[int] = []
    """Ids of entries that were removed, while that still has to be said; in `scout1` it can't be."""
    seq: int
    """Rises with every write; 0: nobody wrote it yet."""
    passed_over: list[PassedOverAnswer]
    """Versions that could not be read."""
    lookup: LookupAnswer | None
    """How it was found; null when no lookup was needed."""
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""


class KeptAnswer(Answered, frozen=True, kw_only=True):
    """How long a write lasts."""

    kept_for_s: int
    """Seconds for which the storing nodes keep it, unless it is put again."""
    kept_until: Moment | None
    """Until when the cluster puts it again by itself; null when it does not."""
    keep_error: str | None
    """The code for which it is not kept as long as was asked: `keep_full`, `bus_unavailable`."""


class WrittenAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A record after a write."""

    entries: list[EntryAnswer]
    """What is in it now, by ascending id."""
    removed: list[int] = []
    """Ids of entries that were removed, while that still has to be said; in `scout1` it can't be."""
    new: list[int]
    """Ids of entries that the caller did not send along: new to it, or newer than its own."""
    seq: int
    """Rises with every write."""
    storing: StoringAnswer
    """What became of the write."""
    written: bool
    """False when all was stored already."""
    attempts: int
    """Rounds of reading, merging and writing that it took: more than one when others wrote meanwhile."""
    passed_over: list[PassedOverAnswer]
    """Versions that could not be read."""
    rollback_suspected: bool = False
    """What was merged is older than what has been seen before; entries may be missing."""
    removal: str | None = None
    """How something was left out: by a `tombstone`, or in `scout1` by `best_effort`: an older version may bring it
    back."""


class DeviceAnswer(Answered, frozen=True, kw_only=True):
    """A device of a record."""

    id: int
    """Its number in the record."""
    addresses: list[str]
    """Where it can be reached: `198.51.100.4:443`, `[2001:db8::1]:443`."""
    name: str
    """For people."""
    data: Blob
    """The application's own."""
    seq: int
    """The higher one is the newer: how often it was written in `scout1`, when (Unix milliseconds) in `scout2`."""
    foreign: bool
    """Another application's content: `data` is all of it."""
    written: datetime | None = None
    """When it was last announced, by the clock of who did; null in `scout1`, which does not say."""
    expires: datetime | None = None
    """When it stops to count, unless it is announced again; null: never, by itself."""


class DevicesAnswer(Answered, frozen=True, kw_only=True):
    """The devices of a record."""

    devices: list[DeviceAnswer]
    """By ascending id."""
    seq: int
    """How often the record was written; 0: nobody wrote it yet."""
    passed_over: list[PassedOverAnswer]
    """Versions of the record that could not be read."""
    rollback_suspected: bool = False
    """A newer version of the record has been seen before, and none of the nodes that answered showed it."""


class SentAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A message that was left."""

    number: int | None
    """Its number in your list, from 1; null where nobody knows it, because an original client does not count."""
    target: Bytes20
    """The message's address in the DHT."""
    storing: StoringAnswer
    """Of the message itself."""
    seq: int
    """Of the record that its list is in."""
    record_storing: StoringAnswer
    """Of that record."""
    attempts: int
    """Rounds of reading, merging and writing that the record took."""


class MessageAnswer(Answered, frozen=True, kw_only=True):
    """A message that was read."""

    member: int
    """Who left it."""
    number: int | None
    """Its number in that member's list; null where nobody knows it."""
    target: Bytes20
    """Its address in the DHT."""
    body: Blob
    """What it says."""
    sealed: bool
    """False: it was left plain."""
    sent: datetime | None = None
    """When, by the sender's clock; null in `scout1`, which does not say."""


class GapAnswer(Answered, frozen=True, kw_only=True):
    """Messages that can't be read."""

    member: int
    """Whose list."""
    first: int | None
    """The lowest number that is missing; null where nobody knows it."""
    last: int | None
    """The highest."""
    error: str
    """Why, in words."""


class MoreAnswer(Answered, frozen=True, kw_only=True):
    """Where older messages go on."""

    member: int
    """Whose list."""
    number: int | None
    """Of the next older message; null where nobody knows it."""
    cursor: str
    """Ask again with it."""


class ReceiptAnswer(Answered, frozen=True, kw_only=True):
    """How far a list has been received."""

    member: int
    """By whom."""
    number: int
    """The highest number it has received, and all below it."""


class InboxAnswer(Answered, frozen=True, kw_only=True):
    """Messages by member, oldest first within each."""

    messages: list[MessageAnswer]
    """What was found."""
    gaps: list[GapAnswer]
    """What can't be read."""
    more: list[MoreAnswer]
    """Where the limit, or the time, was used up."""
    received: list[ReceiptAnswer] = []
    """How far the others have received what you have sent; `scout1` does not say."""
    seq: int
    """Of the record that the lists are in."""
    passed_over: list[PassedOverAnswer]
    """Versions of the record that could not be read."""


class ItemStoredAnswer(KeptAnswer, frozen=True, kw_only=True):
    """An item that was stored."""

    hash: Bytes20
    """SHA-1 of the bencoded string: whoever knows it can read the item."""
    storing: StoringAnswer
    """What became of the write."""


class ItemAnswer(Answered, frozen=True, kw_only=True):
    """An item that was found."""

    value: Blob
    """Its content."""


class VersionAnswer(Answered, frozen=True, kw_only=True):
    """A version of a mutable item, as its owner signed it; the signature has been checked."""

    v: Blob
    """The value, bencoded."""
    seq: int
    """Rises with every version."""
    sig: Bytes64
    """Of salt, seq and v."""
    holders: int
    """Nodes that hold exactly this version."""


class MutableAnswer(Answered, frozen=True, kw_only=True):
    """The versions of a mutable item."""

    versions: list[VersionAnswer]
    """The highest seq first; more than one while writers race, or nodes have missed a write. None: nobody wrote it."""
    lookup: LookupAnswer | None
    """How they were found."""
    rollback_suspected: bool
    """A newer version has been seen before, and none of the nodes that answered showed it."""


class RelayedAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A version that was stored."""

    target: Bytes20
    """Where it lies."""
    storing: StoringAnswer
    """What became of it."""


class AheadAnswer(Answered, frozen=True, kw_only=True):
    """Versions that were handed over for later."""

    kept_until: datetime | None
    """The latest of their ends; null when not all of them are kept."""
    keep_error: str | None
    """The code for which they are not: `keep_full`, `bus_unavailable`."""


class PeersAnswer(Answered, frozen=True, kw_only=True):
    """The peers of a torrent."""

    peers: list[str]
    """`ip:port`, without duplicates."""
    lookup: LookupAnswer | None
    """How they were found."""


class AnnouncedAnswer(Answered, frozen=True, kw_only=True):
    """A peer that was announced."""

    storing: StoringAnswer
    """What became of the announcement."""


class StatusAnswer(Answered, frozen=True, kw_only=True):
    """A DHT node's own view of itself and of the network."""

    node_id: Bytes20
    """Its id."""
    ready: bool
    """It has joined, and has shown lately that it can store and find."""
    external_address: str | None
    """Its IP address as other nodes see it; null while too few have said so."""
    contacts: int
    """Nodes in its routing table."""
    good_contacts: int
    """Of them: answered lately."""
    answer_ratio: float
    """Share of its queries that are answered."""
    stored_items: int
    """Items that it stores for others."""
    stored_bytes: int
    """Bytes that those take."""
    read_only: bool
    """It asks, and answers nobody (BEP 43)."""
    canary_failures: int
    """Rounds in a row in which its own item did not come back from the DHT."""
    canary_age_s: float | None
    """Seconds since that item last came back; null before the first time."""
    network_size: int | None
    """Nodes of the network that answer, as estimated from the node's lookups; null while too little is known."""


class PingAnswer(Answered, frozen=True, kw_only=True):
    """What came of a ping."""

    address: str
    """The node that was pinged."""
    answered: bool
    """Silence is no error."""
    node_id: Bytes20 | None
    """The id of the node that answered."""
    seen_as: str | None
    """Our node's `ip:port` as the other one sees it."""
    elapsed_ms: float
    """How long it took."""


class NodeAnswer(Answered, frozen=True, kw_only=True):
    """A node of the DHT."""

    node_id: Bytes20
    """Its id."""
    address: str
    """Its `ip:port`."""


class NearestAnswer(Answered, frozen=True, kw_only=True):
    """The nearest nodes that answered, nearest first."""

    nodes: list[NodeAnswer]
    """At most eight."""
    lookup: LookupAnswer | None
    """How they were found."""


class ProcessState(StrEnum):
    """How a process of the fleet is."""

    READY = "ready"
    """It has all that it needs."""
    NOT_READY = "not_ready"
    """It reports itself, and lacks something that it needs."""
    DEAD = "dead"
    """It has been silent for some seconds, and did not say goodbye."""
    REPLACED = "replaced"
    """It is dead, and another of its service has started since."""


class ProcessAnswer(Answered, frozen=True, kw_only=True):
    """A process of the fleet, as it was when last heard of. What it says of itself is passed on as it came."""

    service: str
    """`api`, `crypto`, `dht_node`, or `standalone`, which is all of them."""
    instance: str
    """Its name, which never comes twice."""
    host: str
    """The machine, or the pod, that it runs on."""
    version: str
    """Of Scout."""
    started: Moment
    """When it began."""
    silent_s: float
    """Seconds since it was heard of."""
    state: ProcessState
    """How it is."""
    checks: dict[str, bool]
    """What it needs to be useful, and whether it has it."""
    bus: dict[str, BusService]
    """What it answers for on the bus."""
    dht: Dht | None
    """What a DHT node adds."""
    crypto: Crypto | None
    """What a crypto process adds."""
    api: Api | None
    """What an API process adds."""


class ProblemAnswer(Answered, frozen=True, kw_only=True):
    """Something that is wrong."""

    subject: str
    """The instance or service that it is about."""
    text: str
    """A sentence."""


class FleetAnswer(Answered, frozen=True, kw_only=True):
    """Every process of the cluster that reported itself within the hour."""

    healthy: bool
    """Nothing is wrong."""
    problems: list[ProblemAnswer]
    """Empty when all is well."""
    processes: list[ProcessAnswer]
    """Those of today, and of those that went within the hour."""
    dead_letters: dict[str, int]
    """By shard of the bus: requests that were given up and are kept to be looked at."""
    at: Moment
    """When this was put together."""


class DeadLetterAnswer(Answered, frozen=True, kw_only=True):
    """A request that was given up; never what was in it."""

    shard: str
    """The part of the bus that keeps it."""
    operation: str
    """What was asked for; empty when not even that could be read."""
    reason: str
    """Why it was given up."""
    age_s: float
    """Seconds since then."""
    deliveries: int
    """How often a replica was given it."""
    request_id: str
    """Under which the logs have it."""


class DeadLettersAnswer(Answered, frozen=True, kw_only=True):
    """The requests that were given up last, the newest first."""

    letters: list[DeadLetterAnswer]
    """The newest first."""


class SizedEntry(Answered, frozen=True, kw_only=True):
    """An entry, and the room that it takes."""

    id: int
    """Its number in the record."""
    size: int
    """Bytes."""


class Problem(Answered, frozen=True, kw_only=True):
    """Why a call failed (RFC 9457): what was expected, and what came. Some codes add facts by name."""

    type: str
    """`urn:scout:problem:` and the code."""
    title: str
    """The code in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What was expected and what came, in a sentence for people."""
    code: str
    """What went wrong, for programs; a code is never renamed."""
    request_id: str
    """Also in the header `X-Request-Id`, and in the service's log."""
    retry_after: float | UnsetType = UNSET
    """Seconds after which the same call may succeed."""
    limit: int | UnsetType = UNSET
    """How much there may be, in bytes or in pieces."""
    size: int | UnsetType = UNSET
    """How much there was."""
    used: int | UnsetType = UNSET
    """Bytes that the record takes now."""
    left: int | UnsetType = UNSET
    """Bytes that it has left."""
    needed: float | UnsetType = UNSET
    """Bytes that it would have taken; of a budget the DHT packets."""
    largest: list[SizedEntry] | UnsetType = UNSET
    """Its largest entries."""
    id: int | UnsetType = UNSET
    """The entry that it is about."""
    hash: Bytes20 | UnsetType = UNSET
    """The hash of the value that was sent."""
    scope: str | UnsetType = UNSET
    """What the API key would have to be for."""
    budget: str | UnsetType = UNSET
    """Whose budget is spent: that of the `key`, or of the `tenant`."""
    packets_per_second: float | UnsetType = UNSET
    """How many DHT packets come back to it."""
    burst: float | UnsetType = UNSET
    """How many it holds at most."""
    supported: list[str] | UnsetType = UNSET
    """What is known instead."""
    allowed: list[str] | UnsetType = UNSET
    """Methods that the path takes."""
    asked: int | UnsetType = UNSET
    """Nodes that were asked."""
    answered: int | UnsetType = UNSET
    """Of them: answered."""
    rejected: dict[str, int] | UnsetType = UNSET
    """Of them: refused, by the code of their error (KRPC)."""
    timed_out: int | UnsetType = UNSET
    """Of them: said nothing in time."""
    attempts: int | UnsetType = UNSET
    """Rounds of reading, merging and writing."""
    etag: str | UnsetType = UNSET
    """The record's current state."""
    seq: int | UnsetType = UNSET
    """How often the record was written."""
    entries: list[EntryAnswer] | UnsetType = UNSET
    """The record's current entries."""
