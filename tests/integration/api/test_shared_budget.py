"""One budget, two API processes: spent to within 5 %, whoever spends it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

import aiohttp
from redis import Redis

from shared.api_key_file import block
from shared.api_keys import ApiKey, Scope, digest_of, new_token
from shared.bus import streams
from shared.clock import SystemClock
from tests.integration.api.test_process import answering, ready, running
from tests.support.waiting import wait_until

PER_SECOND, BURST = 200.0, 200.0
"""A fraction of what two processes could do: there is more demand than budget on a busy machine, too."""
SECONDS = 4.0
CALLERS = 12
"""Of each replica, all at once and without a pause but that which they are told."""
COST = 8
"""Packets of a lookup in the twin DHT."""
ITEM = "/v1/items/" + "00" * 20


def key_file(path: Path) -> str:
    """A token, and the file that lets it in."""
    token = new_token(os.urandom).reveal().decode()
    budget = f"[tenant.acme]\nbudget = {{ packets_per_second = {PER_SECOND}, burst = {BURST} }}\n"
    path.write_text(block(ApiKey("phone", "acme", frozenset({Scope.RELAY}), digest_of(token))) + budget)
    return token


async def spend(http: aiohttp.ClientSession, url: str, until: float, counted: Counter[int]) -> None:
    clock = SystemClock()
    while clock.monotonic() < until:
        async with http.get(url + ITEM) as answer:
            said = await answer.json(content_type=None)
        counted[answer.status] += 1
        if answer.status == 429:
            await asyncio.sleep(min(said["retry_after"], 0.05))


def server_ms(server: Redis) -> float:
    """What the server's clock says."""
    seconds, micros = server.time()
    return float(seconds) * 1000 + float(micros) / 1000


async def test_two_replicas_spend_one_budget(redis_url: str, tmp_path: Path) -> None:
    token, clock, counted = key_file(tmp_path / "keys.toml"), SystemClock(), Counter[int]()
    settings = {"SCOUT_API_KEYS_FILE": str(tmp_path / "keys.toml"), "SCOUT_LOG_LEVEL": "warning"}
    async with (
        answering(redis_url),
        running(redis_url, **settings) as (_, one, one_ops),
        running(redis_url, **settings) as (_, other, other_ops),
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        for ops in (one_ops, other_ops):
            await wait_until(lambda ops=ops: ready(http, ops), "the API is ready", 20.0)  # type: ignore[misc]  # bound now
        bucket = Redis.from_url(redis_url)
        before = server_ms(bucket)
        started = clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(2 * CALLERS):
                tasks.create_task(spend(http, (one, other)[number % 2], started + SECONDS, counted))
        at, left = (float(bucket.hget(streams.budget("acme"), field) or 0) for field in ("at", "balance"))
        bucket.close()
    assert set(counted) == {404, 429}, "there was more demand than budget"
    spent, budget = counted[404] * COST, BURST + PER_SECOND * (at - before) / 1000
    assert left < 0.1 * budget
    assert 0.95 * (budget - left) < spent < 1.05 * (budget - left), (spent, budget, left, counted)
