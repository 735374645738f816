"""Libtorrent's nodes and ours over IPv6 (BEP 32): items and peers, in both directions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator

import pytest

from services.dht_node.core.config import LAB
from services.dht_node.opening import open_node
from shared.clock import SystemClock
from shared.contracts import dht
from shared.format import bep44
from shared.settings import Endpoint
from tests.interop.test_libtorrent_items import CONTENT, MixedNetwork, signed, soon
from tests.support.ipv6 import LOOPBACK6, needs_ipv6
from tests.support.libtorrent_peer import libtorrent_swarm
from tests.support.waiting import wait_until

pytestmark = needs_ipv6
CLOCK = SystemClock()


@pytest.fixture
async def network() -> AsyncIterator[MixedNetwork]:
    async with (
        libtorrent_swarm([LOOPBACK6] * 5) as theirs,
        open_node(LAB, Endpoint(LOOPBACK6, 0), bootstrap=[theirs[0].endpoint], clock=CLOCK) as ours,
    ):
        await wait_until(lambda: ours.ready, "our node has joined libtorrent's", timeout_s=15.0)
        yield MixedNetwork(ours, theirs)


async def test_libtorrent_reads_what_we_put(network: MixedNetwork) -> None:
    request = signed(os.urandom(32), CONTENT, 7, b"salt")
    put = await network.ours.put_mutable(request, soon())
    assert put.storing.stored >= 3
    assert await network.theirs[-1].get_mutable(request.public_key, b"salt") == (CONTENT, 7)


async def test_we_read_what_libtorrent_puts(network: MixedNetwork) -> None:
    target = await network.theirs[-1].put_immutable(CONTENT)
    found = await network.ours.get_immutable(dht.GetImmutable(target=target), soon())
    assert found.value == bep44.bencode_string(CONTENT)


async def test_libtorrent_finds_the_peer_that_we_announce(network: MixedNetwork) -> None:
    info_hash = hashlib.sha1(CONTENT, usedforsecurity=False).digest()
    await network.ours.announce_peer(dht.AnnouncePeer(info_hash=info_hash, port=7070), soon())
    assert (LOOPBACK6, 7070) in await network.theirs[-1].get_peers(info_hash)
