"""Read the messages that others left: walk each list from its head towards older ones, then put them in order.

Everything on the way is a stranger's word: an item may be missing, may be no message, may point back into the list.
A walk ends at the first of these, or at the limit, and the result says why and which numbers are unknown.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace

from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.usecases.formats.ports import Entries, Mailbox
from shared.usecases.mailboxes import fetch, mailboxes, own_mailbox
from shared.usecases.ports import Ports
from shared.usecases.records import Place

MAX_LIMIT = 100
"""Messages in one answer: each is a lookup of its own, and a list can only be walked one by one."""

MAX_WALKS = 8
"""Lists walked at the same time."""

RESERVE = 0.1
"""Share of the time left in which nothing is fetched any more, so that what was found can be answered."""


CURSOR = r"([0-9]{1,10})\.([0-9]{1,10}|-)\.([0-9a-f]{40})"
"""A position as text: member, number (`-` where nobody knows it) and address."""

_CURSOR = re.compile(CURSOR)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read."""

    member: int
    number: int | None
    """None in a list that an original client writes, which does not count."""
    target: bytes
    body: bytes
    sealed: bool
    sent_at_ms: int | None = None
    """By the sender's clock; None in scout1, which does not say."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that can't be read, and why in words. `first` … `last` are numbers, None where nobody knows."""

    member: int
    first: int | None
    last: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list: the message at `target` with its number, and all older ones."""

    member: int
    number: int | None
    target: bytes


@dataclass(frozen=True, slots=True)
class Inbox:
    """Messages by member, oldest first within each."""

    messages: tuple[Message, ...]
    gaps: tuple[Gap, ...]
    more: tuple[Position, ...]
    """Where older ones go on that the limit or the time did not allow to read."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to read."""

    after: int = 0
    """Leave out messages with this number or a lower one."""
    limit: int = MAX_LIMIT
    member: int | None = None
    """Only this member's list; None for all but the reader's own."""
    position: Position | None = None
    """Read on from here instead of from the heads."""
    until: bytes | None = None
    """Leave out the message with this address (20 bytes) and older ones: for lists whose messages have no numbers."""


def cursor_of(position: Position) -> str:
    """A position as text, for whoever asks to read on from there."""
    number = "-" if position.number is None else str(position.number)
    return f"{position.member}.{number}.{position.target.hex()}"


def position_of(cursor: str) -> Position:
    """The position that a text names. Raises ScoutError (`invalid_request`)."""
    matched = _CURSOR.fullmatch(cursor)
    if matched is None:
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected a cursor as an earlier answer gave it.")
    member, number, target = matched.groups()
    return Position(int(member), None if number == "-" else int(number), bytes.fromhex(target))


@dataclass(slots=True)
class _Walk:
    """One list on the way from newer to older."""

    at: Position | None
    """The next message to fetch; None at the end of the list or at a gap."""
    after: int
    limit: int
    until: bytes | None = None
    received: int = 0
    """How far the reader has said it has received this list: its sender may keep that no longer."""
    found: list[Message] = field(default_factory=list)
    """Newest first."""
    seen: int = 0
    """Messages fetched, those that could not be read included."""
    gaps: list[Gap] = field(default_factory=list)
    failure: ScoutError | None = None


async def read(ports: Ports, place: Place, entries: Entries, query: Query, context: CallContext) -> Inbox:
    """The messages in the lists of a record's `entries`. Raises ScoutError when the DHT gave nothing at all."""
    walks = _walks(place, entries, query)
    left = context.deadline_ms - ports.clock.utc_ms()
    hurried = replace(context, deadline_ms=context.deadline_ms - int(left * RESERVE))
    lanes = asyncio.Semaphore(MAX_WALKS)
    async with asyncio.TaskGroup() as tasks:
        for walk in walks:
            tasks.create_task(_follow(ports, place, walk, lanes, hurried))
    failed = next((walk.failure for walk in walks if walk.failure), None)
    if failed is not None and not any(walk.seen for walk in walks):
        raise failed
    return Inbox(
        messages=tuple(message for walk in walks for message in reversed(walk.found)),
        gaps=tuple(gap for walk in walks for gap in walk.gaps),
        more=tuple(walk.at for walk in walks if walk.at is not None),
    )


def _walks(place: Place, entries: Entries, query: Query) -> list[_Walk]:
    received = own_mailbox(place, entries).received
    if query.position is not None:
        at = query.position
        return [_Walk(at, query.after, query.limit, query.until, received.get(at.member, 0))]
    boxes = mailboxes(place.format, entries)
    asked = sorted(boxes) if query.member is None else [query.member]
    lists = [member for member in asked if member in boxes and (member != place.member or query.member is not None)]
    # a fixed share each, so that one member's flood can't crowd out the others
    shares = [query.limit // len(lists) + (place < query.limit % len(lists)) for place in range(len(lists))]
    return [
        _started(member, boxes[member], _Walk(None, query.after, share, query.until, received.get(member, 0)))
        for member, share in zip(lists, shares, strict=True)
    ]


def _started(member: int, box: Mailbox | None, walk: _Walk) -> _Walk:
    """A walk at the head of a list; at nothing, when there is nothing new."""
    if box is None:
        walk.gaps.append(Gap(member, None, None, "the entry is no mailbox"))
    elif box.head not in {None, walk.until} and (box.number is None or box.number > walk.after):
        walk.at = Position(member, box.number, box.head)
    return walk


async def _follow(ports: Ports, place: Place, walk: _Walk, lanes: asyncio.Semaphore, context: CallContext) -> None:
    """Walk one list until it ends, a gap, the limit, or the deadline; a failure leaves the rest as `more`."""
    visited: set[bytes] = set()
    async with lanes:
        try:
            while walk.at is not None and walk.seen < walk.limit:
                # an address can't name itself, but a record that lies about a list's head costs nothing
                if walk.at.target in visited:
                    _end_with_gap(walk, walk.at, "the list runs in a circle")
                    return
                visited.add(walk.at.target)
                _step(walk, walk.at, await fetch(ports, place, walk.at.target, context))
        except ScoutError as error:
            walk.failure = error


def _step(walk: _Walk, at: Position, fetched: crypto.OpenedMessage | None) -> None:
    """Take in the message at a position, and go on to the next older one if it says where that is."""
    if fetched is None:
        _end_with_gap(walk, at, "no node that answered holds it")
        return
    reason = fetched.error or _misplaced(at, fetched)
    if reason is not None and not fetched.next:
        _end_with_gap(walk, at, reason)
        return
    walk.seen += 1
    if reason is not None:
        walk.gaps.append(Gap(at.member, at.number, at.number, reason))
    else:
        message = Message(at.member, at.number, at.target, fetched.body, fetched.sealed, fetched.sent_at_ms)
        walk.found.append(message)
    number = None if at.number is None else at.number - 1
    if (number is not None and number <= walk.after) or (walk.until and fetched.next == walk.until):
        walk.at = None
    elif not fetched.next and number is not None:
        _end_with_gap(walk, Position(at.member, number, b""), "the list ends before its numbers do")
    else:
        walk.at = Position(at.member, number, fetched.next) if fetched.next else None


def _misplaced(at: Position, fetched: crypto.OpenedMessage) -> str | None:
    """Why a message does not belong where it was found; in scout1 messages do not say where they belong."""
    if fetched.member is not None and fetched.member != at.member:
        return f"expected a message of member {at.member}, got one of member {fetched.member}"
    if fetched.number is not None and at.number is not None and fetched.number != at.number:
        return f"expected message {at.number} of the list, got one that calls itself {fetched.number}"
    return None


def _end_with_gap(walk: _Walk, at: Position, reason: str) -> None:
    """Nobody knows what is at `at` and behind it: all numbers down to the last one that the reader has."""
    walk.at = None
    last = max(walk.after, walk.received)
    if at.number is None or at.number > last:
        walk.gaps.append(Gap(at.member, None if at.number is None else last + 1, at.number, reason))
