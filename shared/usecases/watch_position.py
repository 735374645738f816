"""How far a watcher is, as text: the id of an event, from which to go on after a break.

The state of the record that was shown, and of each other member's list the last message. Nothing in it is secret: a
digest, numbers, and addresses at which sealed messages lie for anybody to fetch.

    3f2a90c1~0.12~5.-.9f86d081884c7d659a2feaa0c55ad015a3bf4f1b    list 0 up to message 12; list 5 does not count
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.errors import ErrorCode, ScoutError
from shared.format.members import MAX_MEMBER
from shared.usecases.formats.ports import Mailbox

MAX_ID = 4096
"""Characters: a record that is full of lists without numbers takes less, and it fits into a header."""

_TAG = r"[0-9a-f]{1,20}(?:-[0-9a-f]{8})?"
_LIST = r"(?:0|[1-9][0-9]{0,9})\.(?:0|[1-9][0-9]{0,9}|-\.[0-9a-f]{40})"
ID = rf"{_TAG}(?:~{_LIST})*"
"""An id as a pattern."""

_ID = re.compile(ID)


@dataclass(frozen=True, slots=True)
class Read:
    """How far a list has been read."""

    number: int | None = 0
    """All messages up to this one; None in a list that an original client writes, which does not count."""
    head: bytes | None = None
    """The last message's address (20 bytes) there."""

    def has_news(self, box: Mailbox) -> bool:
        """Whether a mailbox leads to messages that were not read yet."""
        if box.head is None:
            return False
        return box.number > (self.number or 0) if box.number is not None else box.head != self.head


@dataclass(frozen=True, slots=True)
class Position:
    """How far a watcher is."""

    tag: str
    """Of the record as it was last shown (`Record.tag`)."""
    lists: Mapping[int, Read] = field(default_factory=dict)
    """By member."""

    def read(self, member: int) -> Read:
        """How far a member's list has been read."""
        return self.lists.get(member, Read())

    def after(self, member: int, read: Read) -> Position:
        """The same with one list read further."""
        return replace(self, lists={**self.lists, member: read})

    def __str__(self) -> str:
        """As an event's id."""
        return "~".join([self.tag, *(_list(member, self.lists[member]) for member in sorted(self.lists))])


def head_of(box: Mailbox) -> Read:
    """A list that has been read to its end."""
    return Read(box.number) if box.number is not None else Read(None, box.head)


def position_of(text: str) -> Position:
    """The position that an id names. Raises ScoutError (`invalid_request`)."""
    if len(text) > MAX_ID or not _ID.fullmatch(text):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected the id of an event as an earlier stream gave it.")
    tag, *lists = text.split("~")
    found = dict(_read(one) for one in lists)
    if len(found) < len(lists) or any(member > MAX_MEMBER for member in found):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected an event's id to name each member's list once.")
    return Position(tag, found)


def _list(member: int, read: Read) -> str:
    if read.number is None:
        return f"{member}.-.{read.head.hex()}" if read.head else f"{member}.0"
    return f"{member}.{read.number}"


def _read(text: str) -> tuple[int, Read]:
    member, number, *head = text.split(".")
    return int(member), Read(None, bytes.fromhex(head[0])) if head else Read(int(number))
