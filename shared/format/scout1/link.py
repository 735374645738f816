"""Everything that the holders of one shared secret derive from it, in scout1."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.format import bep44, keys
from shared.format.errors import FieldError
from shared.format.scout1.mailbox import MAX_MEMBER
from shared.format.scout1.messages import message_key


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """The keys of one record and its messages, as one member holds them. Secrets stay out of the repr."""

    member: int
    """Whose mailbox is mine: 0 … 2^31 - 1."""
    public_key: bytes
    """Ed25519 (32 bytes): whoever has it finds the record, and can check who signed it."""
    target: bytes
    """Where the record lies (20 bytes)."""
    record_key: bytes = field(repr=False)
    """Seals records (32 bytes): the shared secret itself."""
    message_key: bytes = field(repr=False)
    """Seals bodies of messages (32 bytes)."""
    signing_key: bytes = field(repr=False)
    """Ed25519 (64 bytes), of the seed that is the shared secret."""


def derive(shared_secret: bytes, member: int) -> LinkKeys:
    """The keys of a shared secret (32 bytes) for one of its members. Raises FieldError."""
    if not 0 <= member <= MAX_MEMBER:
        raise FieldError(f"expected a member from 0 to {MAX_MEMBER}, got {member}")
    public_key, signing_key = keys.signing_pair(shared_secret)
    return LinkKeys(
        member=member,
        public_key=public_key,
        target=bep44.mutable_target(public_key),
        record_key=shared_secret,
        message_key=message_key(shared_secret),
        signing_key=signing_key,
    )


def member_of_pair(my_public_key: bytes, peer_public_key: bytes) -> int:
    """My number in a pair: 0 for the holder of the lower public key (compared as bytes), else 1. Raises FieldError."""
    if my_public_key == peer_public_key:
        raise FieldError("expected the public key of somebody else, got my own")
    return 0 if my_public_key < peer_public_key else 1
