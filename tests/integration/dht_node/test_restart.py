"""A node that is stopped and started again goes on where it was."""

from __future__ import annotations

from pathlib import Path

from services.dht_node.opening import open_driver
from shared.contracts import dht
from shared.format import bep44
from shared.settings import Endpoint
from tests.integration.dht_node.conftest import Swarm
from tests.support.nodes import LAB
from tests.support.ports import free_udp_port
from tests.support.waiting import wait_until


async def test_id_contacts_and_items_outlive_a_restart(swarm: Swarm, tmp_path: Path) -> None:
    state, listen = tmp_path / "state" / "node", Endpoint("127.90.200.1", free_udp_port("127.90.200.1"))
    async with open_driver(
        LAB, listen, bootstrap=[swarm.nodes[0].endpoint], clock=swarm.clock, state_path=state
    ) as driver:
        await wait_until(lambda: driver.node.stats.queries_answered["ping"] >= 8, "others have met the node")
        own_id = driver.node.id
        for number in range(60):
            if driver.node.stored_items:
                break
            await swarm.nodes[number % 20].put_immutable(
                dht.PutImmutable(value=bep44.bencode_string(b"%d" % number), quorum=8), swarm.within()
            )
        await wait_until(lambda: driver.node.stored_items, "an item fell to it")
        stored = driver.node.stored_items

    swarm.clock.ahead += 60.0
    async with open_driver(LAB, listen, bootstrap=[], clock=swarm.clock, state_path=state) as driver:
        assert driver.node.id == own_id
        assert driver.node.stored_items == stored
        await wait_until(lambda: driver.node.good_contacts(swarm.clock.monotonic()) >= 8, "its contacts answer")

    swarm.clock.ahead += 7_200.0
    async with open_driver(LAB, listen, bootstrap=[], clock=swarm.clock, state_path=state) as driver:
        assert driver.node.stored_items == 0


async def test_a_damaged_file_is_set_aside_and_the_node_begins_anew(tmp_path: Path) -> None:
    state = tmp_path / "node"
    state.write_bytes(b"d2:id3:no")
    async with open_driver(LAB, Endpoint("127.90.200.2", 0), bootstrap=[], state_path=state) as driver:
        assert len(driver.node.id) == 20
    assert (tmp_path / "node.damaged").read_bytes() == b"d2:id3:no"
    assert state.exists()
