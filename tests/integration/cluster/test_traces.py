"""One id from the HTTP request to the log lines of all three services, in real processes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from tests.support.cluster import Cluster, running_cluster

pytestmark = pytest.mark.timeout(90)

SECRET = {"secret": "ab" * 32}
PUT = {"addresses": ["192.0.2.1:6881"]}
WORK = {"request", "answered", "lookup"}
"""Events of lines that are written while a request, a bus call or a lookup is worked on."""


def lines(cluster: Cluster) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cluster.logs().splitlines()]


def events(found: list[dict[str, Any]], trace: str, service: str) -> list[str]:
    return [line["event"] for line in found if line.get("trace") == trace and line["service"] == service]


async def test_a_requests_id_is_in_the_log_lines_of_all_three_services(tmp_path: Path) -> None:
    async with (
        open_swarm(4, "127.72", clock=SystemClock(), entropy=os.urandom) as swarm,
        running_cluster(tmp_path, entry_points(swarm), copies=1, network="127.73", log_level="debug") as cluster,
        aiohttp.ClientSession(cluster.api_urls[0]) as http,
    ):

        async def call(method: str, path: str, body: Any, trace: str, **headers: str) -> Any:
            async with http.request(method, path, json=body, headers={"X-Request-Id": trace, **headers}) as answer:
                assert answer.status == 200, await answer.text()
                assert answer.headers["X-Request-Id"] == trace
                return await answer.json()

        link = (await call("POST", "/v1/links", SECRET, "making-a-link"))["link"]
        await call("PUT", "/v1/devices/1", PUT, "trace.of-one_sync", **{"Scout-Link": link})
        together = [
            call("PUT", f"/v1/devices/{number}", PUT, f"together-{number}", **{"Scout-Link": link})
            for number in range(1, 6)
        ]
        await asyncio.gather(*together)
    found = lines(cluster)

    trace = "trace.of-one_sync"
    assert events(found, trace, "api") == ["request"]
    assert set(events(found, trace, "crypto")) == {"answered"}
    in_the_node = events(found, trace, "dht_node")
    assert {"answered", "lookup"} <= set(in_the_node)
    looked_up = {
        (line["kind"], line["outcome"]) for line in found if line["event"] == "lookup" and line["trace"] == trace
    }
    assert looked_up == {("get_mutable", "not_found"), ("put_mutable", "stored")}
    assert events(found, "making-a-link", "dht_node") == []

    # a write that served several requests is found from each of them
    for number in range(1, 6):
        own = [line for line in found if line.get("trace") == f"together-{number}"]
        writers = {line["written_by"] for line in own if "written_by" in line} or {f"together-{number}"}
        [writer] = writers
        assert "lookup" in events(found, writer, "dht_node")

    assert [line for line in found if line["event"] in WORK and "trace" not in line] == []
