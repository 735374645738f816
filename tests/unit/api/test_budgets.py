"""Budgets of DHT packets: who pays, how much, and what is said when nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from services.api.routes import all_endpoints
from services.api.service import Limits
from shared.bus import streams
from shared.bus.budgets import MemoryBudgets
from shared.bus.ports import Bucket, Shortfall
from shared.errors import ErrorCode, ScoutError
from tests.support.clock import ManualClock
from tests.unit.api.world import Answer, Api, a_token, an_api, keys_of

KEYS = """
[[key]]
name = "phone"
tenant = "acme"
scopes = ["read", "write", "relay", "admin"]
sha256 = "{phone}"

[[key]]
name = "tablet"
tenant = "acme"
scopes = ["read", "write", "relay"]
sha256 = "{tablet}"
budget = { packets_per_second = 2, burst = 40 }

[[key]]
name = "free"
tenant = "umbrella"
scopes = ["relay"]
sha256 = "{free}"

[tenant.acme]
budget = { packets_per_second = 10, burst = 400 }
"""
PHONE, TABLET, FREE = map(a_token, ("phone", "tablet", "free"))
COST = 8
"""Packets of a lookup in the twin DHT."""
FIRST = 40
"""Packets that the first one is taken to cost."""
ITEM = "/v1/items/" + "00" * 20


class World:
    def __init__(self, api: Api, clock: ManualClock, budgets: MemoryBudgets) -> None:
        self.api = api
        self.clock = clock
        self._budgets = budgets

    async def left(self, bucket: Bucket) -> float:
        """What a bucket holds now, found by asking for more than it can have."""
        short = await self._budgets.take([bucket], 1_000_000)
        assert short is not None
        return 1_000_000 - short.seconds * bucket.per_second

    async def get(self, key: str = PHONE) -> Answer:
        return await self.api.call("GET", ITEM, key=key)


TENANTS = Bucket(streams.budget("acme"), 10, 400)
TABLETS = Bucket(streams.budget("acme", "tablet"), 2, 40)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = ManualClock()
    budgets = MemoryBudgets(clock)
    async with an_api(keys=keys_of(KEYS), budgets=budgets) as api:
        yield World(api, clock, budgets)


async def test_a_request_costs_what_it_sent(world: World) -> None:
    assert (await world.get()).status == 404
    assert await world.left(TENANTS) == pytest.approx(400 - COST)
    stored = await world.api.call("POST", "/v1/items", {"value": "aGk"}, key=PHONE)
    asked = COST + stored.body["storing"]["asked"]
    assert await world.left(TENANTS) == pytest.approx(400 - COST - asked)
    assert world.api.metric("scout_api_dht_packets_total") == COST + asked


async def test_what_sends_nothing_costs_nothing(world: World) -> None:
    link = await world.api.link(key=PHONE)
    await world.api.call("POST", "/v1/keys", {}, key=PHONE)
    await world.api.call("POST", "/v1/items", {"value": "a" * 2000}, key=PHONE)
    await world.api.call("POST", "/v1/sync", {"colour": 1}, link=link, key=PHONE)
    assert await world.left(TENANTS) == 400


async def test_a_sync_and_a_message_are_charged_in_full(world: World) -> None:
    link = await world.api.link(key=PHONE)
    twin = world.api.twin
    await world.api.call("POST", "/v1/sync", {"entries": [{"id": 1, "value": "aGk"}]}, link=link, key=PHONE)
    spent = COST * (twin.gets + 2 * twin.puts)
    assert await world.left(TENANTS) == pytest.approx(400 - spent)


async def test_a_spent_budget_says_when_to_come_back(world: World) -> None:
    answers = [await world.get() for _ in range(60)]
    assert [answer.status for answer in answers[:40]] == [404] * 40
    refused = answers[-1]
    assert (refused.status, refused.code) == (429, "budget_spent")
    assert refused.body["detail"] == (
        "The budget of the tenant acme is spent: 10 DHT packets a second come back, and this request takes about 8."
    )
    assert (refused.body["budget"], refused.body["packets_per_second"], refused.body["burst"]) == ("tenant", 10, 400)
    assert 0 < refused.body["retry_after"] <= 1
    assert refused.headers["Retry-After"] == "1"
    assert world.api.metric("scout_api_budget_refusals_total", budget="tenant") > 0
    spent = sum(answer.status == 404 for answer in answers) * COST
    assert 400 - COST <= spent <= 400
    world.clock.advance(refused.body["retry_after"])
    assert (await world.get()).status == 404
    assert (await world.get()).status == 429


async def test_a_refusal_costs_nothing_and_asks_nobody(world: World) -> None:
    while (await world.get()).status == 404:
        pass
    link = await world.api.link(key=PHONE)
    left = await world.left(TENANTS)
    assert (await world.api.call("GET", "/v1/record", link=link, key=PHONE)).status == 429
    assert world.api.twin.gets == 0
    assert await world.left(TENANTS) == left
    assert world.api.service.door.inside == 0


async def test_a_key_may_have_a_budget_within_its_tenants(world: World) -> None:
    answers = [await world.get(TABLET) for _ in range(10)]
    assert [answer.status for answer in answers[:1]] == [404]
    assert answers[-1].body["detail"].startswith("The budget of the API key tablet is spent: 2 DHT packets a second")
    spent = COST * sum(answer.status == 404 for answer in answers)
    assert await world.left(TABLETS) == pytest.approx(40 - spent)
    assert await world.left(TENANTS) == pytest.approx(400 - spent)
    assert (await world.get(PHONE)).status == 404


async def test_without_a_budget_nothing_is_refused_and_all_is_counted(world: World) -> None:
    for _ in range(70):
        assert (await world.get(FREE)).status == 404
    assert world.api.metric("scout_api_dht_packets_total") == 70 * COST


async def test_many_at_once_do_not_run_over(world: World) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(world.get()) for _ in range(100)]
    let_in = sum(one.result().status == 404 for one in running)
    assert FIRST * (let_in - 1) <= 400, "as many as could be paid for, at the price that was known"
    assert let_in >= 400 // FIRST


async def test_an_answer_that_is_given_again_is_free(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await world.api.call("POST", "/v1/items", {"value": "aGk"}, key=PHONE, headers=headers)
    left = await world.left(TENANTS)
    again = await world.api.call("POST", "/v1/items", {"value": "aGk"}, key=PHONE, headers=headers)
    assert again.text == first.text
    assert await world.left(TENANTS) == left


async def test_a_request_that_was_cut_off_costs_what_was_reserved() -> None:
    budgets = MemoryBudgets(ManualClock())
    async with an_api(keys=keys_of(KEYS), budgets=budgets, limits=Limits(deadline_ms=200)) as api:
        api.twin.stalled = True
        refused = await api.call("GET", ITEM, key=PHONE)
        assert (refused.status, refused.code) == (504, "deadline_exceeded")
        short = await budgets.take([TENANTS], 400 - FIRST + 1)
        assert short is not None
        assert await budgets.take([TENANTS], 400 - FIRST) is None


def test_whatever_speaks_to_the_dht_has_a_price() -> None:
    speaking = {one.name for one in all_endpoints() if ErrorCode.DHT_UNAVAILABLE in one.codes}
    priced = {one.name for one in all_endpoints() if one.packets}
    assert speaking - priced == {"dht_status"}, "which asks a node of ours about itself"


class RedisAway:
    """Budgets that nobody can be asked for."""

    async def take(self, _buckets: Sequence[Bucket], _packets: float) -> Shortfall | None:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, "expected Redis to answer")

    async def settle(self, _buckets: Sequence[Bucket], _packets: float) -> None:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, "expected Redis to answer")


async def test_while_redis_is_away_nobody_spends() -> None:
    async with an_api(keys=keys_of(KEYS), budgets=RedisAway()) as api:
        refused = await api.call("GET", ITEM, key=PHONE)
        assert (refused.status, refused.code) == (503, "bus_unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert (await api.call("GET", ITEM, key=FREE)).status == 404


class GoneAfterwards(MemoryBudgets):
    async def settle(self, _buckets: Sequence[Bucket], _packets: float) -> None:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, "expected Redis to answer")


async def test_an_answer_stands_though_its_cost_can_not_be_written_down() -> None:
    async with an_api(keys=keys_of(KEYS), budgets=GoneAfterwards(ManualClock())) as api:
        assert (await api.call("GET", ITEM, key=PHONE)).status == 404
