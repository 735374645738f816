"""Where the members of a scout1 record keep the heads of their message lists: one entry each.

The entry of member m has the id 2^31 + m and holds `head(20) | number(4)`: the address of the newest message, and how
many messages the list has had, so that a reader sees a gap. An original client reads the first 20 bytes and writes
only those: the number is then unknown.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from shared.format.errors import FieldError, SeqExhaustedError
from shared.format.keys import require_size
from shared.format.scout1.messages import EMPTY_HEAD, HEAD_SIZE, parse_head

MAX_NUMBER = 2**32 - 1

_NUMBER = struct.Struct(">I")


class Mailbox(NamedTuple):
    """The list of one member."""

    head: bytes = EMPTY_HEAD
    """Address (20 bytes) of the newest message; zeros when there is none."""
    number: int | None = 0
    """The number of the newest message, from 1; 0 for an empty list, None when its writer did not say."""


def parse(content: bytes) -> Mailbox:
    """The mailbox in an entry's content. Raises MalformedError when there is not even a head."""
    head = parse_head(content)
    if len(content) < HEAD_SIZE + _NUMBER.size:
        return Mailbox(head, 0 if head == EMPTY_HEAD else None)
    (number,) = _NUMBER.unpack_from(content, HEAD_SIZE)
    return Mailbox(head, number if number or head == EMPTY_HEAD else None)


def serialise(mailbox: Mailbox) -> bytes:
    """The content of a mailbox's entry: 24 bytes, or the bare 20 when its number is unknown. Raises FieldError."""
    require_size(mailbox.head, HEAD_SIZE, "a list head")
    if mailbox.number is None:
        return mailbox.head
    if not 0 <= mailbox.number <= MAX_NUMBER:
        raise FieldError(f"expected a number from 0 to {MAX_NUMBER}, got {mailbox.number}")
    return mailbox.head + _NUMBER.pack(mailbox.number)


def push(mailbox: Mailbox, head: bytes) -> Mailbox:
    """The mailbox after the message at `head` was put in front: its number rises by one, an unknown one stays unknown.

    Raises SeqExhaustedError after 2^32 - 1 messages.
    """
    if mailbox.number == MAX_NUMBER:
        raise SeqExhaustedError(f"expected fewer than {MAX_NUMBER} messages in a list")
    return Mailbox(head, None if mailbox.number is None else mailbox.number + 1)
