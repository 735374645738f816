"""The traps of docs/bus.md, each seen in practice once, and what else a server does to its clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.meters import BusMeters
from shared.bus.redis_client import (
    CommandError,
    GroupExistsError,
    NoGroupError,
    RedisDown,
    check_server,
    connect,
    parse_redis_url,
    redacted,
)
from shared.clock import SystemClock
from shared.errors import ErrorCode, ScoutError
from tests.integration.bus.conftest import REQUESTS, Rig
from tests.support.bus import SAY, Say, echoing, running, within
from tests.support.waiting import wait_until

REDIS_PY_DEFAULT_TIMEOUT_S = 5.0


async def test_a_read_may_block_longer_than_redis_py_would_wait(rig: Rig) -> None:
    link = rig.redis.link()
    block_ms = round(REDIS_PY_DEFAULT_TIMEOUT_S * 1000) + 200
    start = time.perf_counter()
    assert await link.command("XREAD", "BLOCK", block_ms, "STREAMS", "scout:nothing", "$", block_ms=block_ms) is None
    assert time.perf_counter() - start >= block_ms / 1000
    await link.close()


async def test_a_server_that_goes_silent_is_given_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE_S", 0.1)
    link = rig.redis.link()
    with pytest.raises(RedisDown):
        await link.command("XREAD", "BLOCK", 1_000, "STREAMS", "scout:nothing", "$")
    assert await link.command("ECHO", "again") == b"again"
    await link.close()


async def test_a_cancelled_command_leaves_no_reply_for_the_next(rig: Rig) -> None:
    link = rig.redis.link()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await link.command("XREAD", "BLOCK", 1_000, "STREAMS", "scout:nothing", "$", block_ms=1_000)
    assert await link.command("ECHO", "mine") == b"mine"
    await link.close()


async def test_a_refused_command_does_not_spoil_its_pipeline(rig: Rig) -> None:
    first, refused, last = await rig.redis.shared.pipeline([("ECHO", "a"), ("NONSENSE",), ("ECHO", "b")])
    assert (first, last) == (b"a", b"b")
    assert isinstance(refused, CommandError)
    with pytest.raises(CommandError):
        await rig.ask("NONSENSE")


async def test_lost_groups_and_existing_ones_are_told_apart(rig: Rig) -> None:
    with pytest.raises(NoGroupError):
        await rig.ask("XREADGROUP", "GROUP", "echo", "me", "COUNT", 1, "STREAMS", REQUESTS, ">")
    await rig.ask("XGROUP", "CREATE", REQUESTS, "echo", "0", "MKSTREAM")
    with pytest.raises(GroupExistsError):
        await rig.ask("XGROUP", "CREATE", REQUESTS, "echo", "0", "MKSTREAM")


async def test_everything_goes_on_after_somebody_flushed_the_server(rig: Rig) -> None:
    async with rig.requester() as requester, running(rig.consumer(echoing())):
        await requester.call(SAY, Say(text="before"), within(5))
        await rig.ask("FLUSHALL")

        async def answered() -> bool:
            try:
                return (await requester.call(SAY, Say(text="after"), within(0.5))).text == "after"
            except ScoutError:
                return False

        await wait_until(answered, "the group and the reply stream are there again", timeout_s=10)


async def test_names_nobody_uses_are_swept_unless_something_is_pending(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SWEEP_IDLE_MS", 20)
    await rig.ask("XGROUP", "CREATE", REQUESTS, "echo", "0", "MKSTREAM")
    await rig.ask("XADD", REQUESTS, "*", "e", "")
    await rig.ask("XREADGROUP", "GROUP", "echo", "holds-one", "COUNT", 1, "STREAMS", REQUESTS, ">")
    await rig.ask("XGROUP", "CREATECONSUMER", REQUESTS, "echo", "holds-none")

    async def names() -> list[bytes]:
        return [consumer[1] for consumer in await rig.ask("XINFO", "CONSUMERS", REQUESTS, "echo")]

    async def swept() -> bool:
        return await names() == [b"holds-one"]

    janitor = rig.janitor("me")
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(janitor.work_forever(set()))
        await wait_until(swept, "the unused name is gone")
        working.cancel()
    await rig.ask("DEL", REQUESTS)


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("6.2.14", False), ("5.0.0", False), ("7.0.0", True), ("7.2.4", True), ("8.2.1", True), ("10.0.0", True)],
)
def test_servers_older_than_redis_7_are_refused(version: str, accepted: bool) -> None:
    info = f"# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n".encode()
    if accepted:
        check_server(info)
        return
    with pytest.raises(ScoutError, match=version) as caught:
        check_server(info)
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


def test_valkey_is_accepted_whatever_redis_it_says_it_is() -> None:
    check_server(b"redis_version:6.2.0\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n")


@asynccontextmanager
async def old_server() -> AsyncIterator[str]:
    """A server that says it is Redis 6.2."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = b"redis_version:6.2.14\r\n"
        while request := await reader.read(1_000):
            writer.write(b":1\r\n" if b"CLIENT" in request else b"$%d\r\n%b\r\n" % (len(info), info))
        writer.close()

    listener = await asyncio.start_server(say, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


async def test_connecting_to_an_old_server_says_what_is_expected() -> None:
    async with old_server() as url:
        with pytest.raises(ScoutError, match=r"expected Redis 7\.0 or later, or Valkey; got Redis 6\.2\.14"):
            await enter(url)


async def test_connecting_to_nobody_says_where_and_keeps_the_password() -> None:
    with pytest.raises(ScoutError) as caught:
        await enter("redis://user:hunter2@127.0.0.1:1/0")
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert "redis://127.0.0.1:1," in caught.value.detail
    assert "hunter2" not in caught.value.detail


async def enter(url: str) -> None:
    async with connect(url, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())):
        pass


def test_a_url_is_checked_as_a_setting() -> None:
    for good in ("redis://h:1/0", "rediss://u:p@h", "unix:///run/redis.sock", "valkey://h", "valkey+unix:///v.sock"):
        parse_redis_url(good)
    with pytest.raises(ValueError, match=r"redis://host:6379/0, got 'http://h'"):
        parse_redis_url("http://u:hunter2@h")


def test_a_url_is_shown_without_what_is_secret() -> None:
    assert redacted("redis://user:hunter2@h:1/0?password=hunter2") == "redis://h:1/0"
