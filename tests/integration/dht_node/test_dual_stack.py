"""A node of both families between a network of IPv4 and one of IPv6, on real sockets (BEP 32)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.dht_node.dual import DualStackDht
from services.dht_node.net.driver import Driver
from services.dht_node.opening import open_beside, open_driver, open_node
from services.dht_node.service import DhtService
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint
from tests.support.ipv6 import LOOPBACK6, needs_ipv6
from tests.support.nodes import LAB, Author
from tests.support.waiting import wait_until

pytestmark = needs_ipv6
CLOCK = SystemClock()
INFO_HASH = b"\x42" * 20


@dataclass
class Networks:
    """Nodes of one family each, and one of both."""

    four: list[DhtService]
    six: list[DhtService]
    both: DualStackDht


def soon() -> CallContext:
    return CallContext(CLOCK.utc_ms() + 10_000)


async def one_family(stack: AsyncExitStack, hosts: Sequence[str]) -> list[DhtService]:
    nodes: list[DhtService] = []
    for host in hosts:
        bootstrap = [nodes[0].endpoint] if nodes else []
        nodes.append(await stack.enter_async_context(open_node(LAB, Endpoint(host, 0), bootstrap=bootstrap)))
    return nodes


@asynccontextmanager
async def dual(bootstrap: Sequence[Endpoint], state: Path | None = None) -> AsyncIterator[tuple[Driver, Driver]]:
    async with (
        open_driver(LAB, Endpoint("127.91.0.1", 0), bootstrap=bootstrap, state_path=state) as driver,
        open_beside(driver, LAB, Endpoint(LOOPBACK6, 0), bootstrap=bootstrap, state_path=state) as driver6,
    ):
        yield driver, driver6


@pytest.fixture
async def networks() -> AsyncIterator[Networks]:
    async with AsyncExitStack() as stack:
        four = await one_family(stack, [f"127.91.1.{number}" for number in range(1, 6)])
        six = await one_family(stack, [LOOPBACK6] * 5)
        drivers = await stack.enter_async_context(dual([four[0].endpoint, six[0].endpoint]))
        for node in (*four, *six, *(DhtService(driver, CLOCK) for driver in drivers)):
            await wait_until(lambda node=node: node.ready, "all have joined")  # type: ignore[misc]  # bound now
        yield Networks(four, six, DualStackDht(*drivers, CLOCK))


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def put_of(author: Author, seq: int, content: bytes, seen: list[bytes] | None = None) -> dht.PutMutable:
    version = author.version(seq, content)
    return dht.PutMutable(
        public_key=author.public_key, seq=seq, value=version.value, signature=version.signature, seen=seen
    )


async def test_readers_of_either_family_find_what_was_put(networks: Networks) -> None:
    author = Author()
    put = await networks.both.put_mutable(put_of(author, 1, b"to everybody"), soon())
    assert put.storing.stored >= 6
    assert not put.conflict
    holders = []
    for reader in (networks.four[-1], networks.six[-1], networks.both):
        found = await reader.get_mutable(dht.GetMutable(public_key=author.public_key), soon())
        assert [version.seq for version in found.versions] == [1]
        holders.append(found.versions[0].holders)
    assert holders[2] > max(holders[:2])


@pytest.mark.parametrize("settle", [True, False])
async def test_what_either_network_holds_is_found(networks: Networks, settle: bool) -> None:
    author = Author()
    await networks.six[0].put_mutable(put_of(author, 2, b"newer"), soon())
    request = dht.GetMutable(public_key=author.public_key, settle=settle)
    assert [version.seq for version in (await networks.both.get_mutable(request, soon())).versions] == [2]
    await networks.four[0].put_mutable(put_of(author, 1, b"older"), soon())
    found = await networks.both.get_mutable(dht.GetMutable(public_key=author.public_key), soon())
    assert [version.seq for version in found.versions] == [2, 1]


async def test_a_conflict_in_one_network_is_a_conflict(networks: Networks) -> None:
    author = Author()
    await networks.six[0].put_mutable(put_of(author, 1, b"somebody was faster"), soon())
    put = await networks.both.put_mutable(put_of(author, 2, b"unseeing", seen=[]), soon())
    assert put.conflict
    assert put.storing.stored >= 3


async def test_an_immutable_item_and_a_peer(networks: Networks) -> None:
    put = await networks.both.put_immutable(dht.PutImmutable(value=b"4:item"), soon())
    await networks.both.announce_peer(dht.AnnouncePeer(info_hash=INFO_HASH, port=7070), soon())
    ours = {"127.91.0.1:7070"}, {f"[{LOOPBACK6}]:7070"}
    for reader, peers in (
        (networks.four[-1], ours[0]),
        (networks.six[-1], ours[1]),
        (networks.both, ours[0] | ours[1]),
    ):
        assert (await reader.get_immutable(dht.GetImmutable(target=put.target), soon())).value == b"4:item"
        assert set((await reader.get_peers(dht.GetPeers(info_hash=INFO_HASH), soon())).peers) == peers


async def test_nodes_of_either_family_can_be_pinged_and_looked_up(networks: Networks) -> None:
    for node in (networks.four[0], networks.six[0]):
        pong = await networks.both.ping(dht.Ping(address=str(node.endpoint)), soon())
        assert pong.node_id == (await node.status(dht.Status(), soon())).node_id
    found = await networks.both.lookup(dht.Lookup(target=INFO_HASH), soon())
    addresses = {node.address for node in found.nodes}
    assert addresses == {str(node.endpoint) for node in (*networks.four, *networks.six)}


async def test_the_other_network_is_heard_of(networks: Networks) -> None:
    """Knowing one IPv4 address of a node of both is enough to find both networks."""
    async with dual([networks.both.endpoint]) as (_, driver6):
        await wait_until(lambda: driver6.node.contacts >= len(networks.six), "the IPv6 node has found its network")


async def test_a_family_without_a_network_is_left_out(networks: Networks) -> None:
    async with dual([networks.four[0].endpoint]) as drivers:
        lopsided = DualStackDht(*drivers, CLOCK)
        await wait_until(lambda: lopsided.ready, "the IPv4 node has joined")
        put = await lopsided.put_mutable(put_of(Author(), 1, b"half"), soon())
        assert put.storing.stored >= 3
        status = await lopsided.status(dht.Status(), soon())
        assert status.ready
        assert status.contacts >= len(networks.four)


async def test_without_any_network(tmp_path: Path) -> None:
    async with dual([], tmp_path / "state") as drivers:
        alone = DualStackDht(*drivers, CLOCK)
        assert not alone.ready
        with pytest.raises(ScoutError) as caught:
            await alone.get_immutable(dht.GetImmutable(target=INFO_HASH), soon())
        assert caught.value.code is ErrorCode.DHT_UNAVAILABLE
    assert names_in(tmp_path) == {"state", "state6"}


async def test_the_ipv6_contacts_are_saved(networks: Networks, tmp_path: Path) -> None:
    entry = [networks.six[0].endpoint]
    async with dual(entry, tmp_path / "state") as (_, driver6):
        await wait_until(lambda: driver6.node.contacts >= len(networks.six), "joined")
        node_id = driver6.node.id
    async with dual([], tmp_path / "state") as (_, driver6):
        assert driver6.node.id == node_id
        await wait_until(lambda: driver6.node.contacts >= len(networks.six), "joined by way of the saved contacts")
