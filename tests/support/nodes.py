"""Signed items, lookups and publications to test with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nacl.signing import SigningKey

from services.dht_node.core import config
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.events import OperationId
from services.dht_node.core.items import Found, MutablePut
from services.dht_node.core.messages import Reply
from services.dht_node.core.node import Node
from shared.format import bep44

LAB = config.LAB
"""Nodes of a test live at private addresses, and many of them ask from few."""
PATIENCE = 30.0
"""Seconds until the deadline of an operation."""
Deed = Callable[[Node, float], OperationId]


class Author:
    """Holder of one signing key."""

    def __init__(self, number: int = 1, salt: bytes = b"") -> None:
        self._key = SigningKey(number.to_bytes(32, "big"))
        self.public_key = bytes(self._key.verify_key)
        self.salt = salt
        self.target = bep44.mutable_target(self.public_key, salt)

    def version(self, seq: int, content: bytes = b"content", seen: Iterable[MutablePut] | None = None) -> MutablePut:
        """A signed version; `seen` are the versions that it supersedes."""
        value = bep44.bencode_string(content)
        signature = self._key.sign(bep44.signable_bytes(value, seq, self.salt)).signature
        signatures = None if seen is None else frozenset(version.signature for version in seen)
        return MutablePut(self.public_key, self.salt, seq, value, signature, signatures)


def holding(version: MutablePut) -> Found:
    """A version as a node that holds it shows it."""
    return Found(version.value, version.seq, version.signature)


def put(version: MutablePut, quorum: int = 5) -> Deed:
    """Publish a version."""
    return lambda node, now: node.put_mutable(version, quorum, deadline=now + PATIENCE, now=now)


def get(author: Author, *, settle: bool = True) -> Deed:
    """Read an author's item."""
    return lambda node, now: node.get_mutable(
        author.target, author.salt, settle=settle, deadline=now + PATIENCE, now=now
    )


def put_immutable(content: bytes) -> Deed:
    """Publish a byte string."""
    value = bep44.bencode_string(content)
    return lambda node, now: node.put_immutable(value, 3, deadline=now + PATIENCE, now=now)


def get_immutable(content: bytes) -> Deed:
    """Read a byte string."""
    target = bep44.immutable_target(bep44.bencode_string(content))
    return lambda node, now: node.get_immutable(target, deadline=now + PATIENCE, now=now)


def find_node(target: bytes) -> Deed:
    """Look for the nodes nearest to an id."""
    return lambda node, now: node.find_node(target, deadline=now + PATIENCE, now=now)


def get_peers(info_hash: bytes) -> Deed:
    """Look for the peers of a torrent."""
    return lambda node, now: node.get_peers(info_hash, deadline=now + PATIENCE, now=now)


def announce(info_hash: bytes, port: int = 6881) -> Deed:
    """Announce a port of ours."""
    return lambda node, now: node.announce(info_hash, port, 3, deadline=now + PATIENCE, now=now)


def contact(distance: int, host: str | None = None) -> Contact:
    """A contact at a distance from the id zero."""
    return Contact(distance.to_bytes(20, "big"), (host or f"10.0.{distance >> 8 & 255}.{distance & 255}", 6881))


def reply(
    sender: Contact, *, nodes: Iterable[Contact] = (), token: bytes | None = b"token", held: MutablePut | None = None
) -> Reply:
    """What a node answers to a get."""
    if held is None:
        return Reply(b"tran", sender.id, tuple(nodes), token)
    return Reply(
        b"tran",
        sender.id,
        tuple(nodes),
        token,
        value=held.value,
        public_key=held.public_key,
        signature=held.signature,
        seq=held.seq,
    )


def address(number: int) -> Address:
    """Some address."""
    return f"10.1.{number >> 8}.{number & 255}", 6881
