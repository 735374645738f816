"""scout2 as the use cases see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import cast

from shared.contracts.crypto import FormatName
from shared.contracts.dht import MAX_KEEP_S
from shared.format.errors import FormatError, SeqExhaustedError
from shared.format.scout2 import epochs, mailbox, merge, messages, record
from shared.format.scout2.epochs import Reading
from shared.format.scout2.record import Record
from shared.usecases.formats.ports import Coming, Content, Entries, Entry, Mailbox, Meta, Race, Wanted

DEFAULT_TTL_S = 24 * 3600
"""Seconds for which an entry counts at the least, unless its writer says otherwise; one kept for longer counts as long.
"""

MAILBOX_TTL_S = 30 * 24 * 3600
"""Seconds for which a mailbox counts: as long as messages can be kept alive at the most."""


class Scout2:
    """The default format: addresses that change daily, tombstones, ttl, receipts."""

    name: FormatName = "scout2"
    max_plaintext = record.MAX_PLAINTEXT
    has_epochs = True
    has_tombstones = True
    reports_receipt = True

    def parse(self, plaintext: bytes, now_ms: int) -> Content:
        """See `Format.parse`."""
        found = record.parse(plaintext)
        return Content(merge.current(found.entries, now_ms), found.meta)

    def serialise(self, content: Content) -> bytes:
        """See `Format.serialise`."""
        return record.serialise(Record(_own(content.entries), content.meta))

    def merge(self, *versions: Iterable[Entry]) -> Entries:
        """See `Format.merge`."""
        return merge.merge_entries(*map(_own, versions))

    def merge_meta(self, versions: Sequence[Meta]) -> Meta:
        """See `Format.merge_meta`."""
        return merge.merge(*(Record((), meta) for meta in versions)).meta

    def change(self, entries: Entries, wanted: Wanted, now_ms: int, keep: int = 0) -> Entries:
        """See `Format.change`."""
        ttl = max(DEFAULT_TTL_S, keep) if wanted.ttl is None else wanted.ttl
        if wanted.seq is None:
            return merge.change(_own(entries), wanted.id, wanted.content, ttl, now_ms)
        entry = record.Entry(wanted.id, wanted.seq, ttl, wanted.content)
        return merge.merge_entries(_own(entries), merge.current((entry,), now_ms))

    def remove(self, entries: Entries, ids: Collection[int], now_ms: int) -> Entries:
        """Put tombstones in their place."""
        return merge.remove(_own(entries), ids, now_ms)

    def raised(self, entry: Entry, seq: int) -> Entry:
        """See `Format.raised`."""
        if seq > record.MAX_STAMP:
            raise SeqExhaustedError(f"expected a stamp up to {record.MAX_STAMP} for entry {entry.id}, got {seq}")
        return cast("record.Entry", entry)._replace(stamp=seq)

    def holding(self, entry: Entry, content: bytes) -> Entry:
        """See `Format.holding`."""
        return cast("record.Entry", entry)._replace(value=content)

    def size(self, content: Content) -> int:
        """See `Format.size`."""
        return record.size(Record(_own(content.entries), content.meta))

    def entry_size(self, entry: Entry) -> int:
        """See `Format.entry_size`."""
        return len(record.encode_entry(cast("record.Entry", entry)))

    def reading(self, phase: int, now_ms: int) -> Reading:
        """See `Format.reading`."""
        return epochs.reading(phase, now_ms / 1000)

    def next_seq(self, seen: Iterable[int], phase: int, epoch: int, now_ms: int) -> int:
        """See `Format.next_seq`."""
        return epochs.next_seq(seen, phase, epoch, now_ms)

    def seq_ahead(self, phase: int, epoch: int, now_ms: int) -> int:
        """See `Format.seq_ahead`."""
        return epochs.seq_ahead(phase, epoch, now_ms)

    def kept_until(self, phase: int, epoch: int, until_ms: int) -> int:
        """As long as anybody reads that epoch first: till a while after its turn."""
        return min(until_ms, 1000 * (epochs.began(phase, epoch + 1) + epochs.AFTER_TURN_S))

    def coming(self, entries: Entries, phase: int, epoch: int, now_ms: int, until_ms: int) -> Sequence[Coming]:
        """See `Format.coming`. An entry's ttl ends what older versions say of it, too."""
        expiring = max((entry.expires_ms for entry in _own(entries)), default=0)
        horizon_ms = max(until_ms, min(expiring, now_ms + 1000 * MAX_KEEP_S))
        found = []
        while (from_ms := 1000 * epochs.began(phase, epoch + 1)) < horizon_ms:
            epoch += 1
            until = self.kept_until(phase, epoch, until_ms) if from_ms < until_ms else 0
            found.append(Coming(epoch, self.seq_ahead(phase, epoch, now_ms), from_ms, until))
        return found

    def absolute(self, seq: int, epoch: int) -> int:
        """See `Format.absolute`."""
        return epochs.in_order(epoch, seq)

    def mailbox(self, entry: Entry) -> Mailbox | None:
        """See `Format.mailbox`."""
        if entry.content is None:
            return Mailbox()
        try:
            found = mailbox.parse(entry.content)
        except FormatError:
            return None
        return Mailbox(found.head, found.number, found.received, found.rest)

    def mailbox_content(self, box: Mailbox) -> Wanted:
        """See `Format.mailbox_content`."""
        return Wanted(0, mailbox.serialise(_mailbox(box)), ttl=MAILBOX_TTL_S)

    def pushed(self, box: Mailbox, head: bytes) -> Mailbox:
        """See `Format.pushed`."""
        after = mailbox.push(_mailbox(box), head)
        return Mailbox(after.head, after.number, after.received, after.rest)

    def race(self, entry: Entry) -> Race:
        """Heads of one number were set at the same time, whatever the clocks of their writers say."""
        found = self.mailbox(entry)
        return Race(entry.seq, entry.content or b"") if found is None else Race(found.number or 0, found.head or b"")

    def max_body(self, *, sealed: bool) -> int:  # noqa: ARG002  # scout2 seals all
        """See `Format.max_body`."""
        return messages.MAX_BODY


def _own(entries: Iterable[Entry]) -> tuple[record.Entry, ...]:
    """Entries of a record of this format are of no other."""
    return cast("tuple[record.Entry, ...]", tuple(entries))


def _mailbox(box: Mailbox) -> mailbox.Mailbox:
    return mailbox.Mailbox(box.head, box.number or 0, box.received, box.rest)
