"""Messages of scout2: immutable items, each with the link to the next older one inside its seal.

The plaintext is MessagePack `[next or nil, member, number, sent_at, body]`. An observer can't follow the chain; the
number, which counts from 1 for each member, shows a reader where something is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.format import bep44
from shared.format.errors import FieldError, MalformedError, MessageTooLargeError
from shared.format.keys import require_size
from shared.format.members import MAX_MEMBER, require_member
from shared.format.scout2 import seal
from shared.format.scout2.mailbox import MAX_NUMBER
from shared.format.scout2.packing import MAX_U64, U32, U64, elements, pack_array, unpack

MAX_BODY = 893
"""Bytes of a body that fit whatever stands before it; a few more do in the first messages of a list."""

_FIELDS = 5
_WHAT = "a message [next, member, number, sent_at, body]"
_ASSOCIATED = b"scout2.message"


class Message(NamedTuple):
    """One message of a member's list."""

    next: bytes | None
    """Address (20 bytes) of the next older one; None at the end."""
    member: int
    """Who wrote it, by its own word: every holder of the root could have."""
    number: int
    """From 1."""
    sent_at: int
    """Unix milliseconds, by the sender's clock."""
    body: bytes
    rest: tuple[bytes, ...] = ()
    """Elements that a newer writer added, each encoded."""


def serialise(message: Message) -> bytes:
    """The plaintext of a message. Raises MessageTooLargeError, and FieldError for what is out of range."""
    if message.next is not None:
        require_size(message.next, bep44.TARGET_SIZE, "an address")
    require_member(message.member)
    if not 1 <= message.number <= MAX_NUMBER:
        raise FieldError(f"expected a number from 1 to {MAX_NUMBER}, got {message.number}")
    if not 0 <= message.sent_at <= MAX_U64:
        raise FieldError(f"expected a time from 0 to {MAX_U64}, got {message.sent_at}")
    plaintext = pack_array(message[:_FIELDS], message.rest)
    if len(plaintext) > seal.MAX_PLAINTEXT:
        size = len(message.body)
        raise MessageTooLargeError(size, size - (len(plaintext) - seal.MAX_PLAINTEXT))
    return plaintext


def parse(plaintext: bytes) -> Message:
    """The message in a plaintext. Raises MalformedError."""
    fields = elements(plaintext, _FIELDS, _WHAT)
    following: bytes | None = unpack(fields[0], bytes | None, _WHAT)  # type: ignore[arg-type]  # no class to mypy
    member, number = unpack(fields[1], U32, _WHAT), unpack(fields[2], U32, _WHAT)
    if following is not None and len(following) != bep44.TARGET_SIZE:
        raise MalformedError(f"expected an address of {bep44.TARGET_SIZE} bytes, got {len(following)}")
    if member > MAX_MEMBER or number < 1:
        raise MalformedError(f"expected a member up to {MAX_MEMBER} and a number from 1, got {member} and {number}")
    sent_at, body = unpack(fields[3], U64, _WHAT), unpack(fields[4], bytes, _WHAT)
    return Message(following, member, number, sent_at, body, tuple(map(bytes, fields[_FIELDS:])))


def seal_message(message: Message, mail_key: bytes, nonce: bytes) -> bytes:
    """The box of a message under the link's mail key (32 bytes); fresh `nonce` of 24 bytes.

    Raises MessageTooLargeError, FieldError.
    """
    return seal.seal(serialise(message), mail_key, _ASSOCIATED, nonce)


def open_message(box: bytes, mail_key: bytes) -> Message:
    """The message in a box. Raises UnsealError, MalformedError."""
    return parse(seal.unseal(box, mail_key, _ASSOCIATED))
