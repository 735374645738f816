"""Read a record: find its versions, open them, merge them.

Whatever a storing node hands back, one version that does not open or parse is passed over and named in the result;
it never fails the others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format.errors import FormatError
from shared.format.members import member_of
from shared.format.scout1.merge import merge
from shared.format.scout1.record import MAX_SEQ, Entry, parse, serialise
from shared.usecases.ports import Ports

Entries = tuple[Entry, ...]

RETRY_AFTER = 2.0
"""Seconds; a node that lost its contacts asks its bootstrap again within about that time."""

_DIGEST_SIZE = 4


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record, opened."""

    entries: Entries
    """As merged with themselves: ascending, each id once."""
    seq: int
    sealed: bytes
    """Its bencoded value, as it was signed."""
    signature: bytes
    holders: int
    """Nodes that hold exactly this version."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A version that could not be read, and why in words."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record as its nodes hold it: the union of all versions that could be read."""

    entries: Entries
    seq: int
    """The highest seq of a version that could be read; 0 when there is none."""
    versions: tuple[Version, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    seen: tuple[tuple[bytes, int], ...] = ()
    """Signature and seq of every version found, readable or not: what a write supersedes."""
    lookup: dht.LookupReport | None = None
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""

    @property
    def tag(self) -> str:
        """What `If-Match` compares: the seq, and a digest behind it while versions of that seq differ or lack entries.

        A seq alone would call two forks of one record the same state.
        """
        if all(version.entries == self.entries for version in self.versions if version.seq == self.seq):
            return str(self.seq)
        digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
        for entry in self.entries:
            digest.update(serialise((entry,)))
        return f"{self.seq}-{digest.hexdigest()}"

    def without(self, signatures: Collection[bytes]) -> Record:
        """The record as it would be without the versions of these signatures."""
        versions = tuple(version for version in self.versions if version.signature not in signatures)
        return replace(
            self,
            versions=versions,
            entries=union(versions),
            seq=max((version.seq for version in versions), default=0),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A link and where its record lives."""

    link: str
    public_key: bytes
    target: bytes
    member: int


def union(versions: Sequence[Version]) -> Entries:
    """The merge of all versions; of two heads of one message list with equal seqs the one on more nodes goes on.

    A tie means that devices of one member sent at once. The head on a majority may have been promised to its sender;
    the other sender has been told nothing yet, and puts its message on top as soon as it sees this. The larger content,
    which decides everywhere else, would drop either. A seq above both makes the decision stay.
    """
    merged = merge(*(version.entries for version in versions))
    decided = []
    for rivals in _rivals(versions, merged):
        kept = max(rivals, key=lambda rival: (rivals[rival], rival.content))
        decided.append(kept._replace(seq=kept.seq + 1))
    return merge(merged, decided)


def is_undecided(versions: Sequence[Version], enough: int) -> bool:
    """Whether a list has several heads of one seq, none of them on `enough` nodes: it is being written right now."""
    merged = merge(*(version.entries for version in versions))
    return any(max(rivals.values()) < enough for rivals in _rivals(versions, merged))


def _rivals(versions: Sequence[Version], merged: Entries) -> Iterator[Counter[Entry]]:
    """For each member's list with several heads of the highest seq: its entries, and how many nodes hold each."""
    for newest in merged:
        if member_of(newest.id) is None or newest.seq == MAX_SEQ:
            continue
        holders: Counter[Entry] = Counter()
        for version in versions:
            same = (held for held in version.entries if (held.id, held.seq) == (newest.id, newest.seq))
            holders.update(dict.fromkeys(same, version.holders))
        if len(holders) > 1:
            yield holders


async def locate(ports: Ports, link: str, context: CallContext) -> Place:
    """Where the record of `link` lives. Raises ScoutError (`bad_handle`)."""
    reply = await ports.crypto.locate(crypto.Locate(link=link), context)
    return Place(link=link, public_key=reply.public_key, target=reply.target, member=reply.member)


async def read(ports: Ports, link: str, context: CallContext, *, settle: bool = True) -> Record:
    """The record of `link`; with `settle` off the first version that a node gives, which may not be the newest.

    Raises ScoutError (`bad_handle`, `dht_unavailable`, …). A record nobody ever wrote has no entries and seq 0.
    """
    place = await locate(ports, link, context)
    record = await read_at(ports, place, context, settle=settle)
    if not settle and record.passed_over and not record.versions:
        return await read_at(ports, place, context)
    return record


async def read_at(ports: Ports, place: Place, context: CallContext, *, settle: bool = True) -> Record:
    """The record at `place`. Raises ScoutError: `dht_unavailable` when no node answered, which is no empty record."""
    reply = await ports.dht.get_mutable(dht.GetMutable(public_key=place.public_key, settle=settle), context)
    if not reply.versions:
        if reply.report.answered == 0:
            raise ScoutError(
                ErrorCode.DHT_UNAVAILABLE,
                f"Expected answers from DHT nodes; of {reply.report.asked} asked none answered.",
                retry_after=RETRY_AFTER,
            )
        return Record(entries=(), seq=0, lookup=reply.report)
    opened = await ports.crypto.open_record(
        crypto.OpenRecord(
            link=place.link,
            versions=[crypto.SealedVersion(value=found.value, seq=found.seq) for found in reply.versions],
        ),
        context,
    )
    return _merged(reply, opened)


def _merged(reply: dht.GetMutableReply, opened: crypto.OpenRecordReply) -> Record:
    versions: list[Version] = []
    passed_over: list[PassedOver] = []
    for found, plain in zip(reply.versions, opened.versions, strict=True):
        entries = _parsed(plain)
        if isinstance(entries, str):
            passed_over.append(PassedOver(seq=found.seq, reason=entries))
        else:
            versions.append(Version(entries, found.seq, found.value, found.signature, found.holders))
    return Record(
        entries=union(versions),
        seq=max((version.seq for version in versions), default=0),
        versions=tuple(versions),
        passed_over=tuple(passed_over),
        seen=tuple((found.signature, found.seq) for found in reply.versions),
        lookup=reply.report,
        rollback_suspected=reply.rollback_suspected,
    )


def _parsed(plain: crypto.Opened) -> Entries | str:
    """The entries of an opened version, or why there are none."""
    if plain.plaintext is None:
        return plain.error or "it does not open"
    try:
        return merge(parse(plain.plaintext))
    except FormatError as error:
        return str(error)
