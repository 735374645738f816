"""The fleet of real processes: who is there, who said goodbye, and that figures are those of /metrics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from tests.support.cluster import Cluster, ServiceProcess, running_cluster
from tests.support.waiting import wait_until

SHOWN_WITHIN = 15.0
"""Seconds in which a death must show."""

pytestmark = pytest.mark.timeout(120)


async def fleet(http: aiohttp.ClientSession, cluster: Cluster) -> dict[str, Any]:
    async with http.get(f"{cluster.api_urls[0]}/v1/fleet") as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def metric(http: aiohttp.ClientSession, process: ServiceProcess, name: str) -> float:
    async with http.get(f"http://{process.ops}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


async def test_the_fleet_shows_who_is_there_who_left_and_who_died(tmp_path: Path) -> None:
    async with (
        open_swarm(4, "127.75", clock=SystemClock(), entropy=os.urandom) as swarm,
        running_cluster(tmp_path, entry_points(swarm), copies=1, network="127.76") as cluster,
        aiohttp.ClientSession() as http,
    ):

        async def states() -> dict[str, str]:
            return {one["service"]: one["state"] for one in (await fleet(http, cluster))["processes"]}

        async def all_ready() -> bool:
            return (await fleet(http, cluster))["healthy"] is True

        await wait_until(all_ready, "the fleet is healthy", SHOWN_WITHIN)
        assert set(await states()) == {"api", "crypto", "dht_node"}
        [node], [crypto] = cluster.of("dht_node"), cluster.of("crypto")

        async def contacts_agree() -> bool:
            [shown] = [one for one in (await fleet(http, cluster))["processes"] if one["service"] == "dht_node"]
            [figures] = shown["dht"]["nodes"]
            in_buckets = sum(b["good"] + b["questionable"] + b["bad"] for b in figures["buckets"])
            assert in_buckets == figures["contacts"]
            return bool(figures["contacts"] == await metric(http, node, "scout_dht_contacts") == len(swarm))

        await wait_until(contacts_agree, "the node's contacts are those of its metrics", SHOWN_WITHIN)
        assert await crypto.stop() == 0
        assert set(await states()) == {"api", "dht_node"}
        node.kill()

        async def shown_as_dead() -> bool:
            return (await states())["dht_node"] == "dead"

        await wait_until(shown_as_dead, "the killed node is dead", SHOWN_WITHIN)
        problems = [problem["text"] for problem in (await fleet(http, cluster))["problems"]]
        assert problems[:2] == ["No crypto process is running.", "No dht_node process is running."]
        assert "died" in problems[2]
