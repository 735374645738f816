"""What a DHT node of both families says of itself to the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from services.dht_node import app
from services.dht_node.settings import read
from shared.bus.fleet import RedisFleet
from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.ipv6 import LOOPBACK6, needs_ipv6
from tests.support.ports import free_port, free_udp_port
from tests.support.waiting import wait_until

HOST = "127.92.0.1"

pytestmark = needs_ipv6


@pytest.fixture
async def fleet(redis_url: str) -> AsyncIterator[RedisFleet]:
    meters = BusMeters.build(CollectorRegistry())
    async with connect(redis_url, clock=SystemClock(), meters=meters) as redis:
        yield RedisFleet(redis)


async def test_each_family_has_figures_of_its_own(redis_url: str, fleet: RedisFleet) -> None:
    endpoints = {
        "ipv4": str(Endpoint(HOST, free_udp_port(HOST))),
        "ipv6": str(Endpoint(LOOPBACK6, free_udp_port(LOOPBACK6))),
    }
    settings = read(
        {
            "SCOUT_REDIS_URL": redis_url,
            "SCOUT_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "SCOUT_DHT_LISTEN": endpoints["ipv4"],
            "SCOUT_DHT_LISTEN6": endpoints["ipv6"],
            "SCOUT_DHT_BOOTSTRAP": endpoints["ipv4"],
            "SCOUT_DHT_LAB": "true",
        }
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.serve(settings, stop))

        async def reported() -> bool:
            return len(await fleet.members()) == 1

        await wait_until(reported, "the node has reported itself")
        [member] = await fleet.members()
        stop.set()
    report = member.report
    assert report.service == "dht_node"
    assert report.dht is not None
    assert {node.family: node.listen for node in report.dht.nodes} == endpoints
    assert len({node.node_id for node in report.dht.nodes}) == 2
    assert report.checks == {"bus": True, "dht": False, "canary": True}
    assert await fleet.members() == []
