"""What can be published: an immutable item, a version of a mutable one (BEP 44), a peer (BEP 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from services.dht_node.core.errors import Misuse
from services.dht_node.core.ids import ID_SIZE
from services.dht_node.core.messages import AnnouncePeer, Arguments, Get, GetPeers, Put
from services.dht_node.core.ports import Verify
from shared.format import bep44


class Found(NamedTuple):
    """A value as some node holds it."""

    value: bytes
    """Bencoded, as sent."""
    seq: int
    """0 for an immutable item."""
    signature: bytes
    """Empty for an immutable item."""


@dataclass(frozen=True, slots=True)
class ImmutablePut:
    """An immutable item to store: its bencoded value."""

    value: bytes

    @property
    def target(self) -> bytes:
        """SHA-1 of the value, 20 bytes."""
        return bep44.immutable_target(self.value)

    @property
    def question(self) -> Get:
        """The query whose answer brings a token."""
        return Get(self.target)

    def as_found(self) -> Found:
        """The item as a node that holds it shows it."""
        return Found(self.value, 0, b"")

    def arguments(self, token: bytes, cas: int | None) -> Arguments:  # noqa: ARG002  # nothing to compare: the value is its target
        """The query that stores it on a node that gave `token`."""
        return Put(token, self.value)


@dataclass(frozen=True, slots=True)
class MutablePut:
    """A signed version to store; sizes as in BEP 44."""

    public_key: bytes
    salt: bytes
    seq: int
    value: bytes
    """Bencoded, as signed."""
    signature: bytes
    seen: frozenset[bytes] | None = None
    """Signatures of the versions that this one supersedes; None: no condition."""

    @property
    def target(self) -> bytes:
        """SHA-1 of key and salt, 20 bytes."""
        return bep44.mutable_target(self.public_key, self.salt)

    @property
    def question(self) -> Get:
        """The query whose answer brings a token."""
        return Get(self.target)

    def as_found(self) -> Found:
        """The version as a node that holds it shows it."""
        return Found(self.value, self.seq, self.signature)

    def arguments(self, token: bytes, cas: int | None) -> Arguments:
        """The query that stores it on a node that gave `token` and held the version with seq `cas`."""
        return Put(token, self.value, self.public_key, self.signature, self.seq, self.salt, cas)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A port of ours to announce for an info-hash."""

    info_hash: bytes
    port: int | None
    """None: the port that our datagrams come from."""

    @property
    def target(self) -> bytes:
        """The info-hash, 20 bytes."""
        return self.info_hash

    @property
    def question(self) -> GetPeers:
        """The query whose answer brings a token."""
        return GetPeers(self.info_hash)

    def as_found(self) -> None:
        """An announcement is never shown back as a value."""

    def arguments(self, token: bytes, cas: int | None) -> Arguments:  # noqa: ARG002  # peers are a set: nothing to compare
        """The query that announces us to a node that gave `token`."""
        return AnnouncePeer(self.info_hash, self.port, token)


Publishable = ImmutablePut | MutablePut | Announcement


def check_target(target: bytes) -> bytes:
    """`target` itself; raises Misuse unless it has 20 bytes."""
    if len(target) != ID_SIZE:
        raise Misuse(f"expected a target of {ID_SIZE} bytes, got {len(target)}")
    return target


def check_salt(salt: bytes) -> bytes:
    """`salt` itself; raises Misuse over 64 bytes."""
    if len(salt) > bep44.MAX_SALT:
        raise Misuse(f"expected a salt of at most {bep44.MAX_SALT} bytes, got {len(salt)}")
    return salt


def check_value(value: bytes) -> bytes:
    """`value` itself; raises Misuse unless it has 1 to 1000 bytes."""
    if not 0 < len(value) <= bep44.MAX_VALUE:
        raise Misuse(f"expected a bencoded value of at most {bep44.MAX_VALUE} bytes, got {len(value)}")
    return value


def check_version(item: MutablePut, verify: Verify) -> MutablePut:
    """`item` itself; raises Misuse unless honest nodes would store it.

    A seq of 0 is refused though BEP 44 allows it: uTorrent's library takes such a put for an immutable one.
    """
    check_value(item.value)
    check_salt(item.salt)
    if len(item.public_key) != bep44.PUBLIC_KEY_SIZE or len(item.signature) != bep44.SIGNATURE_SIZE:
        raise Misuse(
            f"expected a key of {bep44.PUBLIC_KEY_SIZE} bytes and a signature of {bep44.SIGNATURE_SIZE},"
            f" got {len(item.public_key)} and {len(item.signature)}"
        )
    if not 0 < item.seq <= bep44.MAX_SEQ:
        raise Misuse(f"expected a seq from 1 to 2**63 - 1, got {item.seq}")
    if not verify(item.public_key, item.signature, bep44.signable_bytes(item.value, item.seq, item.salt)):
        raise Misuse("expected a signature that fits key, salt, seq and value")
    return item
