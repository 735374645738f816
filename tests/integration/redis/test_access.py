"""deploy/redis/users.acl: each service may do what it does, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis
from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.budgets import RedisBudgets
from shared.bus.consumer import Consumer
from shared.bus.dead_letters import RedisDeadLetters
from shared.bus.fleet import RedisFleet
from shared.bus.key_value import RedisKeyValue
from shared.bus.leases import RedisLeases
from shared.bus.meters import BusMeters
from shared.bus.ports import Bucket, Lease
from shared.bus.redis_client import CommandError, RedisClient, connect, parse_redis_url
from shared.bus.redis_settings import Login
from shared.bus.requester import RedisRequester
from shared.clock import SystemClock
from shared.contracts.crypto import LOCATE, Locate
from shared.contracts.dht import GET_IMMUTABLE, GetImmutable
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint
from tests.integration.bus.conftest import PACE
from tests.support.bus import running as serving
from tests.support.bus import within
from tests.support.cluster import Cluster, running_cluster
from tests.support.event_streams import reading
from tests.support.redis_bus import RealRedis, Users
from tests.support.redis_servers import DURABLE, RedisProcess, refused, running
from tests.support.reports import a_report
from tests.support.syncs import lose_nothing, patient_client
from tests.support.waiting import wait_until

CLOCK = SystemClock()
EVERY_SECOND = {"SCOUT_DHT_KEEP_INTERVAL": "1"}


@pytest.fixture
def guarded(tmp_path: Path, users: Users) -> Iterator[RedisProcess]:
    """A server that knows these users only; afterwards nothing may have been refused that the test did not expect."""
    server = RedisProcess(tmp_path / "redis", (*DURABLE, f"aclfile {users.acl_file}"), client_options=dict(users.admin))
    with running(server):
        yield server


@asynccontextmanager
async def as_user(server: RedisProcess, users: Users, user: str) -> AsyncIterator[RedisClient]:
    login = Login(user, password_file=users.password_file(user))
    settings = replace(parse_redis_url(f"redis://{server.address}"), login=login)
    async with connect(settings, clock=CLOCK, meters=BusMeters.build(CollectorRegistry())) as redis:
        yield redis


def test_what_scripts_and_transactions_wrote_outlives_a_restart(guarded: RedisProcess) -> None:
    guarded.ask("EVAL", "redis.call('HSET', 'a', 'b', 'c') redis.call('ZADD', 'd', 1, 'e') return 1", 0)
    guarded.kill()
    guarded.start()
    assert (guarded.ask("HGET", "a", "b"), guarded.ask("ZSCORE", "d", "e")) == (b"c", 1.0)


@pytest.mark.parametrize("password", [None, "", "default"])
def test_nobody_can_log_in_as_default(guarded: RedisProcess, password: str | None) -> None:
    with (
        redis.Redis(host="127.0.0.1", port=guarded.port, password=password) as nobody,
        pytest.raises(redis.AuthenticationError),
    ):
        nobody.set("a", "b")


async def use_everything(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    """Calls of every kind, beside the syncs."""
    url = cluster.api_urls[0]

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        async with http.request(method, f"{url}{path}", json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    once = {"Idempotency-Key": "only-once"}
    first, second = [await ask("POST", "/v1/keys", {}, **once) for _ in range(2)]
    assert first == second
    theirs = await ask("POST", "/v1/keys", {})
    pair = {"key": first["key"], "peer": theirs["public_key"], "format": "scout1"}
    link = {"Scout-Link": (await ask("POST", "/v1/links", pair))["link"]}
    await ask("POST", "/v1/messages", {"body": "aGVsbG8"}, **link)
    await ask("GET", "/v1/messages", **link)
    await ask("POST", "/v1/items", {"value": "kept", "keep": 3600})
    for path in ("/v1/dht/status", "/v1/fleet", "/v1/record?read=cached"):
        await ask("GET", path, **link)
    async with reading(http, f"{url}/v1/events", link=link["Scout-Link"]) as watcher:
        await watcher.next()
        await ask("POST", "/v1/messages", {"body": "aGVsbG8"}, **link)
        await watcher.next()


@pytest.mark.timeout(120)
async def test_two_of_each_lose_nothing_and_nothing_that_they_do_is_refused(
    tmp_path: Path, swarm: list[Endpoint], guarded: RedisProcess, users: Users
) -> None:
    bus = RealRedis(f"redis://{guarded.address}", users=users)
    async with (
        running_cluster(tmp_path, swarm, network="127.78", dht_settings=EVERY_SECOND, bus=bus) as cluster,
        patient_client() as http,
    ):
        await lose_nothing(cluster, http)
        await use_everything(cluster, http)

        async def put_again() -> bool:
            pages = []
            for node in cluster.of("dht_node"):
                async with http.get(f"http://{node.ops}/metrics") as answer:
                    pages.append(await answer.text())
            return any('republished_total{outcome="stored"} 0.0' not in page for page in pages)

        await wait_until(put_again, "an item is put again", timeout_s=20)
    assert refused(guarded) == []


async def test_what_goes_wrong_is_permitted_too(guarded: RedisProcess, users: Users) -> None:
    """Dead letters and their display, abandoned requests, names that are swept."""

    async def fail(_request: object, _context: CallContext) -> None:
        raise ZeroDivisionError

    questions: dict[str, tuple[Any, Any]] = {
        "scout-crypto": (LOCATE, Locate(link="x")),
        "scout-dht-node": (GET_IMMUTABLE, GetImmutable(target=bytes(20))),
    }
    async with as_user(guarded, users, "scout-api") as api:
        for user, (operation, request) in questions.items():
            meters = BusMeters.build(CollectorRegistry())
            async with as_user(guarded, users, user) as redis:
                consumer = Consumer(
                    redis, service=operation.service, handlers={operation: fail}, clock=CLOCK, meters=meters, pace=PACE
                )
                async with RedisRequester(api, clock=CLOCK, meters=meters) as requester, serving(consumer):
                    with pytest.raises(ScoutError) as caught:
                        await requester.call(operation, request, within(20))
                    assert caught.value.code is ErrorCode.INTERNAL
                    await asyncio.sleep(3 * PACE.sweep_s)
        letters = await RedisDeadLetters(api, ("crypto", "dht"), CLOCK).latest(10)
    assert {letter.operation for letter in letters} == {LOCATE.name, GET_IMMUTABLE.name}
    assert refused(guarded) == []


async def test_budgets_answers_leases_and_reports_are_permitted(guarded: RedisProcess, users: Users) -> None:
    now = CLOCK.utc_ms()
    buckets = [Bucket(streams.budget("acme"), 1.0, 10.0), Bucket(streams.budget("acme", "phone"), 1.0, 10.0)]
    kept, ended = (Lease(bytes([first]) * 20, 1, b"copy", now + 60_000) for first in (1, 2))
    async with as_user(guarded, users, "scout-api") as redis:
        budgets, values, fleet = RedisBudgets(redis), RedisKeyValue(redis), RedisFleet(redis)
        assert await budgets.take(buckets, 5) is None
        await budgets.settle(buckets, 10)
        assert await values.set(streams.idempotency("acme", "k"), b"answer", 60, only_if_absent=True)
        assert await values.get(streams.idempotency("acme", "k")) == b"answer"
        await values.delete(streams.idempotency("acme", "k"))
        for user in ("scout-crypto", "scout-dht-node"):
            async with as_user(guarded, users, user) as other:
                await RedisFleet(other).report(a_report(user, 1))
                await RedisFleet(other).leave("nobody")
        await fleet.report(a_report("api", 2))
        assert len(await fleet.members()) == 2
    async with as_user(guarded, users, "scout-dht-node") as redis:
        leases = RedisLeases(redis)
        for lease in (kept, ended):
            await leases.keep(lease, due_ms=now, now_ms=now, owner="acme")
        assert len((await leases.claim(now_ms=now, hold_ms=1, limit=2)).leases) == 2
        await leases.keep(kept, due_ms=now, now_ms=now, owner="other")
        assert await leases.wish(kept.target, owner="other", now_ms=now) == kept
        assert await leases.release(kept.target, owner="other", now_ms=now) == kept
        await leases.put_again(kept.target, due_ms=now)
        await leases.postpone(kept.target, until_ms=now)
        assert (await leases.claim(now_ms=now + 60_000, hold_ms=1, limit=2)).leases == ()
    assert refused(guarded) == []


FORBIDDEN = [
    ("scout-crypto", ("XREADGROUP", "GROUP", "dht", "me", "STREAMS", streams.requests("dht:0"), ">")),
    ("scout-crypto", ("XRANGE", streams.requests("dht:0"), "-", "+")),
    ("scout-crypto", ("XADD", streams.requests("dht:0"), "*", "e", "forged")),
    ("scout-crypto", ("GET", streams.idempotency("acme", "k"))),
    ("scout-crypto", ("XREAD", "STREAMS", streams.replies("0123"), "0")),
    ("scout-crypto", ("EVAL", "return redis.call('HGET', KEYS[1], 'copy')", 1, streams.kept(bytes(20)))),
    ("scout-crypto", ("HGET", streams.budget("acme"), "balance")),
    ("scout-dht-node", ("HGET", streams.budget("acme"), "balance")),
    ("scout-dht-node", ("XREADGROUP", "GROUP", "crypto", "me", "STREAMS", streams.requests("crypto"), ">")),
    ("scout-dht-node", ("XADD", streams.requests("crypto"), "*", "e", "forged")),
    ("scout-dht-node", ("EVAL", "return redis.call('XLEN', KEYS[1])", 1, streams.requests("crypto"))),
    ("scout-dht-node", ("XREAD", "STREAMS", streams.replies("0123"), "0")),
    ("scout-dht-node", ("GET", streams.idempotency("acme", "k"))),
    ("scout-api", ("XREADGROUP", "GROUP", "crypto", "me", "STREAMS", streams.requests("crypto"), ">")),
    ("scout-api", ("XREVRANGE", streams.requests("crypto"), "+", "-")),
    ("scout-api", ("XACK", streams.requests("crypto"), "crypto", "1-1")),
    ("scout-api", ("HGET", streams.kept(bytes(20)), "copy")),
    ("scout-api", ("DEL", streams.requests("crypto"))),
    *(
        (user, command)
        for user in ("scout-api", "scout-crypto", "scout-dht-node")
        for command in (
            ("KEYS", "*"),
            ("SCAN", "0"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("ACL", "LIST"),
            ("MONITOR",),
            ("SUBSCRIBE", "a"),
            ("CLIENT", "KILL", "TYPE", "normal"),
            ("CLUSTER", "FAILOVER"),
            ("GET", "somebody:elses"),
        )
    ),
]


@pytest.mark.parametrize("user", ["scout-api", "scout-crypto", "scout-dht-node"])
async def test_what_a_service_does_not_need_is_refused(guarded: RedisProcess, users: Users, user: str) -> None:
    async with as_user(guarded, users, user) as redis:
        for command in [command for who, command in FORBIDDEN if who == user]:
            with pytest.raises(CommandError, match=r"NOPERM|ACL failure|can't access at least one of the keys"):
                await redis.shared.command(*command)


async def test_the_monitor_sees_how_much_waits_and_no_message(guarded: RedisProcess, users: Users) -> None:
    key = streams.requests("crypto")
    guarded.ask("XGROUP", "CREATE", key, "crypto", "0", "MKSTREAM")
    guarded.ask("XADD", key, "*", "e", "a message")
    monitor = RedisProcess(
        guarded.directory,
        port=guarded.port,
        client_options={"username": "scout-monitor", "password": users.password("scout-monitor")},
    )
    (group,) = monitor.ask("XINFO", "GROUPS", key)
    assert group[b"lag"] == 1
    assert (monitor.ask("XLEN", key), monitor.ask("XPENDING", key, "crypto")[0]) == (1, 0)
    for command in (
        ("XRANGE", key, "-", "+"),
        ("XINFO", "GROUPS", streams.requests("dht:0")),
        ("XADD", key, "*", "a", "b"),
    ):
        with pytest.raises(Exception, match="permission"):
            monitor.ask(*command)


async def test_a_user_that_lacks_something_is_told_what_at_start(guarded: RedisProcess, users: Users) -> None:
    with pytest.raises(ScoutError, match=r"expected Redis at redis://\S+, got: NOPERM .*'client\|id'"):
        async with as_user(guarded, users, "scout-monitor"):
            pass


async def test_what_is_taken_away_at_run_time_is_logged_with_its_name(
    guarded: RedisProcess, users: Users, caplog: pytest.LogCaptureFixture
) -> None:
    meters = BusMeters.build(CollectorRegistry())
    async with as_user(guarded, users, "scout-crypto") as redis, as_user(guarded, users, "scout-api") as api:
        consumer = Consumer(redis, service="crypto", handlers={}, clock=CLOCK, meters=meters, pace=PACE)
        async with serving(consumer), RedisRequester(api, clock=CLOCK, meters=meters) as requester:
            guarded.ask("ACL", "SETUSER", "scout-crypto", "-xreadgroup")
            await wait_until(lambda: said(caplog), "it is logged")
            guarded.ask("ACL", "SETUSER", "scout-api", "clearselectors")
            with pytest.raises(ScoutError, match="Redis refused the request: NOPERM") as caught:
                await requester.call(LOCATE, Locate(link="x"), within(5))
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


def said(caplog: pytest.LogCaptureFixture) -> bool:
    reasons = [getattr(record, "reason", "") for record in caplog.records if record.levelname == "ERROR"]
    return any("NOPERM" in reason and "xreadgroup" in reason for reason in reasons)
