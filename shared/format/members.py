"""Members of a pair or a group, and the ids of their entries: the same in both formats."""

from __future__ import annotations

from shared.format.errors import FieldError

MAILBOX_BASE = 2**31
"""Entry ids from here on are mailboxes; those below are devices."""
MAX_MEMBER = MAILBOX_BASE - 1


def member_of_pair(my_public_key: bytes, peer_public_key: bytes) -> int:
    """My number in a pair: 0 for the holder of the lower public key (compared as bytes), else 1. Raises FieldError."""
    if my_public_key == peer_public_key:
        raise FieldError("expected the public key of somebody else, got my own")
    return 0 if my_public_key < peer_public_key else 1


def mailbox_id(member: int) -> int:
    """The id of the entry that is member's mailbox. Raises FieldError."""
    require_member(member)
    return MAILBOX_BASE + member


def member_of(entry_id: int) -> int | None:
    """The member whose mailbox an entry is; None for the ids of devices."""
    return entry_id - MAILBOX_BASE if entry_id >= MAILBOX_BASE else None


def require_member(member: int) -> None:
    """Raise FieldError unless `member` is a number that a member can have: 0 … 2^31 - 1."""
    if not 0 <= member <= MAX_MEMBER:
        raise FieldError(f"expected a member from 0 to {MAX_MEMBER}, got {member}")
