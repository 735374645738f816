"""What is stored and found for anybody: items, signed items, peers of torrents."""

from __future__ import annotations

from services.api.answers.base import Answered, KeptAnswer, LookupAnswer, Moment, StoringAnswer
from shared.json_bytes import Blob, Bytes20, Bytes64


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


class ItemKeepAnswer(Answered, frozen=True, kw_only=True):
    """What your tenant asked to have kept alive; other tenants' wishes for the same item are not told."""

    kept_until: Moment | None
    """Until when; null: it does not keep this item."""
    value: Blob | None
    """The content of what is kept; null also for a signed item, which is no byte string under a hash."""


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

    kept_until: Moment | None
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
