"""Two processes of one user, here in one loop: requests by a socket in a directory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.bus.local_socket import MAX_FRAME, SocketRequester, in_use, served
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError

CLOCK = SystemClock()
PING = dht.Ping(address="127.0.0.1:7")


def within(seconds: float) -> CallContext:
    return CallContext(CLOCK.utc_ms() + round(1000 * seconds), trace="one")


async def pong(request: dht.Ping, context: CallContext) -> dht.PingReply:
    assert context.trace == "one"
    return dht.PingReply(node_id=request.address.encode().ljust(20), seen_as=None, elapsed_ms=1.5)


async def test_a_question_is_answered_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    assert not in_use(path)
    async with served(path, "dht", {dht.PING: pong}, CLOCK):
        assert in_use(path)
        assert path.stat().st_mode & 0o777 == 0o600
        asker = SocketRequester(path, CLOCK)
        replies = await asyncio.gather(
            *(asker.call(dht.PING, dht.Ping(address=f"127.0.0.{n}:7"), within(5)) for n in range(9))
        )
        assert [reply.node_id for reply in replies] == [b"127.0.0.%d:7" % n + b" " * 9 for n in range(9)]
    assert not in_use(path)
    assert not path.exists()


async def test_errors_come_back_as_they_were_raised(tmp_path: Path) -> None:
    async def refused(_request: dht.Ping, _context: CallContext) -> dht.PingReply:
        raise ScoutError(ErrorCode.DHT_UNAVAILABLE, "expected contacts", retry_after=2.0, facts={"contacts": 0})

    async with served(tmp_path / "socket", "dht", {dht.PING: refused}, CLOCK):
        with pytest.raises(ScoutError) as caught:
            await SocketRequester(tmp_path / "socket", CLOCK).call(dht.PING, PING, within(5))
    assert (caught.value.code, caught.value.detail) == (ErrorCode.DHT_UNAVAILABLE, "expected contacts")
    assert (caught.value.retry_after, caught.value.facts) == (2.0, {"contacts": 0})


@pytest.mark.parametrize("handlers", [{}, {dht.STATUS: pong}])
async def test_what_nobody_handles_is_an_error(tmp_path: Path, handlers: Any) -> None:
    async with served(tmp_path / "socket", "dht", handlers, CLOCK):
        with pytest.raises(ScoutError, match="expected an operation of dht"):
            await SocketRequester(tmp_path / "socket", CLOCK).call(dht.PING, PING, within(5))


async def test_a_slow_answer_ends_with_the_deadline(tmp_path: Path) -> None:
    async def never(_request: dht.Ping, _context: CallContext) -> dht.PingReply:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # it never comes

    async with served(tmp_path / "socket", "dht", {dht.PING: never}, CLOCK):
        with pytest.raises(ScoutError) as caught:
            await SocketRequester(tmp_path / "socket", CLOCK).call(dht.PING, PING, within(0.1))
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScoutError) as caught:
        await SocketRequester(tmp_path / "socket", CLOCK).call(dht.PING, PING, within(5))
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


@pytest.mark.parametrize(
    "sent", [b"", b"\0\0", b"\0\0\0\5hello", b"\0\0\0\xffshort", (MAX_FRAME + 1).to_bytes(4) + b"x"]
)
async def test_nonsense_gets_no_answer_and_hurts_nobody(tmp_path: Path, sent: bytes) -> None:
    async with served(tmp_path / "socket", "dht", {dht.PING: pong}, CLOCK):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        asker = SocketRequester(tmp_path / "socket", CLOCK)
        assert (await asker.call(dht.PING, PING, within(5))).node_id is not None


async def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "socket").write_bytes(b"")
    assert not in_use(tmp_path / "socket")
    async with served(tmp_path / "socket", "dht", {dht.PING: pong}, CLOCK):
        assert in_use(tmp_path / "socket")


async def test_a_path_that_is_too_long_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        async with served(tmp_path / ("s" * 120), "dht", {}, CLOCK):
            pass
