"""Read a record: find its versions, open them, merge them.

Whatever a storing node hands back, one version that does not open or parse is passed over and named in the result;
it never fails the others. Where a record moves from address to address (scout2), those of the epochs around now are
read together, and callers see one record.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format.errors import FormatError
from shared.format.scout2.epochs import Reading
from shared.usecases.formats import format_of
from shared.usecases.formats.ports import Content, Entries, Format, Meta
from shared.usecases.ports import Ports
from shared.usecases.races import union

RETRY_AFTER = 2.0
"""Seconds; a node that lost its contacts asks its bootstrap again within about that time."""

_DIGEST_SIZE = 4


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record, opened."""

    entries: Entries
    """As merged with themselves: ascending, each id once."""
    meta: Meta
    epoch: int
    """In which it was found."""
    item_seq: int
    """Its BEP 44 seq."""
    seq: int
    """The same as a number that goes on rising when the epoch turns."""
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

    format: Format
    entries: Entries = ()
    meta: Meta = ()
    seq: int = 0
    """The highest seq of a version that could be read; 0 when there is none."""
    epoch: int = 0
    """The one to write in."""
    versions: tuple[Version, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    seen: tuple[tuple[bytes, int], ...] = ()
    """Signature and BEP 44 seq of all versions at the address to write to, readable or not: a write supersedes them."""
    lookup: dht.LookupReport | None = None
    rollback_suspected: bool = False
    """A newer version has been seen before, and none of the nodes that answered showed it."""

    @property
    def tag(self) -> str:
        """What `If-Match` compares.

        In scout1 the seq, and a digest behind it while versions of that seq differ or lack entries: a seq alone would
        call two forks of one record the same state. In scout2 the digest, which an epoch's turn does not change.
        """
        if self.format.has_epochs:
            return self._digest
        if all(version.entries == self.entries for version in self.versions if version.seq == self.seq):
            return str(self.seq)
        return f"{self.seq}-{self._digest}"

    @property
    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
        for entry in self.entries:
            digest.update(self.format.serialise(Content((entry,))))
        return digest.hexdigest()

    @property
    def removed(self) -> tuple[int, ...]:
        """Ids of the entries that only say that there was one."""
        return tuple(entry.id for entry in self.entries if entry.content is None)

    @property
    def current(self) -> tuple[Version, ...]:
        """The versions at the address to write to."""
        return tuple(version for version in self.versions if version.epoch == self.epoch)

    def without(self, signatures: Collection[bytes]) -> Record:
        """The record as it would be without the versions of these signatures."""
        if not signatures:
            return self
        versions = tuple(version for version in self.versions if version.signature not in signatures)
        return replace(
            self,
            versions=versions,
            entries=union(self.format, versions),
            seq=max((version.seq for version in versions), default=0),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A link and where its record lives."""

    link: str
    format: Format
    member: int
    sites: tuple[crypto.Site, ...]
    """In scout2 those of the epochs around now, ascending."""
    phase: int = 0

    @property
    def target(self) -> bytes:
        """Tells records apart (20 bytes), whoever's handle leads to them."""
        return self.sites[0].target

    def reading(self, now_ms: int) -> Reading:
        """Which epochs to read, and which to write, at a moment."""
        return self.format.reading(self.phase, now_ms)

    def site(self, epoch: int) -> crypto.Site:
        """Where the record lies in an epoch. Raises ScoutError for one that is over a day away."""
        for site in self.sites:
            if site.epoch == epoch:
                return site
        raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, "The record has moved on; ask again.")


@dataclass(frozen=True, slots=True)
class Found:
    """What the nodes hold in one epoch."""

    epoch: int
    reply: dht.GetMutableReply


@dataclass(slots=True)
class _Opening:
    """The versions that were found, as they are opened one by one."""

    place: Place
    now_ms: int
    versions: list[Version] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)

    def take(self, epoch: int, found: dht.MutableVersion, plain: crypto.Opened) -> None:
        """Parse one version, or say why it is passed over."""
        rules = self.place.format
        seq = rules.absolute(found.seq, epoch)
        if plain.plaintext is None:
            self.passed_over.append(PassedOver(seq, plain.error or "it does not open"))
            return
        try:
            content = rules.parse(plain.plaintext, self.now_ms)
        except FormatError as error:
            self.passed_over.append(PassedOver(seq, str(error)))
            return
        self.versions.append(
            Version(
                *content,
                epoch,
                item_seq=found.seq,
                seq=seq,
                sealed=found.value,
                signature=found.signature,
                holders=found.holders,
            )
        )


async def locate(ports: Ports, link: str, context: CallContext) -> Place:
    """Where the record of `link` lives. Raises ScoutError (`bad_handle`)."""
    reply = await ports.crypto.locate(crypto.Locate(link=link, now_ms=ports.clock.utc_ms()), context)
    return Place(link, format_of(reply.format), reply.member, tuple(reply.sites), reply.phase)


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
    record = await open_all(ports, place, await find(ports, place, context, settle=settle), context)
    if not settle and record.rollback_suspected:
        return await read_at(ports, place, context)
    return record


async def find(ports: Ports, place: Place, context: CallContext, *, settle: bool = True) -> list[Found]:
    """The versions of the record at `place`, sealed: those of the epoch to write in first. Raises ScoutError."""
    reading = place.reading(ports.clock.utc_ms())
    near = (reading.current, *reading.also)
    found = list(await asyncio.gather(*(_find(ports, place, epoch, context, settle=settle) for epoch in near)))
    if reading.fallback is not None and not any(one.reply.versions for one in found):
        found.append(await _find(ports, place, reading.fallback, context, settle=settle))
    return found


async def open_all(ports: Ports, place: Place, found: Sequence[Found], context: CallContext) -> Record:
    """The record that versions make together, as of now. Raises ScoutError (`bad_handle`, …)."""
    opened = await _open(ports, place, found, context)
    opening = _Opening(place, ports.clock.utc_ms())
    sealed = [(one.epoch, version) for one in found for version in one.reply.versions]
    for (epoch, version), plain in zip(sealed, opened, strict=True):
        opening.take(epoch, version, plain)
    record = _merged(opening, found)
    # a record of which nothing is left was not kept alive; that is no older state
    if opening.versions and not ports.highest.see(
        place.link, [one.entries for one in opening.versions], opening.now_ms
    ):
        return replace(record, rollback_suspected=True)
    return record


async def _find(ports: Ports, place: Place, epoch: int, context: CallContext, *, settle: bool) -> Found:
    public_key = place.site(epoch).public_key
    reply = await ports.dht.get_mutable(dht.GetMutable(public_key=public_key, settle=settle), context)
    return Found(epoch, heard(reply))


def heard(reply: dht.GetMutableReply) -> dht.GetMutableReply:
    """The reply. Raises ScoutError (`dht_unavailable`) when no node answered, which is no empty item."""
    if not reply.versions and reply.report.answered == 0:
        raise ScoutError(
            ErrorCode.DHT_UNAVAILABLE,
            f"Expected answers from DHT nodes; of {reply.report.asked} asked none answered.",
            retry_after=RETRY_AFTER,
        )
    return reply


async def _open(ports: Ports, place: Place, found: Sequence[Found], context: CallContext) -> Sequence[crypto.Opened]:
    """Every version of every epoch in one request."""
    versions = [
        crypto.SealedVersion(value=version.value, seq=version.seq, epoch=one.epoch)
        for one in found
        for version in one.reply.versions
    ]
    if not versions:
        return ()
    return (await ports.crypto.open_record(crypto.OpenRecord(link=place.link, versions=versions), context)).versions


def _merged(opening: _Opening, found: Sequence[Found]) -> Record:
    """One record of all that could be opened; `found` begins with the epoch to write in."""
    rules, versions, current = opening.place.format, tuple(opening.versions), found[0]
    return Record(
        format=rules,
        entries=union(rules, versions),
        meta=rules.merge_meta([version.meta for version in versions]),
        seq=max((version.seq for version in versions), default=0),
        epoch=current.epoch,
        versions=versions,
        passed_over=tuple(opening.passed_over),
        seen=tuple((version.signature, version.seq) for version in current.reply.versions),
        lookup=current.reply.report,
        rollback_suspected=any(one.reply.rollback_suspected for one in found),
    )
