"""Leave a message for those who are away: store it as an immutable item, then move the list's head in the record.

Item first, then head: a crash between the two leaves an item that nobody points to, never a list that points to
nothing. The head moves inside the read-modify-write of the record, and the item is framed there too: its `next` is the
head that was just read, even when another device of the same member has sent meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.usecases import items
from shared.usecases.changes import Scope
from shared.usecases.formats.ports import Content, Entries, Entry, Mailbox
from shared.usecases.keeping import Kept, kept, kept_both
from shared.usecases.mailboxes import own_mailbox
from shared.usecases.ports import Ports
from shared.usecases.receipts import of_mine
from shared.usecases.records import Place
from shared.usecases.standing import Ancestry
from shared.usecases.synchronise import Synced, Synchroniser
from shared.usecases.thinning import within_limit

MAX_OVERTAKEN = 512
"""Messages of the same member that may come between two attempts to write one: twice as many as may wait for a run."""

MAX_OVERTAKEN_UNCOUNTED = 4
"""The same where a list's messages have no numbers, so that nobody can say how far back ours would be."""


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

    behind: bytes | None
    head: bytes
    """Its own address."""
    number: int | None
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

    async def apply(self, entries: Entries, scope: Scope) -> Entries:
        """Frame and store the message behind the head in `entries`, and make it the head."""
        box = _own_list(self.place, entries)
        landed = await self._landed(box, scope)
        if landed is None:
            landed = await self._store(entries, box, scope)
            box = scope.format.pushed(box, landed.head)
        self.stored.append(landed)
        changed, entry = self._set(entries, box, scope)
        self.written.append(entry)
        return changed

    async def _store(self, entries: Entries, box: Mailbox, scope: Scope) -> _Stored:
        """The message behind the head of `box`, as an item; one that an earlier attempt stored there is used again."""
        earlier = next((stored for stored in self.stored if stored.behind == box.head), None)
        if earlier is not None:
            return earlier
        request = crypto.SealMessage(
            link=self.place.link,
            next=box.head or b"",
            number=(box.number or 0) + 1,
            sent_at_ms=scope.now_ms,
            body=self.message.body,
            seal=self.message.seal,
        )
        reply = await self.ports.crypto.seal_message(request, scope.context)
        pushed = scope.format.pushed(box, reply.target)
        # a record without room must be refused before anything is stored
        within_limit(scope.format, Content(self._set(entries, pushed, scope)[0]), entries, self.place.member)
        put = await items.put_value(self.ports.dht, reply.value, scope.context, self.message.keep)
        scope.older[reply.target] = box.head
        return _Stored(box.head, reply.target, pushed.number, put.storing, kept(put))

    def _set(self, entries: Entries, box: Mailbox, scope: Scope) -> tuple[Entries, Entry]:
        """`entries` with this mailbox, and its entry: newer than all that our earlier attempts said instead.

        Those may live on a few nodes. With an equal seq one of them could win the merge, and the head of a list that
        others have built upon would be lost.
        """
        rules, entry_id = scope.format, members.mailbox_id(self.place.member)
        wanted = rules.mailbox_content(box)._replace(id=entry_id)
        changed = rules.change(entries, wanted, scope.now_ms)
        entry = next(entry for entry in changed if entry.id == entry_id)
        rivals = [written.seq + 1 for written in self.written if written.content != entry.content]
        entry = rules.raised(entry, max(entry.seq, *rivals)) if rivals else entry
        return rules.merge(changed, (entry,)), entry

    async def _landed(self, box: Mailbox, scope: Scope) -> _Stored | None:
        """The attempt of ours that is in the list already: somebody merged it before we could see it stored.

        Another device of this member may have sent on top of it, so look some messages back.
        """
        ancestry, target = Ancestry(self.ports, self.place, scope.context, scope.older), box.head
        for _ in range(self._overtaken(box)):
            found = next((stored for stored in self.stored if stored.head == target), None)
            if found is not None or target is None:
                return found
            target = await ancestry.next_of(target)
        return None

    def _overtaken(self, box: Mailbox) -> int:
        """How many messages at the front of the list may hide one of our attempts."""
        if not self.stored:
            return 0
        oldest = min((stored.number for stored in self.stored if stored.number is not None), default=None)
        if box.number is None or oldest is None:
            return MAX_OVERTAKEN_UNCOUNTED
        return min(max(box.number - oldest + 1, 0), MAX_OVERTAKEN)


async def send(ports: Ports, synchroniser: Synchroniser, place: Place, message: Outgoing, context: CallContext) -> Sent:
    """Leave a message from the caller's member of the link for all others.

    Raises ScoutError: `message_too_large` over the format's limit, `record_full`, `not_stored`, `conflict`, …
    """
    limit = place.format.max_body(sealed=message.seal)
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
    return Sent(stored.number, stored.head, stored.storing, synced, lease)


def _own_list(place: Place, entries: Entries) -> Mailbox:
    """The caller's own mailbox. A list that begins anew counts on from what others have received of the one before.

    That one was silent until its entry ran out. Beginning at 1 again, its messages would pass for received.
    """
    box = own_mailbox(place, entries)
    if box.head is not None or box.number is None:
        return box
    return replace(box, number=max(box.number, *of_mine(place, entries).values(), 0))
