"""Everything that the holders of one shared secret derive from it, in scout1."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.format import bep44, keys
from shared.format.members import require_member
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
    require_member(member)
    public_key, signing_key = keys.signing_pair(shared_secret)
    return LinkKeys(
        member=member,
        public_key=public_key,
        target=bep44.mutable_target(public_key),
        record_key=shared_secret,
        message_key=message_key(shared_secret),
        signing_key=signing_key,
    )
