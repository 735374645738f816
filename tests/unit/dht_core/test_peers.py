from __future__ import annotations

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.peers import PeerStore
from tests.support.dht_parts import OTHER_ID, OWN_ID

MINUTES_30 = 30 * 60.0


def peer(number: int) -> bytes:
    return number.to_bytes(6, "big")


def test_a_peer_stays_for_30_minutes_after_its_last_word() -> None:
    peers = PeerStore(NodeConfig())
    peers.announce(OWN_ID, peer(1), 0.0)
    peers.announce(OWN_ID, peer(2), 0.0)
    peers.announce(OWN_ID, peer(1), 60.0)
    assert peers.get(OWN_ID, 60.0) == [peer(1), peer(2)]
    assert peers.get(OWN_ID, MINUTES_30) == [peer(1)]
    assert peers.get(OWN_ID, MINUTES_30 + 60) == []
    assert peers.get(OTHER_ID, 0.0) == []


def test_expiry_forgets_peers_and_then_the_info_hash() -> None:
    peers = PeerStore(NodeConfig())
    peers.announce(OWN_ID, peer(1), 0.0)
    peers.announce(OTHER_ID, peer(1), 60.0)
    peers.expire(MINUTES_30)
    assert len(peers) == 1
    peers.expire(MINUTES_30 + 60)
    assert len(peers) == 0


def test_a_reply_holds_the_latest_that_fit() -> None:
    peers = PeerStore(NodeConfig(peers_in_reply=3))
    for number in range(5):
        peers.announce(OWN_ID, peer(number), float(number))
    assert peers.get(OWN_ID, 5.0) == [peer(4), peer(3), peer(2)]


def test_peers_of_an_info_hash_are_bounded() -> None:
    peers = PeerStore(NodeConfig(peers_per_hash_max=2))
    for number in range(5):
        peers.announce(OWN_ID, peer(number), 0.0)
    assert peers.get(OWN_ID, 0.0) == [peer(4), peer(3)]


def test_info_hashes_are_bounded() -> None:
    peers = PeerStore(NodeConfig(peer_hashes_max=2))
    for number in range(3):
        peers.announce(bytes(19) + bytes([number]), peer(1), 0.0)
    assert len(peers) == 2
    assert peers.get(bytes(20), 0.0) == []
