"""What is left of a node that is killed: with SIGKILL all but the last interval, with SIGTERM all."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.dht_node.core.compose import encode_query
from services.dht_node.core.messages import AnnouncePeer, Arguments, Get, GetPeers, Put, Query, Reply
from services.dht_node.core.wire import parse
from services.dht_node.net import state
from shared.clock import SystemClock
from shared.format import bep44
from tests.support.ports import free_udp_port
from tests.support.waiting import wait_until

HOST = "127.90.201.1"
VALUES = [bep44.bencode_string(b"item %d" % number) for number in range(20)]
INFO_HASH = bytes(20)


class Stranger:
    """Asks one node over UDP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind(("127.90.201.2", 0))
        self._socket.connect((HOST, port))

    async def ask(self, arguments: Arguments) -> Reply:
        """The node's answer; asked again while there is none, as the node may not be up yet."""
        datagram = encode_query(Query(b"tt", b"s" * 20, arguments, read_only=True), b"XX\x00\x01")
        for _ in range(100):
            try:
                async with asyncio.timeout(0.2):
                    await asyncio.get_running_loop().sock_sendall(self._socket, datagram)
                    answer = parse(await asyncio.get_running_loop().sock_recv(self._socket, 2048))
            except (TimeoutError, ConnectionRefusedError):
                await asyncio.sleep(0.05)
                continue
            assert isinstance(answer, Reply), answer
            return answer
        raise AssertionError("the node does not answer")

    async def put(self, value: bytes) -> None:
        token = (await self.ask(Get(bep44.immutable_target(value)))).token or b""
        await self.ask(Put(token, value))

    async def announce(self) -> None:
        token = (await self.ask(GetPeers(INFO_HASH))).token or b""
        await self.ask(AnnouncePeer(INFO_HASH, 6881, token))

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def running(path: Path, port: int, interval: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, Stranger]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.lone_node", f"{HOST}:{port}", str(path), str(interval)
    )
    stranger = Stranger(port)
    try:
        yield process, stranger
    finally:
        stranger.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


def saved(path: Path) -> state.NodeState:
    found = state.load(path, SystemClock().utc_ms())
    assert found is not None
    return found


async def test_what_was_saved_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path, port = tmp_path / "node", free_udp_port(HOST)
    async with running(path, port, 0.1) as (process, stranger):
        for value in VALUES:
            await stranger.put(value)
        await stranger.announce()
        await wait_until(lambda: path.exists() and len(saved(path).peers) == 1, "an interval has passed")
        process.kill()
        assert await process.wait() == -signal.SIGKILL
    assert {row.item.value for row in saved(path).items} == set(VALUES)
    assert all(7100 < row.remaining <= 7200 for row in saved(path).items)

    async with running(path, port, 300.0) as (_, stranger):
        for value in VALUES:
            assert (await stranger.ask(Get(bep44.immutable_target(value)))).value == value
        assert (await stranger.ask(GetPeers(INFO_HASH))).peers == (("127.90.201.2", 6881),)


async def test_a_termination_loses_nothing(tmp_path: Path) -> None:
    path, port = tmp_path / "node", free_udp_port(HOST)
    async with running(path, port, 300.0) as (process, stranger):
        for value in VALUES:
            await stranger.put(value)
        assert not path.exists()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert {row.item.value for row in saved(path).items} == set(VALUES)
