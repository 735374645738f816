"""Watch a link: what is new in its record, and which messages are new, one event after the other.

What a look costs is the port's business: in a cluster it is a glance at what others saw (`sighting.SharedDht`). Nothing
is opened unless the versions are others than before, or an entry has run out of its time. Each event names the position
behind it, from which another watcher can go on, in this process or any.

What could not be fetched now is fetched at one of the next looks. A message that still can't be read after some tries
is a gap, told as such, so that it does not hold up those behind it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from shared.contracts.operation import CallContext
from shared.usecases import inbox, records
from shared.usecases.formats.ports import Mailbox
from shared.usecases.inbox import Gap, Inbox, Message, Query
from shared.usecases.looking import LOOK_EVERY_S, Looked, again_and_again
from shared.usecases.mailboxes import mailboxes
from shared.usecases.ports import Ports
from shared.usecases.records import Place, Record
from shared.usecases.watch_position import Position, Read, head_of, position_of

MAX_NEWS = 2 * inbox.MAX_LIMIT
"""New messages of one list that are shown, the newest ones: a watcher that comes back after long holds that many in
memory, about 200 KB, because a list is walked from its newest message and told from its oldest."""

PATIENCE = 6
"""Tries, a second apart and then twice as long each time, after which a message that can't be read is a gap: half a
minute. The item was stored before its list's head, so a miss is a lost datagram, or a network that is away."""


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """The record as it is now."""

    id: str
    record: Record


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A message of another member that was not there before."""

    id: str
    message: Message


@dataclass(frozen=True, slots=True)
class MessagesMissing:
    """Messages that can't be read."""

    id: str
    gap: Gap


Event = RecordChanged | MessageArrived | MessagesMissing


@dataclass(slots=True)
class _Shown:
    """The versions that were opened last."""

    signatures: frozenset[tuple[int, bytes]]
    expires_ms: float
    """When the first of their entries stops to count."""


@dataclass(slots=True)
class _Missed:
    """A list in which a message could not be read."""

    tries: int
    again: float
    """When to try again (monotonic seconds)."""


@dataclass(slots=True)
class Watch:
    """One watcher of one link."""

    ports: Ports
    link: str
    context: Callable[[], CallContext]
    """Of the calls of one step, with a deadline of its own."""
    position: Position | None = None
    """How far it is; None before the first look."""
    _place: Place | None = None
    _located: int = -1
    """The epoch for which `_place` was worked out."""
    _shown: _Shown | None = None
    _missed: dict[int, _Missed] = field(default_factory=dict)
    """By member."""

    def events(self) -> AsyncGenerator[Event | Looked, None]:
        """What happens, for ever: events, and after each look a `Looked`.

        Without a position the first event is the record as it is, and messages are those that come after it.
        Raises ScoutError for a link that is no good (`bad_handle`, …).
        """
        return again_and_again(self.ports, self._look)

    async def _look(self) -> AsyncGenerator[Event, None]:
        context = self.context()
        place = await self._where(context)
        found = await records.find(self.ports, place, context)
        signatures = frozenset((one.epoch, version.signature) for one in found for version in one.reply.versions)
        if self._is_known(signatures):
            return
        record = await records.open_all(self.ports, place, found, context)
        if (event := self._of_record(place, record)) is not None:
            yield event
        lists = dict(_others(place, record))
        self._missed = {member: missed for member, missed in self._missed.items() if member in lists}
        for member, box in lists.items():
            async with aclosing(self._of_list(place, record, member, box)) as news:
                async for told in news:
                    yield told
        if not self._missed:
            expires = (entry.expires_ms for entry in record.entries if entry.expires_ms is not None)
            self._shown = _Shown(signatures, min(expires, default=float("inf")))

    async def _where(self, context: CallContext) -> Place:
        """Where the record lies; worked out again when its epoch turns."""
        place = self._place
        if place is None or place.reading(self.ports.clock.utc_ms()).current != self._located:
            place = self._place = await records.locate(self.ports, self.link, context)
            self._located = place.reading(self.ports.clock.utc_ms()).current
        return place

    def _is_known(self, signatures: frozenset[tuple[int, bytes]]) -> bool:
        shown = self._shown
        return shown is not None and shown.signatures == signatures and self.ports.clock.utc_ms() < shown.expires_ms

    def _of_record(self, place: Place, record: Record) -> RecordChanged | None:
        """The event of a record that is another than was shown last."""
        if self.position is None:
            self.position = Position(record.tag, {member: head_of(box) for member, box in _others(place, record)})
        elif self.position.tag == record.tag:
            return None
        else:
            self.position = Position(record.tag, self.position.lists)
        return RecordChanged(str(self.position), record)

    async def _of_list(self, place: Place, record: Record, member: int, box: Mailbox) -> AsyncGenerator[Event, None]:
        """What is new in one member's list, oldest first; nothing yet where a message may still be found."""
        position = self.position or Position(record.tag)
        read, missed = position.read(member), self._missed.pop(member, None)
        if not read.has_news(box):
            return
        if missed is not None and self.ports.clock.monotonic() < missed.again:
            self._missed[member] = missed
            return
        news = await self._news(place, record, member, read)
        if news.gaps and self._is_worth_another_try(member, missed):
            return
        told = _in_order(news, read)
        for at, one in enumerate(told, start=1):
            last = at == len(told)
            self.position = position = position.after(member, head_of(box) if last else _behind(one, position, member))
            yield _event(str(position), one)
        self.position = position.after(member, head_of(box))

    def _is_worth_another_try(self, member: int, missed: _Missed | None) -> bool:
        """Whether to wait for a message that could not be read; counts the tries."""
        tries = 1 if missed is None else missed.tries + 1
        if tries >= PATIENCE:
            return False
        self._missed[member] = _Missed(tries, self.ports.clock.monotonic() + LOOK_EVERY_S * 2 ** (tries - 1))
        return True

    async def _news(self, place: Place, record: Record, member: int, read: Read) -> Inbox:
        """The messages of a list that were not read yet, about the MAX_NEWS newest. Raises ScoutError."""
        messages: list[Message] = []
        gaps: list[Gap] = []
        more: inbox.Position | None = None
        while len(messages) + len(gaps) < MAX_NEWS:
            query = Query(read.number or 0, inbox.MAX_LIMIT, member, more, read.head)
            page = await inbox.read(self.ports, place, record.entries, query, self.context())
            messages[:0] = page.messages
            gaps += page.gaps
            if not page.more:
                return Inbox(tuple(messages), tuple(gaps), ())
            (more,) = page.more
        return Inbox(tuple(messages), tuple(gaps), () if more is None else (more,))


def watch(ports: Ports, link: str, context: Callable[[], CallContext], after: str | None) -> Watch:
    """A watcher of `link` that goes on behind the event with the id `after`; None: from now on.

    Raises ScoutError (`invalid_request`) for what is no event's id.
    """
    return Watch(ports, link, context, None if after is None else position_of(after))


def _others(place: Place, record: Record) -> Iterable[tuple[int, Mailbox]]:
    """The lists of the other members, in the order of their numbers."""
    for member, box in sorted(mailboxes(place.format, record.entries).items()):
        if member != place.member and box is not None:
            yield member, box


def _event(id_: str, one: Message | Gap) -> Event:
    return MessageArrived(id_, one) if isinstance(one, Message) else MessagesMissing(id_, one)


def _in_order(news: Inbox, read: Read) -> Sequence[Message | Gap]:
    """Messages and gaps of one list, oldest first; gaps of which nobody knows the place come first."""
    reason, after = f"more than {MAX_NEWS} are new, and these are older", (read.number or 0) + 1
    older = [Gap(at.member, None if at.number is None else after, at.number, reason) for at in news.more]
    gaps = [*older, *sorted(news.gaps, key=_number)]
    if any(gap.last is None for gap in gaps) or any(message.number is None for message in news.messages):
        return [*gaps, *news.messages]
    return sorted([*gaps, *news.messages], key=_number)


def _number(one: Message | Gap) -> int:
    return (one.number if isinstance(one, Message) else one.last) or 0


def _behind(one: Message | Gap, position: Position, member: int) -> Read:
    """How far a list has been read behind a message or a gap."""
    number = one.number if isinstance(one, Message) else one.last
    if number is not None:
        return Read(number)
    return Read(None, one.target) if isinstance(one, Message) else position.read(member)
