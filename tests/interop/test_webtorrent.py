"""Items that cross between our nodes and webtorrent's, in both directions: those it stores, and those we do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from services.dht_node.core.config import LAB
from services.dht_node.opening import open_node
from services.dht_node.service import DhtService
from services.standalone.swarm import open_swarm, until_joined
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.format import bep44, keys
from shared.settings import Endpoint
from tests.support.webtorrent_peer import WebtorrentPeer, missing, webtorrent_peers

CLOCK = SystemClock()
CONTENT = b"put by one, read by the other"
# the networks cost a second each, and every test has keys of its own
pytestmark = pytest.mark.asyncio(loop_scope="module")
if (absent := missing()) is not None:
    pytest.skip(absent, allow_module_level=True)
MANY = 8


@dataclass(frozen=True)
class MixedNetwork:
    """One node of ours and one of webtorrent's; one of them is among many of its kind, which store."""

    ours: DhtService
    theirs: WebtorrentPeer


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ours store", "theirs store"])
async def network(request: pytest.FixtureRequest) -> AsyncIterator[MixedNetwork]:
    if request.param == "ours store":
        async with (
            open_swarm(MANY, "127.85", clock=CLOCK, entropy=os.urandom) as ours,
            webtorrent_peers(["127.85.200.1"], ours[0].endpoint, MANY) as theirs,
        ):
            yield MixedNetwork(ours[-1], theirs[0])
    else:
        hosts = [f"127.86.{number}.1" for number in range(1, MANY + 1)]
        async with (
            open_node(LAB, Endpoint("127.86.0.1", 0), bootstrap=[], clock=CLOCK) as node,
            webtorrent_peers(hosts, node.endpoint, 1) as theirs,
        ):
            await until_joined(node, MANY, CLOCK)
            yield MixedNetwork(node, theirs[0])


@pytest.fixture(params=["", "a salt"])
def salt(request: pytest.FixtureRequest) -> bytes:
    salt: str = request.param
    return salt.encode()


def soon() -> CallContext:
    return CallContext(deadline_ms=CLOCK.utc_ms() + 10_000)


def public_key(seed: bytes) -> bytes:
    return keys.signing_pair(seed)[0]


def signed(seed: bytes, content: bytes, seq: int, salt: bytes, seen: list[bytes] | None = None) -> dht.PutMutable:
    key, signing_key = keys.signing_pair(seed)
    value = bep44.bencode_string(content)
    signature = keys.sign(signing_key, bep44.signable_bytes(value, seq, salt))
    return dht.PutMutable(public_key=key, salt=salt, seq=seq, value=value, signature=signature, seen=seen)


async def held(node: DhtService, seed: bytes, salt: bytes) -> list[tuple[bytes, int]]:
    found = await node.get_mutable(dht.GetMutable(public_key=public_key(seed), salt=salt), soon())
    return [(version.value, version.seq) for version in found.versions]


async def test_webtorrent_reads_an_immutable_item_of_ours(network: MixedNetwork) -> None:
    put = await network.ours.put_immutable(dht.PutImmutable(value=bep44.bencode_string(CONTENT)), soon())
    assert put.storing.stored >= 3
    assert await network.theirs.get(put.target) == (CONTENT, 0)


async def test_we_read_an_immutable_item_of_webtorrents(network: MixedNetwork) -> None:
    put = await network.theirs.put_immutable(CONTENT)
    assert put.stored >= 3
    found = await network.ours.get_immutable(dht.GetImmutable(target=put.target), soon())
    assert found.value == bep44.bencode_string(CONTENT)


async def test_webtorrent_reads_a_mutable_item_of_ours(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    put = await network.ours.put_mutable(signed(seed, CONTENT, 7, salt), soon())
    assert put.storing.stored >= 3
    assert not put.conflict
    assert await network.theirs.get(put.target, salt) == (CONTENT, 7)


async def test_we_read_a_mutable_item_of_webtorrents(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    assert (await network.theirs.put_mutable(seed, CONTENT, 7, salt)).stored >= 3
    assert await held(network.ours, seed, salt) == [(bep44.bencode_string(CONTENT), 7)]


async def test_each_supersedes_the_version_of_the_other_under_cas(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    first = signed(seed, b"ours, first", 1, salt, seen=[])
    assert not (await network.ours.put_mutable(first, soon())).conflict
    await network.theirs.put_mutable(seed, b"theirs, second", 2, salt, cas=1)
    found = await network.ours.get_mutable(dht.GetMutable(public_key=first.public_key, salt=salt), soon())
    third = signed(seed, b"ours, third", 3, salt, seen=[version.signature for version in found.versions])
    assert not (await network.ours.put_mutable(third, soon())).conflict
    assert await network.theirs.get(bep44.mutable_target(first.public_key, salt), salt) == (b"ours, third", 3)


async def test_webtorrent_is_refused_a_put_whose_cas_is_not_what_is_stored(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    await network.ours.put_mutable(signed(seed, b"ours", 5, salt), soon())
    late = await network.theirs.put_mutable(seed, b"theirs, too late", 6, salt, cas=4)
    assert late.refused[301] >= 7
    assert late.stored <= 1  # on the node that put the first version: it keeps no copy itself


async def test_we_are_refused_a_put_over_a_version_that_we_have_not_seen(network: MixedNetwork, salt: bytes) -> None:
    seed = os.urandom(32)
    first = signed(seed, b"ours, first", 1, salt)
    await network.ours.put_mutable(first, soon())
    assert await held(network.ours, seed, salt) == [(first.value, 1)]  # and its nodes and tokens stay warm
    await network.theirs.put_mutable(seed, b"theirs, meanwhile", 2, salt)
    late = await network.ours.put_mutable(signed(seed, b"ours, too late", 3, salt, seen=[first.signature]), soon())
    assert late.conflict
    assert late.storing.stored <= 1  # on the node that put the version in between: it keeps no copy itself
    assert late.storing.rejected[301] >= 3
    assert (bep44.bencode_string(b"theirs, meanwhile"), 2) in await held(network.ours, seed, salt)


async def test_the_same_version_again_keeps_it_alive_wherever_it_is_stored(network: MixedNetwork) -> None:
    seed = os.urandom(32)
    version = signed(seed, CONTENT, 1, b"")
    await network.ours.put_mutable(version, soon())
    # webtorrent answers 302 even to an identical put: reading back shows that it is stored all the same
    again = await network.ours.put_mutable(version, soon())
    assert again.storing.stored >= 3
    assert not again.conflict


async def test_an_older_version_is_refused(network: MixedNetwork) -> None:
    seed = os.urandom(32)
    await network.ours.put_mutable(signed(seed, CONTENT, 7, b""), soon())
    late = await network.theirs.put_mutable(seed, b"older", 6)
    assert late.refused[302] >= 7
    assert late.stored <= 1
