"""One write of a record: seal it, put it where it lies now, and have it kept, now and in the epochs to come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format.errors import FormatError
from shared.format.problems import scout_error
from shared.usecases.formats.ports import Coming, Content
from shared.usecases.keeping import Kept, has_taken, kept
from shared.usecases.ports import Ports
from shared.usecases.records import Place, Record, Version

QUORUM = 5
"""Nodes that must store before a put answers: a majority of the usual width of 8, so that two racing writers can't
both have it."""

RETRY_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a write has to heed."""

    used: Iterable[int] = ()
    """BEP 44 seqs of earlier attempts: they may live on nodes that did not answer now, and must not be used twice."""
    spared: Collection[bytes] = ()
    """Signatures of versions that it must not supersede: a node that holds one refuses it."""
    keep: int = 0
    """Seconds for which the record is kept alive; 0: what is kept already goes on, with what is written now."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write, and what became of it."""

    item_seq: int
    signature: bytes
    won: bool
    """False when others were in the way."""
    storing: dht.StoringReport
    kept: Kept


async def put(ports: Ports, place: Place, found: Record, content: Content, wish: Wish, context: CallContext) -> Attempt:
    """Write `content` in the place of all that was `found`. Raises ScoutError (`not_stored`, `seq_exhausted`, …)."""
    rules, now_ms = place.format, ports.clock.utc_ms()
    until_ms = now_ms + 1000 * wish.keep if wish.keep else 0
    try:
        here = _here(place, found, wish.used, now_ms)
        plaintext = rules.serialise(content)
    except FormatError as error:
        raise scout_error(error) from None
    coming = rules.coming(content.entries, place.phase, found.epoch, now_ms, until_ms)
    request = crypto.SealRecord(link=place.link, plaintext=plaintext, places=[here, *_places(coming)])
    current, *ahead = (await ports.crypto.seal_record(request, context)).sealed
    reply = await ports.dht.put_mutable(
        dht.PutMutable(
            public_key=current.public_key,
            seq=current.seq,
            value=current.value,
            signature=current.signature,
            seen=[signature for signature, _ in found.seen if signature not in wish.spared],
            quorum=QUORUM,
            keep=_seconds(place, found.epoch, now_ms, until_ms),
            ahead=_versions(coming, ahead),
        ),
        context,
    )
    return Attempt(current.seq, current.signature, has_won(reply), reply.storing, kept(reply))


def _here(place: Place, found: Record, used: Iterable[int], now_ms: int) -> crypto.SealAt:
    """Where to seal what is written now. Raises FormatError (SeqExhaustedError).

    Who carries entries over into an epoch of which nothing is to be found yet writes above all that was sealed ahead
    for it: some keeper may be about to put that, and would take the place of what is newer.
    """
    rules, epoch, taken = place.format, found.epoch, [*(seq for _, seq in found.seen), *used]
    if found.versions and not taken:
        return crypto.SealAt(seq=rules.seq_ahead(place.phase, epoch, now_ms), epoch=epoch, ahead=True)
    return crypto.SealAt(seq=rules.next_seq(taken, place.phase, epoch, now_ms), epoch=epoch)


async def keep_stored(ports: Ports, place: Place, stored: Version, keep: int, context: CallContext) -> Kept:
    """Have a version kept for `keep` seconds that is on the nodes already.

    Whoever put it there may not have wanted it kept for so long, or at all: so it is sealed for the days to come.
    """
    rules, now_ms = place.format, ports.clock.utc_ms()
    until_ms = now_ms + 1000 * keep
    coming = rules.coming(stored.entries, place.phase, stored.epoch, now_ms, until_ms)
    ahead: Sequence[crypto.SealedRecord] = ()
    if coming:
        plaintext, places = rules.serialise(Content(stored.entries, stored.meta)), _places(coming)
        request = crypto.SealRecord(link=place.link, plaintext=plaintext, places=places)
        ahead = (await ports.crypto.seal_record(request, context)).sealed
    reply = await ports.dht.put_mutable(
        dht.PutMutable(
            public_key=place.site(stored.epoch).public_key,
            seq=stored.item_seq,
            value=stored.sealed,
            signature=stored.signature,
            keep=_seconds(place, stored.epoch, now_ms, until_ms),
            ahead=_versions(coming, ahead),
        ),
        context,
    )
    return kept(reply)


def _places(coming: Iterable[Coming]) -> list[crypto.SealAt]:
    """Where to seal a record for the epochs to come."""
    return [crypto.SealAt(seq=at.seq, epoch=at.epoch, ahead=True) for at in coming]


def _versions(coming: Iterable[Coming], ahead: Iterable[crypto.SealedRecord]) -> tuple[dht.KeptVersion, ...]:
    """The record as it was sealed for them, with its times."""
    return tuple(
        dht.KeptVersion(
            public_key=sealed.public_key,
            seq=sealed.seq,
            value=sealed.value,
            signature=sealed.signature,
            from_ms=at.from_ms,
            until_ms=at.until_ms,
        )
        for at, sealed in zip(coming, ahead, strict=True)
    )


def _seconds(place: Place, epoch: int, now_ms: int, until_ms: int) -> int:
    """For how long a version of this epoch is to be kept, if the record is until `until_ms`."""
    ends_ms = place.format.kept_until(place.phase, epoch, until_ms) if until_ms else 0
    return max(0, -(-(ends_ms - now_ms) // 1000)) if ends_ms else 0


def has_won(reply: dht.PutReply) -> bool:
    """Whether a put is done. Raises ScoutError (`not_stored`) when no node took it and nobody was in the way.

    With a majority it is, whatever other nodes report: a racing writer will read again, find this version and merge it.
    Waiting for it here would make both write for ever.
    """
    if has_taken(reply):
        return True
    if reply.conflict:
        return False
    raise not_stored(reply.storing)


def not_stored(storing: dht.StoringReport) -> ScoutError:
    """`not_stored` with what the nodes answered."""
    return ScoutError(
        ErrorCode.NOT_STORED,
        f"Expected at least one node to store it; of {storing.asked} asked {storing.answered} answered and none did.",
        retry_after=RETRY_AFTER,
        facts={
            "asked": storing.asked,
            "answered": storing.answered,
            "rejected": {str(code): count for code, count in storing.rejected.items()},
            "timed_out": storing.timed_out,
        },
    )
