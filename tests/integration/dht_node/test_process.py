"""`python -m services.dht_node` as an operator runs it, on a real bus."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.bus.requester import RedisRequester
from shared.clock import SystemClock
from shared.contracts import dht
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.settings import Endpoint
from tests.integration.dht_node.conftest import Swarm
from tests.support.bus import within
from tests.support.cluster import ServiceProcess
from tests.support.ipv6 import HAS_IPV6, LOOPBACK6
from tests.support.ports import free_port, free_udp_port
from tests.support.waiting import wait_until


@asynccontextmanager
async def dht_process(redis_url: str, directory: Path, host: str, bootstrap: Endpoint) -> AsyncIterator[ServiceProcess]:
    """A running process; it must end with status 0 when told to."""
    ops = Endpoint("127.0.0.1", free_port())
    settings = {
        "SCOUT_REDIS_URL": redis_url,
        "SCOUT_OPS_LISTEN": str(ops),
        "SCOUT_DHT_LISTEN": f"{host}:{free_udp_port(host)}",
        "SCOUT_DHT_BOOTSTRAP": str(bootstrap),
        "SCOUT_DHT_LAB": "true",
        "SCOUT_DHT_STATE_DIR": str(directory / "state"),
    }
    if HAS_IPV6:
        settings["SCOUT_DHT_LISTEN6"] = str(Endpoint(LOOPBACK6, free_udp_port(LOOPBACK6)))
    process = ServiceProcess("dht_node", settings, ops, directory / "dht_node.log")
    await process.start()
    try:
        yield process
    finally:
        status = await process.stop()
    assert status == 0


@asynccontextmanager
async def requester(redis_url: str) -> AsyncIterator[RedisRequester]:
    clock, meters = SystemClock(), BusMeters.build(CollectorRegistry())
    async with (
        connect(redis_url, clock=clock, meters=meters) as redis,
        RedisRequester(redis, clock=clock, meters=meters) as ask,
    ):
        yield ask


async def test_it_answers_on_the_bus_says_how_it_is_and_saves_itself(
    redis_url: str, swarm: Swarm, tmp_path: Path
) -> None:
    async with (
        dht_process(redis_url, tmp_path, "127.90.201.1", swarm.nodes[0].endpoint) as process,
        requester(redis_url) as ask,
        aiohttp.ClientSession() as http,
    ):
        await wait_until(lambda: process.ready(http), "the node is ready", timeout_s=20.0)
        value = bep44.bencode_string(b"over the bus")
        stored = await ask.call(dht.PUT_IMMUTABLE, dht.PutImmutable(value=value), within(10.0))
        assert stored.storing.stored >= 3
        found = await swarm.nodes[7].get_immutable(dht.GetImmutable(target=stored.target), swarm.within())
        assert found.value == value
        status = await ask.call(dht.STATUS, dht.Status(), within(10.0))
        assert status.ready
        assert status.good_contacts >= 8
        with pytest.raises(ScoutError) as caught:
            await ask.call(dht.GET_IMMUTABLE, dht.GetImmutable(target=b"short"), within(10.0))
        assert caught.value.code is ErrorCode.INVALID_REQUEST

        async with http.get(f"http://{process.ops}/metrics") as answer:
            samples = {
                (sample.name, *sorted(sample.labels.values())): sample.value
                for family in text_string_to_metric_families(await answer.text())
                for sample in family.samples
            }
        assert samples["scout_dht_contacts", "good", "ipv4"] >= 8
        assert samples["scout_dht_queries_sent_total", "ipv4", "put"] >= 8
        assert samples["scout_dht_query_seconds_count", "ipv4", "put", "replied"] >= 3
        assert 0 < samples["scout_dht_query_seconds_sum", "ipv4", "put", "replied"] < 10
        assert samples["scout_dht_lookup_seconds_count", "ipv4", "put_immutable", "stored"] == 1
        assert (("scout_dht_contacts", "good", "ipv6") in samples) == HAS_IPV6
        assert samples["scout_dht_datagrams_rejected_total", "bad_token", "ipv4"] == 0
        assert samples["scout_dht_operation_seconds_count", "dht.put_immutable@1"] == 1
        assert samples["scout_dht_operation_failures_total", "dht.get_immutable@1", "invalid_request"] == 1
    assert (tmp_path / "state" / "dht_node.state").stat().st_size > 200


async def test_alone_it_is_not_ready_and_says_why(redis_url: str, tmp_path: Path) -> None:
    async with (
        dht_process(redis_url, tmp_path, "127.90.201.2", Endpoint("127.90.201.3", 9)) as process,
        requester(redis_url) as ask,
        aiohttp.ClientSession() as http,
    ):

        async def not_ready() -> list[str]:
            try:
                async with http.get(f"http://{process.ops}/readyz") as answer:
                    missing: list[str] = (await answer.json())["not_ready"]
                    return missing
            except aiohttp.ClientConnectionError:
                return []

        await wait_until(not_ready, "it answers", timeout_s=20.0)
        assert await not_ready() == ["dht"]
        with pytest.raises(ScoutError) as caught:
            await ask.call(dht.GET_IMMUTABLE, dht.GetImmutable(target=bytes(20)), within(10.0))
        assert caught.value.code is ErrorCode.DHT_UNAVAILABLE


async def test_wrong_settings_end_it_with_a_line_each() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.dht_node",
        env={"SCOUT_REDIS_URL": "nowhere", "SCOUT_DHT_LISTEN": "localhost:1", "SCOUT_DHT_LAB": "perhaps"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert {line.split(": ")[1] for line in errors.decode().splitlines()} == {
        "SCOUT_REDIS_URL",
        "SCOUT_DHT_LISTEN",
        "SCOUT_DHT_LAB",
    }
