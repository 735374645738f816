"""Items that cross between our nodes and libtorrent's, in both directions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.dht_node.core.config import LAB
from services.dht_node.opening import open_node
from services.dht_node.service import DhtService
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.format import bep44, keys
from shared.settings import Endpoint
from tests.support.libtorrent_peer import LibtorrentPeer, libtorrent_swarm
from tests.support.waiting import wait_until

CLOCK = SystemClock()
CONTENT = b"put by one, read by the other"


@dataclass(frozen=True)
class MixedNetwork:
    """Libtorrent's nodes, and one of ours among them."""

    ours: DhtService
    theirs: list[LibtorrentPeer]


@pytest.fixture(params=["", "a salt"])
def salt(request: pytest.FixtureRequest) -> bytes:
    salt: str = request.param
    return salt.encode()


@pytest.fixture
async def network() -> AsyncIterator[MixedNetwork]:
    hosts = [f"127.80.{number}.1" for number in range(1, 11)]
    async with (
        libtorrent_swarm(hosts) as theirs,
        open_node(LAB, Endpoint("127.80.0.1", 0), bootstrap=[theirs[0].endpoint], clock=CLOCK) as ours,
    ):
        await wait_until(lambda: ours.ready, "our node has joined libtorrent's", timeout_s=15.0)
        yield MixedNetwork(ours, theirs)


def soon() -> CallContext:
    return CallContext(deadline_ms=CLOCK.utc_ms() + 10_000)


def signed(seed: bytes, content: bytes, seq: int, salt: bytes) -> dht.PutMutable:
    public_key, signing_key = keys.signing_pair(seed)
    value = bep44.bencode_string(content)
    signature = keys.sign(signing_key, bep44.signable_bytes(value, seq, salt))
    return dht.PutMutable(public_key=public_key, salt=salt, seq=seq, value=value, signature=signature)


async def test_libtorrent_reads_an_immutable_item_of_ours(network: MixedNetwork) -> None:
    put = await network.ours.put_immutable(dht.PutImmutable(value=bep44.bencode_string(CONTENT)), soon())
    assert put.storing.stored >= 3
    assert await network.theirs[-1].get_immutable(put.target) == CONTENT


async def test_we_read_an_immutable_item_of_libtorrents(network: MixedNetwork) -> None:
    target = await network.theirs[-1].put_immutable(CONTENT)
    found = await network.ours.get_immutable(dht.GetImmutable(target=target), soon())
    assert found.value == bep44.bencode_string(CONTENT)


async def test_libtorrent_reads_a_mutable_item_of_ours(network: MixedNetwork, salt: bytes) -> None:
    request = signed(os.urandom(32), CONTENT, 7, salt)
    put = await network.ours.put_mutable(request, soon())
    assert put.storing.stored >= 3
    assert not put.conflict
    assert await network.theirs[-1].get_mutable(request.public_key, salt) == (CONTENT, 7)


async def test_we_read_a_mutable_item_of_libtorrents(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    public_key, _ = keys.signing_pair(seed)
    assert await network.theirs[-1].put_mutable(seed, public_key, CONTENT, salt) > 0
    found = await network.ours.get_mutable(dht.GetMutable(public_key=public_key, salt=salt), soon())
    assert [(version.value, version.seq) for version in found.versions] == [(bep44.bencode_string(CONTENT), 1)]


async def test_libtorrent_goes_on_from_our_seq_and_we_from_its(network: MixedNetwork) -> None:
    seed = os.urandom(32)
    first = signed(seed, b"ours, first", 1, b"")
    await network.ours.put_mutable(first, soon())
    await network.theirs[-1].put_mutable(seed, first.public_key, b"theirs, second")
    found = await network.ours.get_mutable(dht.GetMutable(public_key=first.public_key), soon())
    assert (found.versions[0].value, found.versions[0].seq) == (bep44.bencode_string(b"theirs, second"), 2)


async def test_a_conditional_put_is_refused_by_libtorrent_when_somebody_was_faster(network: MixedNetwork) -> None:
    seed = os.urandom(32)
    await network.theirs[-1].put_mutable(seed, keys.signing_pair(seed)[0], b"the faster one")
    late = signed(seed, b"the one who had seen nothing", 2, b"")
    unseeing = dht.PutMutable(
        public_key=late.public_key, seq=late.seq, value=late.value, signature=late.signature, seen=[]
    )
    put = await network.ours.put_mutable(unseeing, soon())
    assert put.conflict
    assert put.storing.stored == 0
    assert await network.theirs[0].get_mutable(late.public_key) == (b"the faster one", 1)
