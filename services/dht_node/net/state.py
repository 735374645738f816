"""What a node remembers over a restart: its id, its best contacts, the items and peers it holds for others.

One bencoded file, replaced atomically, with a digest over all the rest. A file that can't be read is set aside, never
deleted and never trusted: the node begins anew, as it would on another machine.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.dht_node.core.contact import Contact, pack_contact, unpack_contacts
from services.dht_node.core.family import V4, V6, Family, family_of
from services.dht_node.core.ids import ID_SIZE
from services.dht_node.core.messages import Item
from services.dht_node.core.peers import SavedPeer
from services.dht_node.core.quotas import UNLIMITED
from services.dht_node.core.storage import SavedItem
from services.dht_node.core.wire import PEER_SIZES
from shared.format import bencode
from shared.saved_files import replace_file, set_aside
from shared.settings import UnusableError

log = logging.getLogger(__name__)

VERSION = 1
CONTACTS_LIFETIME = 7 * 24 * 3600.0
"""Seconds; home addresses change within days, and a lookup through dead contacts is slower than the bootstrap nodes."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as it was when it was saved."""

    node_id: bytes
    contacts: tuple[Contact, ...]
    items: tuple[SavedItem, ...]
    peers: tuple[SavedPeer, ...] = ()


def prepare(directory: Path) -> None:
    """Make the directory that states are kept in, if need be, and make sure of it. Raises UnusableError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise UnusableError(directory, "a directory to write to", error) from None


def load(path: Path, utc_ms: int) -> NodeState | None:
    """The state in `path`, aged to `utc_ms`; None when there is none or when it is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _decode(bencode.decode(data), utc_ms)
    except (bencode.BencodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        aside = set_aside(path)
        log.warning("the saved state is damaged and was set aside", extra={"path": str(aside), "reason": repr(error)})
        return None


def save(path: Path, state: NodeState, utc_ms: int) -> None:
    """Replace what is in `path` by `state`, as of `utc_ms`; after a crash there is the old file or the new one."""
    row = _encode(state, utc_ms)
    row[b"digest"] = _digest(row)
    replace_file(path, bencode.encode(row))


def _encode(state: NodeState, utc_ms: int) -> dict[bytes, Any]:
    return {
        b"version": VERSION,
        b"saved_ms": utc_ms,
        b"id": state.node_id,
        b"nodes": _pack(state.contacts, V4),
        b"nodes6": _pack(state.contacts, V6),
        b"items": [_encode_item(saved, utc_ms) for saved in state.items],
        b"peers": [[saved.info_hash, saved.peer, _expiry(saved, utc_ms)] for saved in state.peers],
        # beside the peers, by their places: a node that knows nothing of seeds reads the file all the same
        b"seeds": [place for place, saved in enumerate(state.peers) if saved.seed],
    }


def _pack(contacts: tuple[Contact, ...], family: Family) -> bytes:
    return b"".join(pack_contact(contact) for contact in contacts if family_of(contact.address[0]) is family)


def _encode_item(saved: SavedItem, utc_ms: int) -> dict[bytes, Any]:
    row: dict[bytes, Any] = {
        b"target": saved.target,
        b"value": saved.item.value,
        b"network": saved.network,
        b"expires_ms": _expiry(saved, utc_ms),
    }
    if saved.item.public_key is not None:
        row |= {b"k": saved.item.public_key, b"sig": saved.item.signature, b"seq": saved.item.seq}
    return row


def _expiry(saved: SavedItem | SavedPeer, utc_ms: int) -> int:
    return utc_ms + int(saved.remaining * 1000)


def _digest(row: dict[bytes, Any]) -> bytes:
    """BLAKE2b (16 bytes) over all but the digest itself: a damaged disk may change bytes and leave the form intact."""
    return hashlib.blake2b(
        bencode.encode({key: value for key, value in row.items() if key != b"digest"}), digest_size=16
    ).digest()


def _decode(row: dict[bytes, Any], utc_ms: int) -> NodeState:
    if row[b"version"] != VERSION:
        raise ValueError(f"expected version {VERSION}, got {row[b'version']!r}")
    if b"digest" in row and row[b"digest"] != _digest(row):  # files from before 0.1 have none
        raise ValueError("the digest does not fit")
    if len(row[b"id"]) != ID_SIZE:
        raise ValueError(f"expected an id of {ID_SIZE} bytes")
    age = (utc_ms - row[b"saved_ms"]) / 1000
    contacts = _unpack(row[b"nodes"], V4) + _unpack(row.get(b"nodes6", b""), V6)
    items = tuple(_decode_item(item, utc_ms) for item in row[b"items"])
    seeds = frozenset(row.get(b"seeds", []))
    peers = tuple(_decode_peer(peer, utc_ms, seed=place in seeds) for place, peer in enumerate(row.get(b"peers", [])))
    return NodeState(row[b"id"], contacts if age < CONTACTS_LIFETIME else (), items, peers)


def _unpack(packed: bytes, family: Family) -> tuple[Contact, ...]:
    if len(packed) % family.compact_node:
        raise ValueError(f"expected contacts of {family.compact_node} bytes each")
    return unpack_contacts(packed, family)


def _decode_item(row: dict[bytes, Any], utc_ms: int) -> SavedItem:
    item = Item(row[b"value"], row.get(b"k"), row.get(b"sig", b""), row.get(b"seq", 0))
    network = row.get(b"network", UNLIMITED)
    kinds = (bytes, bytes | None, bytes, int, bytes)
    if len(row[b"target"]) != ID_SIZE or not all(map(isinstance, (*item, network), kinds)):
        raise ValueError("expected an item's target, value, key, signature, seq and network")
    return SavedItem(row[b"target"], item, (row[b"expires_ms"] - utc_ms) / 1000, network)


def _decode_peer(row: list[Any], utc_ms: int, *, seed: bool) -> SavedPeer:
    info_hash, peer, expires_ms = row
    if not isinstance(peer, bytes) or len(info_hash) != ID_SIZE or len(peer) not in PEER_SIZES:
        raise ValueError(f"expected an info-hash of {ID_SIZE} bytes and a compact peer")
    return SavedPeer(info_hash, peer, (expires_ms - utc_ms) / 1000, seed)
