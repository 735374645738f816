"""`python -m services.api` as it runs in a cluster: on a real bus, beside a crypto service and a DHT that answer."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from services.crypto import handlers as crypto_handlers
from services.crypto import meters as crypto_meters
from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from services.standalone.serving import serving
from shared.bus.consumer import Consumer
from shared.bus.meters import BusMeters
from shared.bus.ports import Handler
from shared.bus.redis_client import connect
from shared.bus.seal import Sealer
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import Operation
from shared.settings import Secret
from tests.support.bus import server
from tests.support.ports import free_port
from tests.support.twin_dht import TwinDht
from tests.support.waiting import wait_until

BUS_KEY = "5a" * 32
STOP_WITHIN = 15.0


@asynccontextmanager
async def answering(redis_url: str) -> AsyncIterator[TwinDht]:
    """A crypto service and a DHT on the bus, in this process."""
    clock, meters, twin = SystemClock(), BusMeters.build(CollectorRegistry()), TwinDht()
    crypto = CryptoService([MasterKey(1, Secret(b"\3" * 32))], random.Random(1).randbytes)
    dht_handlers: dict[Operation[Any, Any], Handler] = {
        dht.GET_MUTABLE: twin.get_mutable,
        dht.PUT_MUTABLE: twin.put_mutable,
        dht.GET_IMMUTABLE: twin.get_immutable,
        dht.PUT_IMMUTABLE: twin.put_immutable,
    }
    async with connect(redis_url, clock=clock, meters=meters) as redis:
        one = Consumer(
            redis,
            service="crypto",
            handlers=crypto_handlers.build(crypto, clock, crypto_meters.build(CollectorRegistry())),
            clock=clock,
            meters=meters,
            sealer=Sealer(Secret(bytes.fromhex(BUS_KEY))),
        )
        other = Consumer(redis, service="dht", handlers=dht_handlers, clock=clock, meters=meters)
        async with serving(one), serving(other):
            yield twin


@asynccontextmanager
async def running(redis_url: str, **settings: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """The process, its URL, and that of its ops port."""
    listen, ops = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,  # noqa: TID251  # a child needs the PATH of its parent; conftest has removed SCOUT_*
        "SCOUT_REDIS_URL": redis_url,
        "SCOUT_BUS_KEY": BUS_KEY,
        "SCOUT_API_LISTEN": listen,
        "SCOUT_OPS_LISTEN": ops,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.api", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process, f"http://{listen}", f"http://{ops}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(http: aiohttp.ClientSession, ops: str) -> bool:
    try:
        async with http.get(f"{ops}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_the_main_job_over_a_real_bus_and_a_clean_end(redis_url: str) -> None:
    async with (
        answering(redis_url),
        running(redis_url) as (process, url, ops),
        aiohttp.ClientSession() as http,
    ):
        await wait_until(lambda: ready(http, ops), "the API is ready", 20.0)
        async with http.post(f"{url}/v1/links", json={"secret": "ab" * 32}) as answer:
            headers = {"Scout-Link": (await answer.json())["link"]}
        calls = [http.put(f"{url}/v1/devices/{n}", json={"name": f"no. {n}"}, headers=headers) for n in range(1, 11)]
        answers = await asyncio.gather(*calls)
        assert [answer.status for answer in answers] == [200] * 10
        async with http.get(f"{url}/v1/devices", headers=headers) as answer:
            assert [device["name"] for device in (await answer.json())["devices"]] == [f"no. {n}" for n in range(1, 11)]
        for _ in range(2):
            async with http.post(
                f"{url}/v1/messages", json={"body": "aGk"}, headers={**headers, "Idempotency-Key": "once"}
            ) as answer:
                assert (await answer.json())["number"] == 1
        async with http.get(f"{ops}/metrics") as answer:
            assert 'scout_api_request_seconds_count{code="ok",route="PUT /v1/devices/{id}"} 10.0' in await answer.text()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_WITHIN):
            _, logged = await process.communicate()
        assert process.returncode == 0
        assert headers["Scout-Link"].encode() not in logged


async def test_services_that_are_away_and_a_bus_that_goes_are_503_or_504_in_time() -> None:
    bus = server()
    bus.start()
    try:
        async with (
            running(bus.connection_url, SCOUT_API_DEADLINE_MS="1000") as (_, url, ops),
            aiohttp.ClientSession() as http,
        ):
            await wait_until(lambda: ready(http, ops), "the API is ready", 20.0)
            async with http.post(f"{url}/v1/keys", json={}) as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (504, "deadline_exceeded")
            bus.stop()
            async with http.post(f"{url}/v1/keys", json={}) as answer:
                code = (await answer.json(content_type=None))["code"]
                assert (answer.status, code) in {(503, "bus_unavailable"), (504, "deadline_exceeded")}
    finally:
        if bus.is_running():
            bus.stop()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"SCOUT_API_LISTEN": "0.0.0.0:8080"}, b"loopback"), ({"SCOUT_BUS_KEY": "abc"}, b"SCOUT_BUS_KEY")],
)
async def test_bad_settings_are_a_line_and_exit_status_2(settings: dict[str, str], expected: bytes) -> None:
    async with running("redis://127.0.0.1:1/0", **settings) as (process, _, _):
        async with asyncio.timeout(STOP_WITHIN):
            _, said = await process.communicate()
        assert process.returncode == 2
        assert expected in said
        assert b"Traceback" not in said
