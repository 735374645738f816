"""libtorrent joins by our node alone, stores in our nodes, and finds the peers that they announced."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from services.dht_node.service import DhtService
from services.standalone.swarm import open_swarm
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.format import bep44
from tests.support.libtorrent_peer import LibtorrentPeer
from tests.support.waiting import wait_until

CLOCK = SystemClock()
OUR_NODES = 10
TORRENT_PORT = 51_413


@pytest.fixture
async def swarm() -> AsyncIterator[tuple[DhtService, ...]]:
    async with open_swarm(OUR_NODES, "127.81", clock=CLOCK, entropy=os.urandom) as nodes:
        yield nodes


@pytest.fixture
async def newcomer(swarm: tuple[DhtService, ...]) -> AsyncIterator[LibtorrentPeer]:
    """A libtorrent session that was told of one node of ours and nothing else."""
    peer = LibtorrentPeer("127.81.200.1", bootstrap=swarm[0].endpoint)

    async def has_joined() -> bool:
        return await peer.nodes() >= OUR_NODES - 2

    try:
        await wait_until(has_joined, "libtorrent has learnt our nodes from one of them", timeout_s=15.0)
        yield peer
    finally:
        peer.close()


def soon() -> CallContext:
    return CallContext(deadline_ms=CLOCK.utc_ms() + 10_000)


async def test_libtorrent_bootstraps_from_our_node_and_finds_a_peer_of_ours(
    swarm: tuple[DhtService, ...], newcomer: LibtorrentPeer
) -> None:
    info_hash = os.urandom(20)
    announced = await swarm[3].announce_peer(dht.AnnouncePeer(info_hash=info_hash, port=TORRENT_PORT), soon())
    assert announced.storing.stored >= 3
    assert (swarm[3].endpoint.host, TORRENT_PORT) in await newcomer.get_peers(info_hash)


async def test_we_find_the_peer_that_libtorrent_announced(
    swarm: tuple[DhtService, ...], newcomer: LibtorrentPeer
) -> None:
    info_hash = os.urandom(20)
    newcomer.announce(info_hash, TORRENT_PORT)

    async def found() -> bool:
        reply = await swarm[5].get_peers(dht.GetPeers(info_hash=info_hash), soon())
        return any(peer.startswith(newcomer.endpoint.host) for peer in reply.peers)

    await wait_until(found, "our nodes hold the peer that libtorrent announced", timeout_s=15.0)


async def test_our_nodes_store_what_libtorrent_puts(swarm: tuple[DhtService, ...], newcomer: LibtorrentPeer) -> None:
    target = await newcomer.put_immutable(b"kept by strangers")
    found = await swarm[-1].get_immutable(dht.GetImmutable(target=target), soon())
    assert found.value == bep44.bencode_string(b"kept by strangers")
