from __future__ import annotations

import logging
from pathlib import Path

import pytest

from services.dht_node.core.messages import Item
from services.dht_node.core.peers import SavedPeer
from services.dht_node.core.storage import SavedItem
from services.dht_node.net.state import CONTACTS_LIFETIME, NodeState, load, save
from shared.format import bencode
from tests.support.nodes import Author, contact

NOW = 1_700_000_000_000
VERSION = Author().version(3)
STATE = NodeState(
    node_id=b"i" * 20,
    contacts=(contact(1), contact(2)),
    items=(
        SavedItem(b"t" * 20, Item(b"5:value"), 100.0, b"net"),
        SavedItem(Author().target, Item(VERSION.value, VERSION.public_key, VERSION.signature, 3), 7_200.0),
    ),
    peers=(
        SavedPeer(b"h" * 20, b"\x0a\x00\x00\x01\x1a\xe1", 1_800.0),
        SavedPeer(b"h" * 20, b"\x0a\x00\x00\x02\x1a\xe1", 1_800.0, seed=True),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "state"


def test_what_was_saved_is_loaded(path: Path) -> None:
    save(path, STATE, NOW)
    assert load(path, NOW) == STATE
    assert [file.name for file in path.parent.iterdir()] == ["state"]


def test_nothing_saved_is_nothing_loaded(path: Path) -> None:
    assert load(path, NOW) is None


def test_items_age_while_the_node_is_stopped(path: Path) -> None:
    save(path, STATE, NOW)
    loaded = load(path, NOW + 150_000)
    assert loaded is not None
    assert [item.remaining for item in loaded.items] == [-50.0, 7_050.0]


def test_contacts_are_good_for_seven_days(path: Path) -> None:
    save(path, STATE, NOW)
    loaded = load(path, NOW + int(CONTACTS_LIFETIME * 1000) + 1)
    assert loaded is not None
    assert loaded.contacts == ()
    assert loaded.node_id == STATE.node_id


def test_a_later_saving_replaces_the_earlier_one(path: Path) -> None:
    save(path, STATE, NOW)
    save(path, NodeState(b"j" * 20, (), ()), NOW)
    loaded = load(path, NOW)
    assert loaded is not None
    assert loaded.node_id == b"j" * 20


def test_a_single_changed_bit_is_found(path: Path) -> None:
    save(path, STATE, NOW)
    intact = path.read_bytes()
    path.write_bytes(intact.replace(b"5:value", b"5:valuf"))
    assert load(path, NOW) is None


def test_a_file_from_before_there_were_digests_and_peers_is_read(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(bencode.encode({b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": []}))
    assert load(path, NOW) == NodeState(b"i" * 20, (), ())


def test_in_a_file_from_before_scrapes_nobody_is_a_seed(path: Path) -> None:
    path.parent.mkdir()
    row = {b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": []}
    path.write_bytes(bencode.encode(row | {b"peers": [[b"h" * 20, b"peer:1", NOW + 1000]]}))
    loaded = load(path, NOW)
    assert loaded is not None
    assert loaded.peers == (SavedPeer(b"h" * 20, b"peer:1", 1.0, seed=False),)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not bencode",
        b"i1e",
        bencode.encode({b"version": 2}),
        bencode.encode({b"version": 1, b"saved_ms": NOW, b"id": b"short", b"nodes": b"", b"items": []}),
        bencode.encode({b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"123", b"items": []}),
        bencode.encode({b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": [{}]}),
        bencode.encode({b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": [7]}),
        bencode.encode(
            {
                b"version": 1,
                b"saved_ms": NOW,
                b"id": b"i" * 20,
                b"nodes": b"",
                b"items": [{b"target": b"t" * 20, b"value": 7, b"expires_ms": NOW}],
            }
        ),
        bencode.encode(
            {b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": [], b"peers": [[b"h" * 20]]}
        ),
        bencode.encode(
            {b"version": 1, b"saved_ms": NOW, b"id": b"i" * 20, b"nodes": b"", b"items": [], b"seeds": [[b"h" * 20]]}
        ),
        bencode.encode({b"version": 1, b"saved_ms": b"x", b"id": b"i" * 20, b"nodes": b"", b"items": []}),
    ],
)
def test_a_damaged_file_is_set_aside_with_one_line(path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert load(path, NOW) is None
    assert len(caplog.records) == 1
    assert not path.exists()
    assert path.with_name("state.damaged").read_bytes() == damage
