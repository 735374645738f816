"""What the service answers with, as frozen structs. Hex and Blob fields are plain bytes to their reader."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.json_bytes import Blob, Hex


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers: immutable; members that a newer service adds are passed over."""


class Key(Answered, frozen=True, kw_only=True):
    """A key that the service can use: its handle, which is a secret of the caller's, and its public key (32 bytes)."""

    key: str
    public_key: Hex

    def __repr__(self) -> str:
        """The public half only: a handle is as good as the secret within its tenant."""
        return f"Key(public_key={self.public_key.hex()})"


class CreatedLink(Answered, frozen=True, kw_only=True):
    """A link as the service made it: its handle, which is a secret of the caller's, and the caller's member number."""

    link: str
    format: str = "scout2"
    member: int = 0

    def __repr__(self) -> str:
        """Everything but the handle."""
        return f"CreatedLink(format={self.format}, member={self.member})"


class Rewrapped(Answered, frozen=True, kw_only=True):
    """The same secret in a handle of the newest master key; `kind` is `key` or `link`."""

    handle: str
    kind: str

    def __repr__(self) -> str:
        """The kind only."""
        return f"Rewrapped(kind={self.kind})"


class StoringReport(Answered, frozen=True, kw_only=True):
    """What became of a write in the DHT, counted by node."""

    asked: int
    answered: int
    stored: int
    rejected: dict[str, int] = {}
    """KRPC error code -> nodes that answered it."""
    timed_out: int = 0
    prefixes: int = 0
    """Distinct /24 networks among the nodes that stored."""
    closest_distance: int = 0
    """Leading bits that the target shares with the closest node that stored."""
    elapsed_ms: float = 0.0


class Device(Answered, frozen=True, kw_only=True):
    """A device of a record, and where it can be reached."""

    id: int
    seq: int
    """The higher one is the newer: how often it was written in scout1, Unix milliseconds in scout2."""
    addresses: list[str] = []
    """`host:port`, an IPv6 address in brackets."""
    name: str = ""
    data: Blob = Blob()
    """The application's own; of a foreign entry all it holds."""
    foreign: bool = False
    """The entry is no device's: the original's client, or another application, wrote it."""
    written: datetime | None = None
    """When it was last announced, by the clock of who did; None in scout1."""
    expires: datetime | None = None
    """When it stops to count, unless it is announced again; None: never, by itself."""


class Entry(Answered, frozen=True, kw_only=True):
    """An entry of a record as it is; its seq rises with each change of its content."""

    id: int
    value: Blob = Blob()
    seq: int | None = None
    expires: datetime | None = None
    """When it stops to count, unless it is written again; None: never, by itself."""


class PassedOver(Answered, frozen=True, kw_only=True):
    """A version of the record that could not be read, and why in words."""

    seq: int
    error: str


class Record(Answered, frozen=True, kw_only=True):
    """A record: its entries by ascending id, its seq (0 when nothing was found), and what could not be read of it."""

    entries: list[Entry]
    removed: list[int] = []
    """Ids of entries that were removed, while that still has to be said; scout1 can't say it."""
    seq: int
    passed_over: list[PassedOver] = []
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""
    etag: str = ""
    """For a write that must hit exactly this state."""

    def with_etag(self, etag: str) -> Record:
        """The same record with the ETag that came in the answer's head."""
        return msgspec.structs.replace(self, etag=etag)


class Kept(Answered, frozen=True, kw_only=True):
    """How long a write lasts."""

    kept_for_s: int = 0
    """Seconds for which the storing nodes keep it, unless it is put again."""
    kept_until: datetime | None = None
    """Until when the service puts it again by itself; None: it does not."""
    keep_error: str | None = None
    """The code for which it is not kept as long as was asked, such as `keep_full`."""


class Written(Kept, frozen=True, kw_only=True):
    """A record after a write."""

    seq: int
    storing: StoringReport
    entries: list[Entry] = []
    """As merged."""
    removed: list[int] = []
    """Ids of entries that were removed, while that still has to be said; scout1 can't say it."""
    new: list[int] = []
    """Ids of entries that the caller did not send along: new to it, or newer than its own."""
    written: bool = True
    """False when all was stored already; the report then counts nothing."""
    rollback_suspected: bool = False
    """What was merged is older than what has been seen before; entries may be missing."""
    removal: str | None = None
    """How something was left out: by a `tombstone`; in scout1 by `best_effort`: an older version may bring it back."""


class Sent(Kept, frozen=True, kw_only=True):
    """A message that was stored."""

    target: Hex
    """Where it lies (20 bytes)."""
    storing: StoringReport
    number: int | None = None
    """From 1 in the sender's list; None in a list that an original client began."""
    seq: int = 0
    """Of the record that the list is in."""


class ReceivedMessage(Answered, frozen=True, kw_only=True):
    """A message of another member."""

    member: int
    number: int | None
    """From 1 in its list; None in a list that an original client writes, which does not count."""
    body: Blob
    sealed: bool
    """False: anybody could have read it, and anybody who knew the record's address could have written it."""
    target: Hex
    sent: datetime | None = None
    """When, by the sender's clock; None in scout1."""


class Receipt(Answered, frozen=True, kw_only=True):
    """How far a member has received the caller's messages: `number` and all below it."""

    member: int
    number: int


class Gap(Answered, frozen=True, kw_only=True):
    """Messages that can't be read, and why in words; `first` … `last` are numbers where they are known."""

    member: int
    first: int | None
    last: int | None
    error: str


class More(Answered, frozen=True, kw_only=True):
    """Where a member's older messages go on: `cursor` is for the next call of `Link.messages`."""

    member: int
    number: int | None
    cursor: str


class Inbox(Answered, frozen=True, kw_only=True):
    """Messages of the other members, oldest first within each list."""

    messages: list[ReceivedMessage]
    gaps: list[Gap] = []
    more: list[More] = []
    """Not empty when the limit or the time ended the reading early."""
    received: list[Receipt] = []
    """How far the others have received what the caller has sent; scout1 does not say."""


class StoredItem(Kept, frozen=True, kw_only=True):
    """An immutable item that was stored: its secure hash (20 bytes), and who stored it."""

    hash: Hex
    storing: StoringReport


class FoundItem(Answered, frozen=True, kw_only=True):
    """An immutable item that was found."""

    value: Blob


class Devices(Answered, frozen=True, kw_only=True):
    """The devices of a record."""

    devices: list[Device]


class DhtStatus(Answered, frozen=True, kw_only=True):
    """How one of the service's DHT nodes is, in its own view."""

    node_id: Hex
    ready: bool
    external_address: str | None = None
    """Its host as other nodes see it; None while unknown."""
    contacts: int = 0
    good_contacts: int = 0
    answer_ratio: float = 0.0
    """Share of its queries of late that were answered, 0 … 1."""
    stored_items: int = 0
    stored_bytes: int = 0
    read_only: bool = False
    """It asks and does not answer (BEP 43)."""
    canary_failures: int = 0
    """Rounds in a row in which its own item did not come back from the DHT."""
    canary_age_s: float | None = None
    """Seconds since it last came back; None: not yet."""
    network_size: int | None = None
    """Nodes of the network that answer, as estimated from the node's lookups; None while too little is known."""


class DhtPing(Answered, frozen=True, kw_only=True):
    """What came of a ping from one of the service's DHT nodes."""

    address: str
    answered: bool
    node_id: Hex | None = None
    seen_as: str | None = None
    """The service's node as the other one sees it, `ip:port`."""
    elapsed_ms: float = 0.0


class DhtNode(Answered, frozen=True, kw_only=True):
    """A node of the DHT."""

    node_id: Hex
    address: str


class LookupReport(Answered, frozen=True, kw_only=True):
    """How a lookup went, in nodes."""

    asked: int = 0
    answered: int = 0
    timed_out: int = 0
    elapsed_ms: float = 0.0


class DhtNearest(Answered, frozen=True, kw_only=True):
    """The nodes nearest to a target that answered, nearest first."""

    nodes: list[DhtNode]
    lookup: LookupReport
