"""What a session remembers in its directory, over its end and over its sudden death."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import scout
from scout.transport import Surroundings
from services.dht_node.service import DhtService
from services.standalone.swarm import open_swarm
from shared.clock import SystemClock
from shared.contracts.dht import GetImmutable, Ping
from shared.contracts.operation import CallContext
from tests.support import lease_writes
from tests.support.waiting import wait_until

DAY = 24 * 3600
SWARM = 2
SECRET = b"the secret that two people share"
WITHIN = 20.0


@dataclass(frozen=True)
class LaterClock(SystemClock):
    """The host's clock, with a wall clock so many seconds ahead."""

    ahead: float

    def utc_ms(self) -> int:
        return super().utc_ms() + round(1000 * self.ahead)


@asynccontextmanager
async def a_dht(network: str) -> AsyncIterator[tuple[DhtService, ...]]:
    """A private DHT that holds nothing yet."""
    async with open_swarm(SWARM, network, clock=SystemClock(), entropy=os.urandom) as nodes:
        yield nodes


def a_session(state: Path | None, nodes: tuple[DhtService, ...], later: float = 0) -> scout.Session:
    return scout.Session(
        bootstrap=[str(node.endpoint) for node in nodes[:2]],
        listen="127.93.200.1:0",
        state=state,
        surroundings=Surroundings(clock=LaterClock(later)),
    )


async def holds(nodes: tuple[DhtService, ...], target: bytes) -> bool:
    """Whether the DHT has an immutable item."""
    context = CallContext(SystemClock().utc_ms() + 5_000)
    return (await nodes[-1].get_immutable(GetImmutable(target=target), context)).value is not None


async def test_what_was_to_be_kept_goes_on_in_the_next_session(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes, a_session(tmp_path, nodes) as session:
        stored = await session.put_item(b"for a day")
        unkept = await session.put_item(b"once", keep=0)
    # a DHT that has seen nothing of it, at a time when the item is due
    async with a_dht("127.94") as nodes, a_session(tmp_path, nodes, later=2 * 3600):
        await wait_until(lambda: holds(nodes, stored.hash), "the item is put again", WITHIN)
        assert not await holds(nodes, unkept.hash)


async def test_versions_sealed_ahead_go_on_in_the_next_session(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes, a_session(tmp_path, nodes) as session:
        link = await session.link_from_secret(SECRET, 0)
        await link.announce(7, ["198.51.100.7:443"], name="phone", ttl=5 * DAY, keep=5 * DAY)
    later = 3.0 * DAY
    async with (
        a_dht("127.94") as nodes,
        a_session(tmp_path, nodes, later),
        a_session(None, nodes, later) as somebody,
    ):
        other = await somebody.link_from_secret(SECRET, 1)

        async def found() -> bool:
            return [device.name for device in await other.devices()] == ["phone"]

        await wait_until(found, "the other member finds the device three days later", WITHIN)


async def test_a_month_that_is_sealed_ahead_takes_few_writes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = lease_writes.counted(monkeypatch)
    async with a_dht("127.93") as nodes, a_session(tmp_path, nodes) as session:
        link = await session.link_from_secret(SECRET, 0)
        await link.announce(7, ["198.51.100.7:443"], keep=30 * DAY)
        assert writes[-1] > 29
        assert len(writes) < 5


KILLED = """
import asyncio, os, signal, sys
import scout

async def main():
    state, *bootstrap = sys.argv[1:]
    async with scout.Session(bootstrap=bootstrap, listen="127.93.200.2:0", state=state) as session:
        stored = await session.put_item(b"before the crash")
        print(stored.hash.hex(), session.endpoint.port, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_to_be_kept_goes_on_after_a_kill(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes:
        bootstrap = [str(node.endpoint) for node in nodes[:2]]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, str(tmp_path), *bootstrap, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(WITHIN):
            out, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    target, port = out.split()
    async with a_dht("127.94") as nodes, a_session(tmp_path, nodes, later=2 * 3600) as session:
        assert session.endpoint.port == int(port)
        await wait_until(lambda: holds(nodes, bytes.fromhex(target.decode())), "the item is put again", WITHIN)


async def test_damage_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with a_dht("127.93") as nodes:
        async with a_session(tmp_path, nodes) as session:
            await session.put_item(b"forgotten")
            node_id = await id_of(session, nodes)
        (tmp_path / "kept").write_bytes(b"\xff" * 100)
        (tmp_path / "session.json").write_bytes(b"{")
        async with a_session(tmp_path, nodes) as session:
            assert await id_of(session, nodes) == node_id is not None
            await session.put_item(b"kept from here on")
        assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
            "a session's port can't be read and was set aside",
            "what was to be kept can't be read and was set aside",
        ]
        assert names_in(tmp_path) == {
            *("dht.state", "kept", "kept.damaged", "lock", "session.json", "session.json.damaged")
        }


async def test_no_secret_lies_in_the_directory(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes, a_session(tmp_path, nodes) as session:
        key = await session.create_key()
        other = await session.create_key()
        pair = await session.create_link(key, other.public_key)
        group = await session.link_from_secret(SECRET, 0)
        for link in (pair, group):
            await link.announce(1, ["198.51.100.7:443"], name="Adas Telefon", keep=3 * DAY)
            await link.send(b"treffen wir uns um acht")
        secrets = [bytes.fromhex(key.key), bytes.fromhex(other.key), SECRET, b"Adas Telefon", b"treffen wir uns"]
    dump = everything_in(tmp_path)
    assert len(dump) > 4 * 1000, "sealed values do lie there"
    for secret in secrets:
        assert secret not in dump
        assert secret.hex().encode() not in dump


async def test_two_sessions_do_not_share_a_directory(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes:
        async with a_session(tmp_path, nodes):
            with pytest.raises(scout.ClientError, match="another session has it open"):
                async with a_session(tmp_path, nodes):
                    pass
        async with a_session(tmp_path, nodes):
            pass


async def test_a_directory_that_cannot_be_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(scout.ClientError, match=r"expected a directory for a session's state at .*file"):
        async with scout.Session(bootstrap=[], listen="127.93.200.1:0", state=tmp_path / "file"):
            pass


async def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    async with a_dht("127.93") as nodes:
        async with a_session(tmp_path, nodes) as session:
            first = session.endpoint
        async with a_session(tmp_path, nodes) as session:
            assert session.endpoint == first
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
            somebody.bind((first.host, first.port))
            async with a_session(tmp_path, nodes) as session:
                moved = session.endpoint
            assert moved != first
        async with a_session(tmp_path, nodes) as session:
            assert session.endpoint == moved


async def id_of(session: scout.Session, nodes: tuple[DhtService, ...]) -> bytes | None:
    """The id of the session's node, as others see it."""
    context = CallContext(SystemClock().utc_ms() + 5_000)
    return (await nodes[0].ping(Ping(address=str(session.endpoint)), context)).node_id


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())
