"""What the use cases found, in the SDK's own words: the same structs that a service's answers are read into."""

from __future__ import annotations

import scout.answers as said
from scout.watching import Event, MessageArrived, MessagesMissing, RecordChanged
from shared.contracts import dht
from shared.json_bytes import Blob, Hex
from shared.moments import moment
from shared.usecases import devices, inbox, watching
from shared.usecases.formats.ports import Entries
from shared.usecases.keeping import lasting
from shared.usecases.messages import Sent
from shared.usecases.records import PassedOver, Record
from shared.usecases.synchronise import Synced


def entries(found: Entries) -> list[said.Entry]:
    """The entries that have a content."""
    return [
        said.Entry(id=entry.id, value=Blob(entry.content), seq=entry.seq, expires=moment(entry.expires_ms))
        for entry in found
        if entry.content is not None
    ]


def record(found: Record) -> said.Record:
    """A record, with its etag as HTTP has it."""
    return said.Record(
        entries=entries(found.entries),
        removed=list(found.removed),
        seq=found.seq,
        passed_over=passed_over(found.passed_over),
        rollback_suspected=found.rollback_suspected,
        etag=f'"{found.tag}"',
    )


def passed_over(versions: tuple[PassedOver, ...]) -> list[said.PassedOver]:
    """The versions that could not be read."""
    return [said.PassedOver(seq=version.seq, error=version.reason) for version in versions]


def written(synced: Synced, news: tuple[int, ...], *, removal: bool) -> said.Written:
    """A record after a write, which may have been a removal."""
    found = synced.record
    how = "tombstone" if found.format.has_tombstones else "best_effort"
    return said.Written(
        seq=found.seq,
        storing=storing(synced.storing),
        entries=entries(found.entries),
        removed=list(found.removed),
        new=list(news),
        written=synced.storing is not None,
        rollback_suspected=found.rollback_suspected,
        removal=how if removal else None,
        **lasting(synced.kept),
    )


def storing(report: dht.StoringReport | None) -> said.StoringReport:
    """What became of a write; zeros when there was none."""
    if report is None:
        return said.StoringReport(asked=0, answered=0, stored=0)
    return said.StoringReport(
        asked=report.asked,
        answered=report.answered,
        stored=report.stored,
        rejected={str(code): count for code, count in report.rejected.items()},
        timed_out=report.timed_out,
        prefixes=report.prefixes,
        closest_distance=report.closest_distance,
        elapsed_ms=report.elapsed_ms,
    )


def device(found: devices.Device) -> said.Device:
    """A device."""
    return said.Device(
        id=found.id,
        seq=found.seq,
        addresses=list(found.addresses),
        name=found.name,
        data=Blob(found.data),
        foreign=found.foreign,
        written=moment(found.written_ms),
        expires=moment(found.expires_ms),
    )


def sent(message: Sent) -> said.Sent:
    """A message that was left."""
    return said.Sent(
        target=Hex(message.target),
        storing=storing(message.storing),
        number=message.number,
        seq=message.synced.record.seq,
        **lasting(message.kept),
    )


def event(told: watching.Event) -> Event:
    """What a watcher saw."""
    match told:
        case watching.RecordChanged(id_, changed):
            return RecordChanged(id=id_, record=record(changed))
        case watching.MessageArrived(id_, arrived):
            return MessageArrived(id=id_, message=message(arrived))
        case watching.MessagesMissing(id_, missing):
            return MessagesMissing(id=id_, gap=gap(missing))


def message(found: inbox.Message) -> said.ReceivedMessage:
    """A message that was read."""
    return said.ReceivedMessage(
        member=found.member,
        number=found.number,
        body=Blob(found.body),
        sealed=found.sealed,
        target=Hex(found.target),
        sent=moment(found.sent_at_ms),
    )


def gap(found: inbox.Gap) -> said.Gap:
    """Messages that can't be read."""
    return said.Gap(member=found.member, first=found.first, last=found.last, error=found.reason)


def received(found: inbox.Inbox, receipts: dict[int, int]) -> said.Inbox:
    """Messages that were read, and how far others have received the reader's own."""
    return said.Inbox(
        messages=[message(one) for one in found.messages],
        gaps=[gap(one) for one in found.gaps],
        more=[
            said.More(member=position.member, number=position.number, cursor=inbox.cursor_of(position))
            for position in found.more
        ],
        received=[said.Receipt(member=member, number=number) for member, number in receipts.items()],
    )
