"""The value of a member's mailbox entry: MessagePack `[head or nil, number of the head message, {member: received}]`.

The entry of member m has the id 2^31 + m. Beside the head of the member's own list it says how far the member has
received those of the others: their writers stop keeping what everybody has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.format import bep44
from shared.format.errors import FieldError, MalformedError, SeqExhaustedError
from shared.format.keys import require_size
from shared.format.members import MAX_MEMBER, require_member
from shared.format.scout2.packing import MAX_U32, U32, elements, pack_array, unpack

MAX_NUMBER = MAX_U32

_FIELDS = 3
_WHAT = "a mailbox [head, number, received]"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What one member says of its messages, and of those it has received."""

    head: bytes | None = None
    """Address (20 bytes) of its newest message; None when there is none."""
    number: int = 0
    """The number of that message, from 1; 0 when there never was one."""
    received: Mapping[int, int] = field(default_factory=dict)
    """Member -> the highest number received from it."""
    rest: tuple[bytes, ...] = ()
    """Elements that a newer writer added, each encoded."""


def parse(value: bytes) -> Mailbox:
    """The mailbox in an entry's value. Raises MalformedError."""
    fields = elements(value, _FIELDS, _WHAT)
    head: bytes | None = unpack(fields[0], bytes | None, _WHAT)  # type: ignore[arg-type]  # a union is no class to mypy
    if head is not None and len(head) != bep44.TARGET_SIZE:
        raise MalformedError(f"expected a head of {bep44.TARGET_SIZE} bytes, got {len(head)}")
    received: dict[int, int] = unpack(fields[2], dict[U32, U32], _WHAT)
    if any(member > MAX_MEMBER for member in received):
        raise MalformedError(f"expected members from 0 to {MAX_MEMBER}")
    return Mailbox(head, unpack(fields[1], U32, _WHAT), received, tuple(map(bytes, fields[_FIELDS:])))


def serialise(mailbox: Mailbox) -> bytes:
    """The value of a mailbox's entry, members in ascending order. Raises FieldError."""
    if mailbox.head is not None:
        require_size(mailbox.head, bep44.TARGET_SIZE, "a head")
    for number in (mailbox.number, *mailbox.received.values()):
        if not 0 <= number <= MAX_NUMBER:
            raise FieldError(f"expected a number from 0 to {MAX_NUMBER}, got {number}")
    for member in mailbox.received:
        require_member(member)
    return pack_array((mailbox.head, mailbox.number, dict(sorted(mailbox.received.items()))), mailbox.rest)


def push(mailbox: Mailbox, head: bytes) -> Mailbox:
    """The mailbox after the message at `head` (20 bytes) was put in front. Raises SeqExhaustedError after 2^32 - 1."""
    if mailbox.number >= MAX_NUMBER:
        raise SeqExhaustedError(f"expected fewer than {MAX_NUMBER} messages in a list")
    return replace(mailbox, head=head, number=mailbox.number + 1)


def acknowledge(mailbox: Mailbox, member: int, number: int) -> Mailbox:
    """The mailbox that says messages of `member` up to `number` have been received; it never takes anything back."""
    if number <= mailbox.received.get(member, 0):
        return mailbox
    return replace(mailbox, received={**mailbox.received, member: number})
