"""Watchers at two API processes: one look at the DHT for all of them; a process stops, and the bus goes away."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.cluster import Cluster, running_cluster
from tests.support.event_streams import Reader, reading
from tests.support.syncs import patient_client
from tests.support.waiting import wait_until

WATCHERS = 4
"""At each process."""
QUIET_S = 2.0
"""Less than the shortest pause between two looks."""
ENDED_WITHIN_S = 4.0

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def swarm() -> AsyncIterator[list[Endpoint]]:
    async with open_swarm(8, "127.101", clock=SystemClock(), entropy=os.urandom) as nodes:
        yield entry_points(nodes)


async def looks(cluster: Cluster, http: aiohttp.ClientSession) -> dict[str, float]:
    """How often all processes together looked, by outcome."""
    found: dict[str, float] = {}
    for api in cluster.of("api"):
        async with http.get(f"http://{api.ops}/metrics") as answer:
            for family in text_string_to_metric_families(await answer.text()):
                for sample in family.samples:
                    if sample.name == "scout_api_watch_looks_total":
                        outcome = sample.labels["outcome"]
                        found[outcome] = found.get(outcome, 0.0) + sample.value
    return found


async def write(url: str, http: aiohttp.ClientSession, link: str, entry_id: int) -> None:
    body = {"entries": [{"id": entry_id, "value": base64.urlsafe_b64encode(b"here").decode().rstrip("=")}]}
    async with http.post(f"{url}/v1/sync", json=body, headers={"Scout-Link": link}) as answer:
        assert answer.status == 200, await answer.text()


async def told_of(reader: Reader, entry_id: int) -> None:
    """Read on until the record has this entry."""
    while True:
        event = await reader.next()
        if any(entry["id"] == entry_id for entry in event.data["entries"]):
            return


async def test_one_look_for_two_processes_whatever_stops(tmp_path: Path, swarm: list[Endpoint]) -> None:
    async with (
        running_cluster(tmp_path, swarm, network="127.102") as cluster,
        patient_client() as http,
        AsyncExitStack() as streams,
    ):
        first, second = cluster.api_urls
        # an original's record has one address, so every look of one's own can be told
        async with http.post(f"{first}/v1/links", json={"secret": "3c" * 32, "format": "scout1"}) as answer:
            link = (await answer.json())["link"]
        await write(second, http, link, 1)
        readers = {
            url: [
                await streams.enter_async_context(reading(http, f"{url}/v1/events", link=link)) for _ in range(WATCHERS)
            ]
            for url in (first, second)
        }
        for reader in (*readers[first], *readers[second]):
            await told_of(reader, 1)
        await asyncio.sleep(QUIET_S)
        outcomes = await looks(cluster, http)
        assert outcomes["changed"] + outcomes["same"] == 1, outcomes
        assert outcomes["shared"] >= 2 * WATCHERS

        await write(first, http, link, 2)
        await asyncio.gather(*(told_of(reader, 2) for reader in (*readers[first], *readers[second])))

        await asyncio.to_thread(cluster.embedded.stop)
        while not (await readers[second][0].comment()).endswith("bus_unavailable"):
            pass
        await asyncio.to_thread(cluster.embedded.start)
        await wait_until(lambda: _accepted(second, http, link), "writes go through again", timeout_s=20)
        for reader in readers[second]:
            await told_of(reader, 3)

        async with asyncio.timeout(ENDED_WITHIN_S):
            assert await cluster.of("api")[0].stop() == 0
        for reader in readers[first]:
            with pytest.raises(EOFError):
                await told_of(reader, 99)


async def _accepted(url: str, http: aiohttp.ClientSession, link: str) -> bool:
    """Whether a write goes through."""
    try:
        await write(url, http, link, 3)
    except AssertionError:
        return False
    return True
