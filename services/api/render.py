"""What the use cases answer, as the schemas say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.api import answers
from shared.contracts import dht
from shared.json_bytes import Blob, Bytes20, Bytes64
from shared.moments import moment
from shared.usecases.devices import Device
from shared.usecases.formats.ports import Entries
from shared.usecases.inbox import Gap, Inbox, Message, cursor_of
from shared.usecases.keeping import lasting
from shared.usecases.messages import Sent
from shared.usecases.records import PassedOver, Record
from shared.usecases.synchronise import Synced


def entries(found: Entries) -> list[answers.EntryAnswer]:
    """The entries of a record that have a content."""
    return [
        answers.EntryAnswer(id=entry.id, value=Blob(entry.content), seq=entry.seq, expires=moment(entry.expires_ms))
        for entry in found
        if entry.content is not None
    ]


def passed_over(versions: Sequence[PassedOver]) -> list[answers.PassedOverAnswer]:
    """The versions that could not be read."""
    return [answers.PassedOverAnswer(seq=version.seq, error=version.reason) for version in versions]


def storing(report: dht.StoringReport | None) -> answers.StoringAnswer:
    """What became of a write; zeros when there was none."""
    if report is None:
        return answers.StoringAnswer()
    return answers.StoringAnswer(
        asked=report.asked,
        answered=report.answered,
        stored=report.stored,
        rejected={str(code): count for code, count in report.rejected.items()},
        timed_out=report.timed_out,
        prefixes=report.prefixes,
        closest_distance=report.closest_distance,
        elapsed_ms=report.elapsed_ms,
    )


def record(found: Record) -> answers.RecordAnswer:
    """A record."""
    return answers.RecordAnswer(
        entries=entries(found.entries),
        removed=list(found.removed),
        seq=found.seq,
        passed_over=passed_over(found.passed_over),
        lookup=lookup(found.lookup),
        rollback_suspected=found.rollback_suspected,
    )


def lookup(report: dht.LookupReport | None) -> answers.LookupAnswer | None:
    """How a lookup went."""
    if report is None:
        return None
    return answers.LookupAnswer(
        asked=report.asked, answered=report.answered, timed_out=report.timed_out, elapsed_ms=report.elapsed_ms
    )


def written(synced: Synced, news: Sequence[int], *, removal: bool) -> answers.WrittenAnswer:
    """A record after a write, which may have been a removal."""
    how = "tombstone" if synced.record.format.has_tombstones else "best_effort"
    return answers.WrittenAnswer(
        entries=entries(synced.record.entries),
        removed=list(synced.record.removed),
        new=list(news),
        seq=synced.record.seq,
        storing=storing(synced.storing),
        written=synced.storing is not None,
        attempts=synced.attempts,
        passed_over=passed_over(synced.record.passed_over),
        **lasting(synced.kept),
        rollback_suspected=synced.record.rollback_suspected,
        removal=how if removal else None,
    )


def device(found: Device) -> answers.DeviceAnswer:
    """A device."""
    return answers.DeviceAnswer(
        id=found.id,
        addresses=list(found.addresses),
        name=found.name,
        data=Blob(found.data),
        seq=found.seq,
        foreign=found.foreign,
        written=moment(found.written_ms),
        expires=moment(found.expires_ms),
    )


def sent(message: Sent) -> answers.SentAnswer:
    """A message that was left."""
    return answers.SentAnswer(
        number=message.number,
        target=Bytes20(message.target),
        storing=storing(message.storing),
        seq=message.synced.record.seq,
        record_storing=storing(message.synced.storing),
        attempts=message.synced.attempts,
        **lasting(message.kept),
    )


def inbox(found: Inbox, read_from: Record, receipts: Mapping[int, int]) -> answers.InboxAnswer:
    """Messages that were read, and how far others have received the reader's own."""
    return answers.InboxAnswer(
        messages=[message(one) for one in found.messages],
        gaps=[gap(one) for one in found.gaps],
        more=[
            answers.MoreAnswer(member=position.member, number=position.number, cursor=cursor_of(position))
            for position in found.more
        ],
        received=[answers.ReceiptAnswer(member=member, number=number) for member, number in receipts.items()],
        seq=read_from.seq,
        passed_over=passed_over(read_from.passed_over),
    )


def message(found: Message) -> answers.MessageAnswer:
    """A message that was read."""
    return answers.MessageAnswer(
        member=found.member,
        number=found.number,
        target=Bytes20(found.target),
        body=Blob(found.body),
        sealed=found.sealed,
        sent=moment(found.sent_at_ms),
    )


def gap(found: Gap) -> answers.GapAnswer:
    """Messages that can't be read."""
    return answers.GapAnswer(member=found.member, first=found.first, last=found.last, error=found.reason)


def versions(found: dht.GetMutableReply) -> answers.MutableAnswer:
    """A signed item, in every version that nodes hold."""
    return answers.MutableAnswer(
        versions=[
            answers.VersionAnswer(
                v=Blob(version.value), seq=version.seq, sig=Bytes64(version.signature), holders=version.holders
            )
            for version in found.versions
        ],
        lookup=lookup(found.report),
        rollback_suspected=found.rollback_suspected,
    )


def status(reply: dht.StatusReply) -> answers.StatusAnswer:
    """How a DHT node is."""
    return answers.StatusAnswer(
        node_id=Bytes20(reply.node_id),
        ready=reply.ready,
        external_address=reply.external_address,
        contacts=reply.contacts,
        good_contacts=reply.good_contacts,
        answer_ratio=reply.answer_ratio,
        stored_items=reply.stored_items,
        stored_bytes=reply.stored_bytes,
        read_only=reply.read_only,
        canary_failures=reply.canary_failures,
        canary_age_s=reply.canary_age_s,
        network_size=reply.network_size,
    )


def pinged(address: str, reply: dht.PingReply) -> answers.PingAnswer:
    """What came of a ping."""
    return answers.PingAnswer(
        address=address,
        answered=reply.node_id is not None,
        node_id=None if reply.node_id is None else Bytes20(reply.node_id),
        seen_as=reply.seen_as,
        elapsed_ms=reply.elapsed_ms,
    )


def nearest(reply: dht.LookupReply) -> answers.NearestAnswer:
    """The nodes nearest to a target."""
    nodes = [answers.NodeAnswer(node_id=Bytes20(node.node_id), address=node.address) for node in reply.nodes]
    return answers.NearestAnswer(nodes=nodes, lookup=lookup(reply.report))
