"""What answers have in common: how a lookup and a write went, and what a refusal says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.json_bytes import Blob, Bytes20

Moment = Annotated[datetime, Meta(tz=True)]


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all that goes out."""


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


class KeptAnswer(Answered, frozen=True, kw_only=True):
    """How long a write lasts."""

    kept_for_s: int
    """Seconds for which the storing nodes keep it, unless it is put again."""
    kept_until: Moment | None
    """Until when the cluster puts it again by itself; null when it does not."""
    keep_error: str | None
    """The code for which it is not kept as long as was asked: `keep_full`, `bus_unavailable`."""


class EntryAnswer(Answered, frozen=True, kw_only=True):
    """An entry of a record."""

    id: int
    """Its number in the record."""
    value: Blob
    """Its content."""
    seq: int
    """The higher one is the newer: how often it was written in `scout1`, when (Unix milliseconds) in `scout2`."""
    expires: Moment | None = None
    """When it stops to count, unless it is written again; null: never, by itself."""


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
