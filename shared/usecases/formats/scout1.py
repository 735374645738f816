"""scout1 as the use cases see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import cast

from shared.contracts.crypto import FormatName
from shared.format.errors import FieldError, FormatError, SeqExhaustedError
from shared.format.scout1 import mailbox, merge, messages, record, seqs
from shared.format.scout2.epochs import Reading
from shared.usecases.formats.ports import Coming, Content, Entries, Entry, Mailbox, Meta, Race, Wanted


class Scout1:
    """The original's format: no ttl, no tombstones, one address for ever."""

    name: FormatName = "scout1"
    max_plaintext = record.MAX_PLAINTEXT
    has_epochs = False
    has_tombstones = False
    reports_receipt = False

    def parse(self, plaintext: bytes, _now_ms: int) -> Content:
        """See `Format.parse`."""
        return Content(merge.merge(record.parse(plaintext)))

    def serialise(self, content: Content) -> bytes:
        """See `Format.serialise`."""
        return record.serialise(_own(content.entries))

    def merge(self, *versions: Iterable[Entry]) -> Entries:
        """See `Format.merge`."""
        return merge.merge(*map(_own, versions))

    def merge_meta(self, _versions: Sequence[Meta]) -> Meta:
        """There is none."""
        return ()

    def change(self, entries: Entries, wanted: Wanted, _now_ms: int, _keep: int = 0) -> Entries:
        """See `Format.change`. Raises FieldError for a ttl."""
        if wanted.ttl is not None:
            raise FieldError("expected no ttl: scout1 has no room for one. Write again within two hours, or remove")
        if wanted.seq is None:
            return merge.change(_own(entries), wanted.id, wanted.content)
        return merge.merge(_own(entries), (record.Entry(wanted.id, wanted.seq, wanted.content),))

    def remove(self, entries: Entries, ids: Collection[int], _now_ms: int) -> Entries:
        """Leave them out; a version that still holds them brings them back."""
        return merge.remove(_own(entries), ids)

    def raised(self, entry: Entry, seq: int) -> Entry:
        """See `Format.raised`."""
        if seq > record.MAX_SEQ:
            raise SeqExhaustedError(f"expected a seq up to {record.MAX_SEQ} for entry {entry.id}, got {seq}")
        return cast("record.Entry", entry)._replace(seq=seq)

    def holding(self, entry: Entry, content: bytes) -> Entry:
        """See `Format.holding`."""
        return cast("record.Entry", entry)._replace(content=content)

    def size(self, content: Content) -> int:
        """See `Format.size`."""
        return record.size(_own(content.entries))

    def entry_size(self, entry: Entry) -> int:
        """See `Format.entry_size`."""
        return record.entry_size(cast("record.Entry", entry))

    def reading(self, _phase: int, _now_ms: int) -> Reading:
        """One epoch for ever."""
        return Reading(0, (), None)

    def next_seq(self, seen: Iterable[int], _phase: int, _epoch: int, _now_ms: int) -> int:
        """See `Format.next_seq`."""
        return seqs.next_seq(seen)

    def kept_until(self, _phase: int, _epoch: int, until_ms: int) -> int:
        """As long as is asked."""
        return until_ms

    def coming(self, _entries: Entries, _phase: int, _epoch: int, _now_ms: int, _until_ms: int) -> Sequence[Coming]:
        """There is none."""
        return ()

    def seq_ahead(self, _phase: int, _epoch: int, _now_ms: int) -> int:
        """See `Format.seq_ahead`; there is one epoch, and it has begun."""
        return seqs.FIRST_SEQ

    def absolute(self, seq: int, _epoch: int) -> int:
        """It never turns."""
        return seq

    def mailbox(self, entry: Entry) -> Mailbox | None:
        """See `Format.mailbox`."""
        try:
            found = mailbox.parse(cast("record.Entry", entry).content)
        except FormatError:
            return None
        return Mailbox(None if found.head == messages.EMPTY_HEAD else found.head, found.number)

    def mailbox_content(self, box: Mailbox) -> Wanted:
        """See `Format.mailbox_content`."""
        return Wanted(0, mailbox.serialise(_mailbox(box)))

    def pushed(self, box: Mailbox, head: bytes) -> Mailbox:
        """See `Format.pushed`."""
        return Mailbox(head, mailbox.push(_mailbox(box), head).number)

    def race(self, entry: Entry) -> Race:
        """Entries of one seq were set at the same time."""
        return Race(entry.seq, entry.content or b"")

    def max_body(self, *, sealed: bool) -> int:
        """See `Format.max_body`."""
        return messages.MAX_SEALED_BODY if sealed else messages.MAX_BODY


def _own(entries: Iterable[Entry]) -> tuple[record.Entry, ...]:
    """Entries of a record of this format are of no other."""
    return cast("tuple[record.Entry, ...]", tuple(entries))


def _mailbox(box: Mailbox) -> mailbox.Mailbox:
    return mailbox.Mailbox(box.head or messages.EMPTY_HEAD, box.number)
