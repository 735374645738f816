from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.dht_node.core.config import LAB
from services.standalone import private_dht
from services.standalone.swarm import open_nodes
from shared.clock import SystemClock
from shared.contracts.dht import GetImmutable, PutImmutable
from shared.contracts.operation import CallContext
from shared.settings import Endpoint, SettingsError
from tests.support.ports import free_udp_port

CLOCK = SystemClock()


def within(seconds: float) -> CallContext:
    return CallContext(deadline_ms=CLOCK.utc_ms() + round(seconds * 1000))


def test_its_nodes_have_one_address_and_ports_of_their_own() -> None:
    settings = private_dht.read({"SCOUT_SWARM_NODES": "3", "SCOUT_SWARM_ADDRESS": "127.90.0.1"})
    assert settings.listens == tuple(Endpoint("127.90.0.1", port) for port in (6881, 6882, 6883))


def test_every_wrong_setting_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        private_dht.read({"SCOUT_SWARM_NODES": "1", "SCOUT_SWARM_PORT": "0", "SCOUT_SWARM_ADDRESS": "swarm"})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "SCOUT_SWARM_NODES",
        "SCOUT_SWARM_PORT",
        "SCOUT_SWARM_ADDRESS",
    ]


async def test_it_holds_what_it_held_before_it_was_restarted(tmp_path: Path) -> None:
    listens = [Endpoint("127.90.0.1", free_udp_port("127.90.0.1")) for _ in range(4)]
    async with open_nodes(listens, LAB, clock=CLOCK, entropy=os.urandom, state=tmp_path) as nodes:
        put = await nodes[0].put_immutable(PutImmutable(value=b"5:hello"), within(5))
    async with open_nodes(listens, LAB, clock=CLOCK, entropy=os.urandom, state=tmp_path) as nodes:
        found = await nodes[3].get_immutable(GetImmutable(target=put.target), within(5))
    assert found.value == b"5:hello"
