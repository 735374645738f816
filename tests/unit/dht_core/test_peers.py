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
    peers = PeerStore(NodeConfig(peer_hashes_max=2, network_share=1.0))
    for number in range(3):
        peers.announce(bytes(19) + bytes([number]), peer(1), 0.0)
    assert len(peers) == 2
    assert peers.get(bytes(20), 0.0) == []


def test_a_network_announces_its_share_and_may_renew_it() -> None:
    peers = PeerStore(NodeConfig(peer_hashes_max=50))
    hashes = [bytes(19) + bytes([number]) for number in range(10)]
    assert [peers.announce(info_hash, peer(1), 0.0) for info_hash in hashes] == [True] * 5 + [False] * 5
    assert peers.announce(hashes[0], peer(1), 1.0)
    assert peers.announce(hashes[9], bytes([9, 9, 9, 1, 0, 1]), 0.0)
    peers.expire(MINUTES_30 + 1)
    assert peers.announce(hashes[9], peer(1), MINUTES_30 + 1)


def test_in_a_full_swarm_a_flooding_network_pushes_out_its_own() -> None:
    peers = PeerStore(NodeConfig(peers_per_hash_max=10))
    others = [bytes([9, number, 0, 0, 0, 1]) for number in range(9)]
    for other in others:
        peers.announce(OWN_ID, other, 0.0)
    for number in range(100):
        peers.announce(OWN_ID, peer(number), 1.0)
    assert set(others) < set(peers.get(OWN_ID, 1.0))


def test_when_there_are_too_many_swarms_the_smallest_of_the_silent_ones_goes() -> None:
    peers = PeerStore(NodeConfig(peer_hashes_max=2, network_share=1.0))
    for number in range(3):
        peers.announce(OWN_ID, peer(number), 0.0)
    peers.announce(OTHER_ID, peer(1), 1.0)
    peers.announce(bytes(20), peer(1), 2.0)
    assert len(peers.get(OWN_ID, 2.0)) == 3
    assert peers.get(OTHER_ID, 2.0) == []


def test_announcements_outlive_a_restart_for_what_is_left_of_their_lifetime() -> None:
    peers = PeerStore(NodeConfig())
    peers.announce(OWN_ID, peer(1), 0.0)
    peers.announce(OTHER_ID, peer(2), 600.0, seed=True)
    restarted = PeerStore(NodeConfig())
    restarted.restore(peers.saved(900.0), 50.0)
    assert restarted.get(OWN_ID, 50.0 + 899) == [peer(1)]
    assert restarted.get(OWN_ID, 50.0 + 900) == []
    assert restarted.get(OTHER_ID, 50.0 + 1499) == [peer(2)]
    assert restarted.downloaders(OWN_ID, 50.0) == [peer(1)]
    assert restarted.downloaders(OTHER_ID, 50.0) == []


def test_a_peer_is_a_seed_as_long_as_its_last_word_says_so() -> None:
    peers = PeerStore(NodeConfig(peers_in_reply=2))
    for number in range(5):
        peers.announce(OWN_ID, peer(number), 0.0, seed=number > 2)
    assert peers.get(OWN_ID, 0.0) == [peer(4), peer(3)]
    assert peers.downloaders(OWN_ID, 0.0) == [peer(2), peer(1)]
    peers.announce(OWN_ID, peer(4), 1.0)
    assert peers.downloaders(OWN_ID, 1.0) == [peer(4), peer(2)]
    assert peers.downloaders(OTHER_ID, 0.0) == []


def test_the_hosts_of_a_swarm_are_those_that_have_not_expired() -> None:
    peers = PeerStore(NodeConfig())
    peers.announce(OWN_ID, bytes([9, 9, 9, 1, 0, 1]), 0.0, seed=True)
    peers.announce(OWN_ID, bytes([9, 9, 9, 2, 0, 1]), 60.0, seed=True)
    peers.announce(OWN_ID, bytes([9, 9, 9, 2, 0, 2]), 60.0)
    assert peers.hosts(OWN_ID, 60.0) == ({bytes([9, 9, 9, 1]), bytes([9, 9, 9, 2])}, {bytes([9, 9, 9, 2])})
    assert peers.hosts(OWN_ID, MINUTES_30) == ({bytes([9, 9, 9, 2])}, {bytes([9, 9, 9, 2])})
    assert peers.hosts(OTHER_ID, 60.0) == (set(), set())


def test_who_was_a_seed_before_it_was_forgotten_is_none_when_it_comes_again() -> None:
    peers = PeerStore(NodeConfig())
    peers.announce(OWN_ID, peer(1), 0.0, seed=True)
    peers.expire(MINUTES_30 + 1)
    peers.announce(OWN_ID, peer(1), MINUTES_30 + 2)
    assert peers.downloaders(OWN_ID, MINUTES_30 + 2) == [peer(1)]
