"""`scout demo` and `scout up` as processes, as somebody at a shell meets them."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import scout

DEMO_WITHIN = 50.0
READY_WITHIN = 20.0
DRAIN_WITHIN = 8.0
SCOUT = (sys.executable, "-c", "from scout.cli import main; main()")


async def start(*arguments: str, cwd: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *SCOUT,
        *arguments,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@asynccontextmanager
async def up(*arguments: str, cwd: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """A running `scout up`, and the addresses that it printed."""
    process = await start("up", "--json", "--listen", "127.0.0.1:0", *arguments, cwd=cwd)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_WITHIN):
            line = await process.stdout.readline()
        assert line, (await process.communicate())[1].decode()
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def stopped(process: asyncio.subprocess.Process, number: signal.Signals) -> tuple[int, str]:
    """Exit status and standard error after a signal, within the time to drain."""
    process.send_signal(number)
    async with asyncio.timeout(DRAIN_WITHIN):
        _out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_the_demo_ends_well_and_shows_its_table(tmp_path: Path) -> None:
    process = await start("demo", cwd=tmp_path)
    async with asyncio.timeout(DEMO_WITHIN):
        out, err = await process.communicate()
    shown = out.decode()
    assert process.returncode == 0, err.decode()
    assert err == b""
    assert "Operation" in shown
    for operation in ("announce Ada's phone", "send message 3", "read three messages"):
        assert operation in shown
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_up_drains_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    async with up("--swarm", "4", cwd=tmp_path) as (process, shown):
        async with scout.Client(shown["api"]) as client:
            assert len((await client.create_key()).public_key) == 32
        async with aiohttp.ClientSession() as http, http.get(f"{shown['ops']}/readyz") as answer:
            assert answer.status == 200
        status, err = await stopped(process, number)
    assert (status, err) == (0, "")


async def test_with_no_bootstrap_reachable_it_runs_is_not_ready_and_says_503(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{silent.getsockname()[1]}"
        async with up("--bootstrap", nobody, "--dht-listen", "127.0.0.1:0", cwd=tmp_path) as (process, shown):
            async with aiohttp.ClientSession() as http, http.get(f"{shown['ops']}/readyz") as answer:
                assert answer.status == 503
            policy = scout.RetryPolicy(attempts=1)
            async with scout.Client(shown["api"], retry=policy) as client:
                link = await client.link_from_secret(bytes(range(32)), 0)
                with pytest.raises(scout.ScoutApiError) as caught:
                    await link.devices()
            assert (caught.value.status, caught.value.code) == (503, "dht_unavailable")
            assert (await stopped(process, signal.SIGTERM))[0] == 0


async def test_handles_outlive_a_run_with_a_state_directory(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    async with up("--swarm", "4", "--state", state, cwd=tmp_path) as (process, shown):
        async with scout.Client(shown["api"]) as client:
            handle = (await client.link_from_secret(bytes(range(32)), 0)).handle
        await stopped(process, signal.SIGTERM)
    async with up("--swarm", "4", "--state", state, cwd=tmp_path) as (process, shown):
        async with scout.Client(shown["api"]) as client:
            assert await client.link(handle).devices() == []
        await stopped(process, signal.SIGTERM)


async def test_a_taken_port_is_one_line_and_status_3(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = await start(
            "up", "--json", "--swarm", "2", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", cwd=tmp_path
        )
        async with asyncio.timeout(READY_WITHIN):
            _out, err = await process.communicate()
    assert process.returncode == 3
    assert "in use" in err.decode()
    assert len(err.splitlines()) == 1
