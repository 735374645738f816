"""Records, their devices, and messages."""

from __future__ import annotations

import msgspec

from services.api.answers.base import Answered, EntryAnswer, KeptAnswer, LookupAnswer, Moment, StoringAnswer
from shared.json_bytes import Blob, Bytes20


class PassedOverAnswer(Answered, frozen=True, kw_only=True):
    """A version that could not be read, and why. It fails no call, and the next write supersedes it."""

    seq: int
    """Which version."""
    error: str
    """Why, in words."""


class RecordAnswer(Answered, frozen=True, kw_only=True):
    """A record as it is."""

    entries: list[EntryAnswer]
    """What is in it, by ascending id."""
    removed: list[int] = msgspec.field(default_factory=list)
    """Ids of entries that were removed, while that still has to be said; in `scout1` it can't be."""
    seq: int
    """Rises with every write; 0: nobody wrote it yet."""
    passed_over: list[PassedOverAnswer]
    """Versions that could not be read."""
    lookup: LookupAnswer | None
    """How it was found; null when no lookup was needed."""
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""


class WrittenAnswer(KeptAnswer, frozen=True, kw_only=True):
    """A record after a write."""

    entries: list[EntryAnswer]
    """What is in it now, by ascending id."""
    removed: list[int] = msgspec.field(default_factory=list)
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
    written: Moment | None = None
    """When it was last announced, by the clock of who did; null in `scout1`, which does not say."""
    expires: Moment | None = None
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
    sent: Moment | None = None
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
    received: list[ReceiptAnswer] = msgspec.field(default_factory=list)
    """How far the others have received what you have sent; `scout1` does not say."""
    seq: int
    """Of the record that the lists are in."""
    passed_over: list[PassedOverAnswer]
    """Versions of the record that could not be read."""
