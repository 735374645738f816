"""`python -m services.crypto` as an operator runs it, on a real bus."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry

from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.bus.requester import RedisRequester
from shared.bus.seal import Sealer
from shared.clock import SystemClock
from shared.contracts.crypto import CREATE_KEY, CREATE_LINK, SEAL_RECORD, CreateKey, CreateLink, SealAt, SealRecord
from shared.settings import Endpoint, Secret
from tests.support.bus import within
from tests.support.cluster import ServiceProcess
from tests.support.ports import free_port
from tests.support.waiting import wait_until

BUS_KEY, MASTER_KEY = b"\x11" * 32, b"\x22" * 32
SHARED, PLAINTEXT = b"the secret that two people share", b"where the phone is just now"
REQUESTS = "scout:{crypto}:requests"


def crypto_process(redis_url: str, log: Path) -> ServiceProcess:
    ops = Endpoint("127.0.0.1", free_port())
    settings = {
        "SCOUT_REDIS_URL": redis_url,
        "SCOUT_BUS_KEY": BUS_KEY.hex(),
        "SCOUT_MASTER_KEYS": f"1:{MASTER_KEY.hex()}",
        "SCOUT_OPS_LISTEN": str(ops),
        "SCOUT_LOG_LEVEL": "debug",
    }
    return ServiceProcess("crypto", settings, ops, log)


async def test_it_answers_sealed_says_how_it_is_and_drains(redis_url: str, tmp_path: Path) -> None:
    crypto = crypto_process(redis_url, tmp_path / "crypto.log")
    clock, meters = SystemClock(), BusMeters.build(CollectorRegistry())
    async with (
        connect(redis_url, clock=clock, meters=meters) as redis,
        RedisRequester(redis, clock=clock, meters=meters, sealers={"crypto": Sealer(Secret(BUS_KEY))}) as ask,
    ):
        context = within(20.0, tenant="acme")
        asked_early = asyncio.gather(ask.call(CREATE_LINK, CreateLink(secret=SHARED), context))
        await wait_until(lambda: redis.shared.command("XLEN", REQUESTS), "the request is on the bus")
        waiting = repr(await redis.shared.command("XRANGE", REQUESTS, "-", "+"))
        assert "crypto.create_link@1" in waiting
        assert SHARED.decode() not in waiting

        await crypto.start()
        (made,) = await asked_early
        link = made.link
        request = SealRecord(link=link, plaintext=PLAINTEXT, places=[SealAt(seq=1)])
        sealed = await ask.call(SEAL_RECORD, request, context)
        assert PLAINTEXT not in sealed.sealed[0].value
        async with aiohttp.ClientSession() as http:
            assert await crypto.ready(http)
            async with http.get(f"http://{crypto.ops}/metrics") as answer:
                assert (
                    'scout_crypto_operation_seconds_count{operation="crypto.seal_record@1"} 1.0' in await answer.text()
                )
        assert await crypto.stop() == 0
    log = crypto.log_path.read_text()
    for secret in (SHARED.decode(), SHARED.hex(), PLAINTEXT.decode(), MASTER_KEY.hex(), BUS_KEY.hex(), link):
        assert secret not in log


async def test_a_handle_outlives_the_process_that_made_it(redis_url: str, tmp_path: Path) -> None:
    clock, meters = SystemClock(), BusMeters.build(CollectorRegistry())
    async with (
        connect(redis_url, clock=clock, meters=meters) as redis,
        RedisRequester(redis, clock=clock, meters=meters, sealers={"crypto": Sealer(Secret(BUS_KEY))}) as ask,
    ):
        context = within(20.0, tenant="acme")
        first = crypto_process(redis_url, tmp_path / "first.log")
        await first.start()
        mine, theirs = [await ask.call(CREATE_KEY, CreateKey(), context) for _ in range(2)]
        assert await first.stop() == 0

        second = crypto_process(redis_url, tmp_path / "second.log")
        await second.start()
        link = await ask.call(CREATE_LINK, CreateLink(key=mine.key, peer=theirs.public_key), context)
        assert link.member == (0 if mine.public_key < theirs.public_key else 1)
        assert await second.stop() == 0


async def test_wrong_settings_end_it_with_a_line_each_and_no_secret() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.crypto",
        env={"SCOUT_REDIS_URL": "nowhere", "SCOUT_MASTER_KEYS": MASTER_KEY.hex()},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    lines = errors.decode().splitlines()
    assert process.returncode == 2
    assert [line.split(": ")[1] for line in lines] == ["SCOUT_REDIS_URL", "SCOUT_BUS_KEY", "SCOUT_MASTER_KEYS"]
    assert MASTER_KEY.hex() not in errors.decode()
