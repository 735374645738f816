"""What the holders of one root secret derive from it, in scout2."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.format import bep44, keys
from shared.format.scout2 import epochs
from shared.format.scout2.hashing import subkey


@dataclass(frozen=True, slots=True)
class EpochKeys:
    """The keys of a record in one epoch. Secrets stay out of the repr."""

    epoch: int
    public_key: bytes
    """Ed25519 (32 bytes)."""
    target: bytes
    """Where the record lies (20 bytes)."""
    signing_key: bytes = field(repr=False)
    """Ed25519 (64 bytes)."""
    seal_key: bytes = field(repr=False)
    """Seals the record (32 bytes)."""


def epoch_keys(root: bytes, epoch: int) -> EpochKeys:
    """The keys of a root secret (32 bytes) in `epoch`. Raises FieldError."""
    epochs.require_epoch(epoch)
    public_key, signing_key = keys.signing_pair(subkey(root, b"scout2.sign", epoch))
    return EpochKeys(
        epoch=epoch,
        public_key=public_key,
        target=bep44.mutable_target(public_key),
        signing_key=signing_key,
        seal_key=subkey(root, b"scout2.seal", epoch),
    )


def mail_key(root: bytes) -> bytes:
    """The key (32 bytes) that seals the messages of a root secret, in every epoch. Raises FieldError."""
    return subkey(root, b"scout2.mail", 0)
