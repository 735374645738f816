"""Keeping alive and sharding on real processes: what one DHT node did, another does after its death."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.standalone.swarm import entry_points, open_swarm
from shared.bus import streams
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.cluster import ServiceProcess, running_cluster
from tests.support.waiting import wait_until

ITEMS = 24
EVERY_SECOND = {"SCOUT_DHT_KEEP_INTERVAL": "1"}
WITHIN = 30.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def swarm() -> AsyncIterator[list[Endpoint]]:
    async with open_swarm(8, "127.73", clock=SystemClock(), entropy=os.urandom) as nodes:
        yield entry_points(nodes)


class Watch:
    """Figures of DHT node processes, from their own metrics pages."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def put_again(self, node: ServiceProcess) -> float:
        return await self._sample(node, "scout_dht_kept_republished_total", outcome="stored")

    async def partitions(self, node: ServiceProcess) -> float:
        return await self._sample(node, "scout_bus_partitions", group="dht")

    async def kept(self, node: ServiceProcess) -> float:
        return await self._sample(node, "scout_dht_kept_items")

    async def _sample(self, node: ServiceProcess, name: str, **labels: str) -> float:
        async with self._http.get(f"http://{node.ops}/metrics") as answer:
            page = await answer.text()
        samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )


async def put_item(http: aiohttp.ClientSession, url: str, number: int) -> str:
    async with http.post(f"{url}/v1/items", json={"value": f"{number:04d}", "keep": 3600}) as answer:
        document = await answer.json()
        assert document["kept_until"], document
        return str(document["hash"])


async def test_a_node_that_is_killed_is_made_up_for_by_the_other(tmp_path: Path, swarm: list[Endpoint]) -> None:
    async with (
        running_cluster(tmp_path, swarm, network="127.74", dht_settings=EVERY_SECOND) as cluster,
        aiohttp.ClientSession() as http,
    ):
        watch, (dying, living) = Watch(http), cluster.of("dht_node")
        hashes = await asyncio.gather(*(put_item(http, cluster.api_urls[0], number) for number in range(ITEMS)))

        async def shared_out() -> bool:
            both = [await watch.partitions(dying), await watch.partitions(living)]
            return min(both) > 0 and sum(both) == streams.DHT_PARTITIONS

        async def both_work() -> bool:
            both = [await watch.put_again(dying), await watch.put_again(living)]
            return min(both) > 0 and sum(both) >= 2 * ITEMS

        await wait_until(shared_out, "each reads its partitions", WITHIN)
        await wait_until(both_work, "each puts items again", WITHIN)
        dying.kill()
        before = await watch.put_again(living)

        async def taken_over() -> bool:
            return await watch.partitions(living) == streams.DHT_PARTITIONS

        async def goes_on() -> bool:
            return await watch.put_again(living) >= before + ITEMS

        await wait_until(taken_over, "the other reads all partitions", WITHIN)
        await wait_until(goes_on, "the other puts all items again", WITHIN)
        assert await watch.kept(living) == ITEMS
        for item in hashes:
            async with http.get(f"{cluster.api_urls[1]}/v1/items/{item}") as answer:
                assert answer.status == 200
