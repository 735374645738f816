"""Twenty nodes on loopback addresses of their own, asked by contract."""

from __future__ import annotations

import asyncio
import socket

import pytest

from services.dht_node.core.errors import Rejection
from services.dht_node.opening import open_driver, open_node
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bencode, bep44
from shared.settings import Endpoint
from tests.integration.dht_node.conftest import MovableClock, Swarm, open_swarm
from tests.support.nodes import LAB, Author
from tests.support.waiting import wait_until


def put_request(author: Author, seq: int, content: bytes, seen: list[bytes] | None = None) -> dht.PutMutable:
    version = author.version(seq, content)
    return dht.PutMutable(
        public_key=version.public_key,
        salt=version.salt,
        seq=seq,
        value=version.value,
        signature=version.signature,
        seen=seen,
    )


def get_request(author: Author, *, settle: bool = True) -> dht.GetMutable:
    return dht.GetMutable(public_key=author.public_key, salt=author.salt, settle=settle)


async def test_what_one_node_stores_another_reads_settled_and_first(swarm: Swarm) -> None:
    author = Author(salt=b"salt")
    stored = await swarm.nodes[3].put_mutable(put_request(author, 1, b"hello"), swarm.within())
    assert stored.target == author.target
    assert stored.storing.stored >= 3
    assert not stored.conflict
    settled = await swarm.nodes[17].get_mutable(get_request(author), swarm.within())
    assert [(v.value, v.seq) for v in settled.versions] == [(b"5:hello", 1)]
    assert settled.versions[0].holders >= 7
    first = await swarm.nodes[11].get_mutable(get_request(author, settle=False), swarm.within())
    assert [v.seq for v in first.versions] == [1]


async def test_a_chain_of_conditional_puts_through_different_nodes(swarm: Swarm) -> None:
    author = Author()
    for seq in range(1, 11):
        node = swarm.nodes[seq]
        found = await node.get_mutable(get_request(author), swarm.within())
        seen = [version.signature for version in found.versions]
        stored = await node.put_mutable(put_request(author, seq, b"%d" % seq, seen), swarm.within())
        assert not stored.conflict
        assert stored.lookup.asked == 0  # the tokens of the get were warm
    stale = await swarm.nodes[0].put_mutable(put_request(author, 11, b"stale", seen=[]), swarm.within())
    assert stale.conflict
    assert stale.storing.stored == 0


async def test_immutable_items_and_peers(swarm: Swarm) -> None:
    value = bep44.bencode_string(b"x" * 996)
    stored = await swarm.nodes[1].put_immutable(dht.PutImmutable(value=value), swarm.within())
    found = await swarm.nodes[2].get_immutable(dht.GetImmutable(target=stored.target), swarm.within())
    assert found.value == value
    nothing = await swarm.nodes[2].get_immutable(dht.GetImmutable(target=bytes(20)), swarm.within())
    assert nothing.value is None
    assert nothing.report.answered >= 8

    announced = await swarm.nodes[4].announce_peer(dht.AnnouncePeer(info_hash=b"h" * 20, port=7000), swarm.within())
    assert announced.storing.stored >= 3
    peers = await swarm.nodes[5].get_peers(dht.GetPeers(info_hash=b"h" * 20), swarm.within())
    assert peers.peers == [f"{swarm.nodes[4].endpoint.host}:7000"]


async def test_items_expire_two_hours_after_their_last_put(swarm: Swarm) -> None:
    author = Author()
    await swarm.nodes[0].put_mutable(put_request(author, 1, b"short-lived"), swarm.within())
    swarm.clock.ahead += 7_100.0
    found = await swarm.nodes[9].get_mutable(get_request(author), swarm.within())
    assert found.versions
    swarm.clock.ahead += 200.0
    found = await swarm.nodes[9].get_mutable(get_request(author), swarm.within())
    assert found.versions == []


async def test_many_operations_at_once(swarm: Swarm) -> None:
    authors = [Author(number) for number in range(1, 101)]
    puts = [
        swarm.nodes[number % 20].put_mutable(put_request(author, 1, b"one of many"), swarm.within(30.0))
        for number, author in enumerate(authors)
    ]
    assert all(reply.storing.stored >= 3 for reply in await asyncio.gather(*puts))
    gets = [
        swarm.nodes[(number + 7) % 20].get_mutable(get_request(author), swarm.within(30.0))
        for number, author in enumerate(authors)
    ]
    assert all(reply.versions for reply in await asyncio.gather(*gets))


async def test_malformed_datagrams_are_counted_and_harm_nothing() -> None:
    clock = MovableClock()
    async with open_driver(LAB, Endpoint("127.90.0.1", 0), bootstrap=[], clock=clock) as driver:
        rejected = driver.node.stats.rejected
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.90.0.2", 0))
            stranger.settimeout(5.0)
            target = (driver.endpoint.host, driver.endpoint.port)
            for data in (b"", b"garbage", b"d" * 1500, bytes(4096), b"i1e", b"d1:t2:aa1:y1:re"):
                stranger.sendto(data, target)
            await wait_until(lambda: rejected.total() == 6, "all six are counted")
            assert rejected[Rejection.TOO_LARGE] == 1
            assert rejected[Rejection.NOT_BENCODE] == 3
            stranger.sendto(bencode.encode({b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": b"x" * 20}}), target)
            answer = await asyncio.to_thread(stranger.recv, 2048)
            assert bencode.decode(answer)[b"r"] == {b"id": driver.node.id}


async def test_without_a_bootstrap_node_calls_end_in_dht_unavailable_and_it_is_not_ready() -> None:
    clock = MovableClock()
    nobody = Endpoint("127.90.0.9", 9)
    async with open_node(
        LAB, Endpoint("127.90.0.3", 0), bootstrap=[nobody, "no.such.name.invalid:1"], clock=clock
    ) as node:
        assert not node.ready
        with pytest.raises(ScoutError) as caught:
            await node.get_immutable(dht.GetImmutable(target=bytes(20)), CallContext(clock.utc_ms() + 3_000))
        assert caught.value.code is ErrorCode.DHT_UNAVAILABLE
        assert caught.value.retry_after is not None
        status = await node.status(dht.Status(), CallContext(clock.utc_ms() + 3_000))
        assert (status.ready, status.contacts) == (False, 0)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (dht.PutImmutable(value=b"997:" + bytes(997)), ErrorCode.ITEM_TOO_LARGE),
        (dht.PutImmutable(value=b""), ErrorCode.INVALID_REQUEST),
    ],
)
async def test_misuse_is_named(request_: dht.PutImmutable, code: ErrorCode) -> None:
    clock = MovableClock()
    async with open_node(LAB, Endpoint("127.90.0.4", 0), bootstrap=[], clock=clock) as node:
        with pytest.raises(ScoutError) as caught:
            await node.put_immutable(request_, CallContext(clock.utc_ms() + 3_000))
        assert caught.value.code is code


async def test_a_deadline_that_has_passed_is_not_worked_on() -> None:
    clock = MovableClock()
    async with open_node(LAB, Endpoint("127.90.0.5", 0), bootstrap=[], clock=clock) as node:
        with pytest.raises(ScoutError) as caught:
            await node.get_immutable(dht.GetImmutable(target=bytes(20)), CallContext(clock.utc_ms()))
        assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED


async def test_a_net_of_three_is_ready_and_stores() -> None:
    async with open_swarm(3) as three:
        stored = await three.nodes[0].put_mutable(put_request(Author(), 1, b"small"), three.within())
        assert (stored.storing.asked, stored.storing.stored) == (2, 2)
        found = await three.nodes[1].get_mutable(get_request(Author()), three.within())
        assert found.versions


async def test_a_body_that_fails_is_not_wrapped() -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_node(LAB, Endpoint("127.90.0.6", 0), bootstrap=[], clock=MovableClock()):
            raise ZeroDivisionError
