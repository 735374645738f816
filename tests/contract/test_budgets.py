"""Token buckets: what is granted, to how many at once, and what comes back."""

from __future__ import annotations

import asyncio

from shared.bus import streams
from shared.bus.ports import Bucket, Shortfall
from tests.contract.conftest import Bus
from tests.support.waiting import wait_until

SLOW = 0.001
"""Packets a second: none comes back while a test runs."""


def tenant(per_second: float = SLOW, burst: float = 100) -> Bucket:
    return Bucket(streams.budget("acme"), per_second, burst)


def one_key(per_second: float = SLOW, burst: float = 10) -> Bucket:
    return Bucket(streams.budget("acme", "phone"), per_second, burst)


async def test_a_burst_is_there_at_once_and_no_more(bus: Bus) -> None:
    budgets = bus.budgets()
    assert await budgets.take([tenant()], 60) is None
    assert await budgets.take([tenant()], 40) is None
    short = await budgets.take([tenant()], 1)
    assert short is not None
    assert short.bucket == tenant()
    assert 900 < short.seconds <= 1000


async def test_of_many_at_once_as_many_are_let_in_as_there_is_budget_for(bus: Bus) -> None:
    replicas = bus.budgets(), bus.budgets()
    taken = await asyncio.gather(*(replicas[number % 2].take([tenant()], 7) for number in range(50)))
    assert taken.count(None) == 14


async def test_all_buckets_or_none(bus: Bus) -> None:
    budgets = bus.budgets()
    both = [tenant(), one_key()]
    assert await budgets.take(both, 8) is None
    short = await budgets.take(both, 8)
    assert isinstance(short, Shortfall)
    assert short.bucket == one_key()
    assert await budgets.take([tenant()], 92) is None, "nothing was taken of it when the other refused"
    assert await budgets.take([one_key()], 2) is None


async def test_what_was_not_needed_comes_back_and_what_was_is_owed(bus: Bus) -> None:
    budgets = bus.budgets()
    assert await budgets.take([tenant()], 90) is None
    await budgets.settle([tenant()], 50)
    assert await budgets.take([tenant()], 60) is None
    await budgets.settle([tenant()], -200)
    short = await budgets.take([tenant(per_second=1.0)], 1)
    assert short is not None
    assert 195 < short.seconds <= 201
    await budgets.settle([tenant()], 10_000)
    assert await budgets.take([tenant()], 100) is None
    assert await budgets.take([tenant()], 1) is not None, "more than the burst is never saved up"


async def test_packets_come_back_with_time(bus: Bus) -> None:
    budgets = bus.budgets()
    quick = tenant(per_second=2000, burst=50)
    assert await budgets.take([quick], 50) is None
    short = await budgets.take([quick], 50)
    assert short is not None
    assert 0 < short.seconds <= 0.025

    async def there() -> bool:
        return await budgets.take([quick], 50) is None

    await wait_until(there, "the bucket is full again")


async def test_fractions_are_packets_too(bus: Bus) -> None:
    budgets = bus.budgets()
    small = tenant(burst=0.5)
    assert await budgets.take([small], 0.25) is None
    assert await budgets.take([small], 0.25) is None
    assert await budgets.take([small], 0.25) is not None
