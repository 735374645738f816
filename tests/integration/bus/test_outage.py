"""Promise 5 of docs/bus.md: Redis goes away, and everything goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.key_value import RedisKeyValue
from shared.bus.meters import BusMeters
from shared.bus.redis_client import Health
from shared.errors import ErrorCode, ScoutError
from tests.integration.bus.conftest import REQUESTS, open_rig
from tests.support.bus import SAY, Say, echoing, running, server, within
from tests.support.clock import ManualClock
from tests.support.waiting import wait_until

KEY = streams.idempotency("acme", "k")


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Any]:
    """A server with an append-only file, not started."""
    made = server(tmp_path, appendonly="yes", appendfsync="always")
    yield made
    made.terminate()


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Any]:
    """A server that comes back empty, not started."""
    made = server(tmp_path)
    yield made
    made.terminate()


async def start(stopped: Any) -> None:
    await asyncio.to_thread(stopped.start)


async def test_promise_5_calls_made_while_redis_is_away_are_answered_when_it_is_back(durable: Any) -> None:
    await start(durable)
    async with open_rig(durable.connection_url) as rig, rig.requester() as requester, running(rig.consumer(echoing())):
        assert (await requester.call(SAY, Say(text="before"), within(5))).text == "before"
        durable.stop()
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(requester.call(SAY, Say(text=str(n)), within(20))) for n in range(20)]
            await wait_until(lambda: not rig.redis.health.connected, "the outage is noticed")
            assert rig.sample("scout_bus_connected") == 0
            await start(durable)
        assert [call.result().text for call in calls] == [str(n) for n in range(20)]
        assert rig.sample("scout_bus_connected") == 1


async def test_promise_5_a_request_the_server_accepted_survives_its_death(durable: Any) -> None:
    await start(durable)
    async with open_rig(durable.connection_url) as rig, rig.requester() as requester, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(requester.call(SAY, Say(text="accepted"), within(20)))

        async def accepted() -> bool:
            found: int = await rig.ask("XLEN", REQUESTS)
            return found == 1

        await wait_until(accepted, "the server has the request")
        durable.terminate()
        await start(durable)
        async with running(rig.consumer(echoing())):
            assert (await call).text == "accepted"


async def test_promise_5_an_answer_that_could_not_be_sent_is_sent_later(durable: Any) -> None:
    working, finish = asyncio.Event(), asyncio.Event()

    async def work(request: Say, context: Any) -> Any:
        working.set()
        await finish.wait()
        return await echoing()[SAY](request, context)

    await start(durable)
    async with (
        open_rig(durable.connection_url) as rig,
        rig.requester() as requester,
        running(rig.consumer(echoing(work))),
        asyncio.TaskGroup() as tasks,
    ):
        call = tasks.create_task(requester.call(SAY, Say(text="late but there"), within(20)))
        await working.wait()
        durable.stop()
        finish.set()
        await wait_until(lambda: not rig.redis.health.connected, "the outage is noticed")
        await start(durable)
        assert (await call).text == "late but there"


async def test_promise_5_a_server_that_comes_back_empty_is_put_to_rights(forgetful: Any) -> None:
    await start(forgetful)
    async with (
        open_rig(forgetful.connection_url) as rig,
        rig.requester() as requester,
        running(rig.consumer(echoing())),
    ):
        await requester.call(SAY, Say(text="before"), within(5))
        forgetful.terminate()
        await start(forgetful)
        assert (await requester.call(SAY, Say(text="after"), within(20))).text == "after"


async def test_promise_5_callers_wait_no_longer_than_their_deadline(forgetful: Any) -> None:
    await start(forgetful)
    async with open_rig(forgetful.connection_url) as rig, rig.requester() as requester:
        forgetful.terminate()
        with pytest.raises(ScoutError) as caught:
            await requester.call(SAY, Say(text=""), within(0.2))
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert rig.sample("scout_bus_unanswered_total", group="echo", reason="bus_unavailable") == 1


async def test_promise_5_values_are_asked_for_again_and_not_for_ever(
    durable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(durable)
    async with open_rig(durable.connection_url) as rig:
        values = RedisKeyValue(rig.redis)
        await values.set(KEY, b"kept", 60)
        durable.stop()
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(values.get(KEY))
            await wait_until(lambda: not rig.redis.health.connected, "the outage is noticed")
            await start(durable)
        assert asked.result() == b"kept"
        durable.stop()
        monkeypatch.setattr(streams, "KEY_VALUE_PATIENCE_S", 0.1)
        with pytest.raises(ScoutError) as caught:
            await values.get(KEY)
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


def test_promise_5_readiness_turns_false_only_after_a_sustained_outage() -> None:
    clock, registry = ManualClock(), CollectorRegistry()
    health = Health(clock, BusMeters.build(registry))
    health.down()
    assert health.ready
    clock.advance(streams.OUTAGE_S - 0.1)
    health.down()
    assert health.ready
    clock.advance(0.1)
    assert not health.ready
    health.up()
    assert health.ready
    assert registry.get_sample_value("scout_bus_connected") == 1
