"""One budget, two replicas: spent to within 5 %, whoever spends it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from shared.bus.budgets import RedisBudgets
from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.clock import SystemClock
from tests.unit.api.world import Api, a_token, an_api, keys_of

PER_SECOND, BURST = 800.0, 800.0
SECONDS = 3.0
CALLERS = 12
"""Of each replica, all at once and without a pause but that which they are told."""
COST = 8
"""Packets of a lookup in the twin DHT."""
ITEM = "/v1/items/" + "00" * 20
KEYS = f"""
[[key]]
name = "phone"
tenant = "acme"
scopes = ["relay"]
sha256 = "{{phone}}"

[tenant.acme]
budget = {{ packets_per_second = {PER_SECOND}, burst = {BURST} }}
"""


async def spend(api: Api, until: float, counted: Counter[int]) -> None:
    clock = SystemClock()
    while clock.monotonic() < until:
        answer = await api.call("GET", ITEM, key=a_token("phone"))
        counted[answer.status] += 1
        if answer.status == 429:
            await asyncio.sleep(min(answer.body["retry_after"], 0.05))


async def test_two_replicas_spend_one_budget(redis_url: str) -> None:
    clock, counted = SystemClock(), Counter[int]()
    async with AsyncExitStack() as parts:
        replicas = []
        for _ in range(2):
            meters = BusMeters.build(CollectorRegistry())
            redis = await parts.enter_async_context(connect(redis_url, clock=clock, meters=meters))
            made = an_api(keys=keys_of(KEYS), budgets=RedisBudgets(redis))
            replicas.append(await parts.enter_async_context(made))
        started = clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(2 * CALLERS):
                tasks.create_task(spend(replicas[number % 2], started + SECONDS, counted))
        elapsed = clock.monotonic() - started
    spent, budget = counted[404] * COST, BURST + PER_SECOND * elapsed
    assert set(counted) == {404, 429}, "there was more demand than budget"
    assert 0.95 * budget < spent < 1.05 * budget, (spent, budget, counted)
