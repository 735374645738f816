"""Leave a message for those who are away: store it as an immutable item, then move the list's head in the record.

Item first, then head: a crash between the two leaves an item that nobody points to, never a list that points to
nothing. The head moves inside the read-modify-write of the record, and the item is framed there too: its `next` is the
head that was just read, even when another device of the same member has sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.format.errors import FormatError
from shared.format.items import content_of
from shared.format.scout1 import mailbox, messages
from shared.format.scout1.mailbox import Mailbox
from shared.format.scout1.merge import change, merge
from shared.format.scout1.record import Entry, serialise
from shared.usecases import items
from shared.usecases.keeping import Kept, kept, kept_both
from shared.usecases.ports import Ports
from shared.usecases.records import Entries, Place
from shared.usecases.synchronise import Synced, Synchroniser

MAX_OVERTAKEN = 4
"""Messages of the same member's other devices that may come between two attempts to write one."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to leave."""

    body: bytes
    seal: bool = True
    """Off for peers with the original, and for anybody to read."""
    keep: int = 0
    """Seconds for which it, and the list that leads to it, are kept alive."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is stored, and the record whose list it heads."""

    number: int | None
    """From 1; None in a list that an original client began, which does not count."""
    target: bytes
    storing: dht.StoringReport
    synced: Synced
    kept: Kept
    """The message together with the record that leads to it."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Our message as an item, behind one head that the list had."""

    behind: bytes
    pushed: Mailbox
    storing: dht.StoringReport
    kept: Kept


@dataclass(slots=True)
class _Append:
    """The change that puts one message in front of its sender's list."""

    ports: Ports
    place: Place
    message: Outgoing
    stored: list[_Stored] = field(default_factory=list)
    """One for each head that an attempt found; the last is the one that counts."""
    written: list[Entry] = field(default_factory=list)
    """The mailbox as each attempt wrote it; some nodes may hold it still."""

    async def apply(self, entries: Entries, context: CallContext) -> Entries:
        """Frame and store the message behind the head in `entries`, and make it the head."""
        box = _mailbox(entries, members.mailbox_id(self.place.member))
        landed = await self._landed(box, context)
        if landed is None:
            landed = await self._store(entries, box, context)
            box = landed.pushed
        self.stored.append(landed)
        changed, entry = self._set(entries, box)
        self.written.append(entry)
        return changed

    async def _store(self, entries: Entries, box: Mailbox, context: CallContext) -> _Stored:
        """The message behind the head of `box`, as an item; one that an earlier attempt stored there is used again."""
        earlier = next((stored for stored in self.stored if stored.behind == box.head), None)
        if earlier is not None:
            return earlier
        reply = await self.ports.crypto.seal_message(
            crypto.SealMessage(link=self.place.link, next=box.head, body=self.message.body, seal=self.message.seal),
            context,
        )
        pushed = mailbox.push(box, reply.target)
        serialise(self._set(entries, pushed)[0])  # a record without room must be refused before anything is stored
        put = await items.put_value(self.ports.dht, reply.value, context, self.message.keep)
        return _Stored(box.head, pushed, put.storing, kept(put))

    def _set(self, entries: Entries, box: Mailbox) -> tuple[Entries, Entry]:
        """`entries` with this mailbox, and its entry: newer than all that our earlier attempts said instead.

        Those may live on a few nodes. With an equal seq one of them could win the merge, and the head of a list that
        others have built upon would be lost.
        """
        entry_id, content = members.mailbox_id(self.place.member), mailbox.serialise(box)
        seq = next(entry.seq for entry in change(entries, entry_id, content) if entry.id == entry_id)
        rivals = [entry.seq + 1 for entry in self.written if entry.content != content]
        entry = Entry(entry_id, max(seq, *rivals) if rivals else seq, content)
        return merge(entries, (entry,)), entry

    async def _landed(self, box: Mailbox, context: CallContext) -> _Stored | None:
        """The attempt of ours that is in the list already: somebody merged it before we could see it stored.

        Another device of this member may have sent on top of it, so look some messages back.
        """
        target = box.head
        for _ in range(MAX_OVERTAKEN if self.stored else 0):
            found = next((stored for stored in self.stored if stored.pushed.head == target), None)
            if found is not None or target == messages.EMPTY_HEAD:
                return found
            reply = await self.ports.dht.get_immutable(dht.GetImmutable(target=target), context)
            if reply.value is None:
                return None
            try:
                target = next_of(reply.value)
            except FormatError:
                return None
        return None


async def send(ports: Ports, synchroniser: Synchroniser, place: Place, message: Outgoing, context: CallContext) -> Sent:
    """Leave a message from the caller's member of the link for all others.

    Raises ScoutError: `message_too_large` over 933 bytes (973 unsealed), `record_full`, `not_stored`, `conflict`, …
    """
    limit = messages.MAX_SEALED_BODY if message.seal else messages.MAX_BODY
    if len(message.body) > limit:
        raise ScoutError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"Expected a body of at most {limit} bytes, got {len(message.body)}.",
            facts={"size": len(message.body), "limit": limit},
        )
    append = _Append(ports, place, message)
    synced = await synchroniser.synchronise(place, append, context, keep=message.keep)
    stored = append.stored[-1]
    lease = kept_both(stored.kept, synced.kept)
    return Sent(stored.pushed.number, stored.pushed.head, stored.storing, synced, lease)


def mailboxes(entries: Entries) -> dict[int, Mailbox | None]:
    """The lists in a record by member; None for an entry in their range that is no mailbox."""
    found: dict[int, Mailbox | None] = {}
    for entry in entries:
        member = members.member_of(entry.id)
        if member is not None:
            found[member] = _parsed(entry)
    return found


def _parsed(entry: Entry) -> Mailbox | None:
    try:
        return mailbox.parse(entry.content)
    except FormatError:
        return None


def _mailbox(entries: Sequence[Entry], entry_id: int) -> Mailbox:
    """The mailbox to push to; what is no mailbox is replaced by a new list."""
    entry = next((entry for entry in entries if entry.id == entry_id), None)
    return (_parsed(entry) if entry else None) or Mailbox()


def next_of(value: bytes) -> bytes:
    """Address (20 bytes) of the next older message, from a message as a bencoded value. Raises FormatError."""
    return messages.unframe(content_of(value)).next
