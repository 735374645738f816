"""What a flood of callers without a key costs a caller with one: `make bench-guard`.

Real processes: Valkey, the crypto service and a DHT of 8 nodes in one stack, an API with a key file, a caller who reads
one record again and again, and the flood: 5,000 requests with a key that is none, as fast as they are answered. Calm
and flood take turns, so that a change of the machine's mood falls on both; the ratio is that of their medians. Floods
come over 32 connections that are kept, over 256, with a connection for each request, and with a body of 16 KiB each.
The flooding process has to share the cores with what it floods: of two it takes what it can get.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop

from bench.machine import describe
from services.standalone.app import open_stack
from services.standalone.cluster_keys import kept_keys
from services.standalone.config import StandaloneConfig
from shared import lifecycle
from shared.api_key_file import block
from shared.api_keys import ApiKey, Scope, digest_of, new_token
from shared.clock import SystemClock
from shared.settings import Endpoint

REQUESTS = 5_000
CALM_S = 4.0
START_WITHIN_S = 30.0
ANYWHERE = Endpoint("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Flood:
    """One kind of flood."""

    name: str
    connections: int
    keep: bool = True
    body: int = 0


FLOODS = (
    Flood("32 connections", 32),
    Flood("256 connections", 256),
    Flood("32 at once, a connection each", 32, keep=False),
    Flood("32 connections, 16 KiB bodies", 32, body=16_384),
)


async def stack(state: Path, stop: asyncio.Event) -> None:
    """Everything but the API that is flooded: prints the bus's address, then serves until it is told to stop."""
    config = StandaloneConfig(swarm=8, swarm_network="127.91", api_listen=ANYWHERE, ops_listen=ANYWHERE, state=state)
    async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as running:
        print(running.redis_url, flush=True)
        await stop.wait()


@asynccontextmanager
async def child(*arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[asyncio.StreamReader]:
    """What a Python process says on standard output, for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},  # noqa: TID251  # a child needs the PATH of its parent
    )
    if process.stdout is None:
        raise RuntimeError("the process has no output")
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def guarded_api(state: Path, token: str, port: int) -> AsyncIterator[str]:
    """The address of an API that lets one key in, on a stack of its own."""
    keys = state / "api-keys.toml"
    keys.write_text(block(ApiKey("caller", "bench", frozenset(Scope), digest_of(token))))
    async with child("-m", "bench.guard", "--stack", str(state)) as output:
        async with asyncio.timeout(START_WITHIN_S):
            redis_url = (await output.readline()).decode().strip()
        environment = {
            "SCOUT_REDIS_URL": redis_url,
            "SCOUT_BUS_KEY": kept_keys(state, os.urandom).bus.reveal().hex(),
            "SCOUT_API_KEYS_FILE": str(keys),
            "SCOUT_API_LISTEN": f"127.0.0.1:{port}",
            "SCOUT_OPS_LISTEN": "127.0.0.1:0",
        }
        async with child("-m", "services.api", environment=environment):
            url = f"http://127.0.0.1:{port}"
            await _until_there(url)
            yield url


async def _until_there(url: str) -> None:
    async with asyncio.timeout(START_WITHIN_S), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


class Caller:
    """Somebody with a key, and a record."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._link = ""

    async def begin(self) -> None:
        """Make a record."""
        async with self._http.post(self._url + "/v1/links", json={"secret": os.urandom(32).hex()}) as made:
            self._link = (await made.json())["link"]
        body = {"entries": [{"id": 1, "value": "aGVyZQ"}]}
        async with self._http.post(self._url + "/v1/sync", json=body, headers={"Scout-Link": self._link}) as synced:
            synced.raise_for_status()

    async def read(self, until: asyncio.Event) -> list[float]:
        """Read it again and again; milliseconds of each."""
        took = []
        while not until.is_set():
            start = time.perf_counter()
            async with self._http.get(self._url + "/v1/record", headers={"Scout-Link": self._link}) as answer:
                await answer.read()
                answer.raise_for_status()
            took.append((time.perf_counter() - start) * 1000)
        return took


async def flood(url: str, kind: Flood) -> None:
    """Be the flood; print what became of its requests, and how long it took."""
    left = iter(range(REQUESTS))
    seen: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=0, force_close=not kind.keep)
    headers = {"Authorization": "Bearer " + new_token(os.urandom).reveal().decode()}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:

        async def send() -> None:
            for _ in left:
                try:
                    async with http.post(url + "/v1/sync", data=bytes(kind.body)) as answer:
                        await answer.read()
                        seen[str(answer.status)] += 1
                except aiohttp.ClientError as error:
                    seen[type(error).__name__] += 1

        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(kind.connections):
                tasks.create_task(send())
    print(json.dumps({"seconds": time.perf_counter() - start, "answers": seen}), flush=True)


async def measure(url: str, token: str, kinds: Sequence[Flood]) -> dict[str, float]:
    """The ratio of each kind of flood."""
    found = {}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        caller = Caller(http, url)
        await caller.begin()
        await _calm(caller)
        for kind in kinds:
            before = await _calm(caller)
            told, during = await _flooded(caller, url, kind)
            calm = before + await _calm(caller)
            found[kind.name] = round(statistics.median(during) / statistics.median(calm), 2)
            print(
                f"{kind.name}: {_figures('calm', calm)}; {_figures('flooded', during)}; "
                f"ratio of medians {found[kind.name]:.2f}, of p99 {_p99(during) / _p99(calm):.2f}; "
                f"{REQUESTS / told['seconds']:,.0f} refusals a second for {told['seconds']:.0f} s, {told['answers']}"
            )
    return found


async def _calm(caller: Caller) -> list[float]:
    until = asyncio.Event()
    asyncio.get_running_loop().call_later(CALM_S, until.set)
    return await caller.read(until)


async def _flooded(caller: Caller, url: str, kind: Flood) -> tuple[dict[str, float], list[float]]:
    until = asyncio.Event()
    async with child("-m", "bench.guard", "--flood", url, "--kind", str(FLOODS.index(kind))) as output:

        async def wait() -> bytes:
            try:
                return await output.readline()
            finally:
                until.set()

        async with asyncio.TaskGroup() as tasks:
            told = tasks.create_task(wait())
            reading = tasks.create_task(caller.read(until))
    return json.loads(told.result()), reading.result()


def _p99(took: Sequence[float]) -> float:
    return statistics.quantiles(took, n=100)[98]


def _figures(name: str, took: Sequence[float]) -> str:
    return f"{name} p50 {statistics.median(took):.2f} p99 {_p99(took):.2f} ms ({len(took)} calls)"


async def benchmark() -> dict[str, float]:
    """Start everything and measure."""
    token = new_token(os.urandom).reveal().decode()
    with tempfile.TemporaryDirectory(prefix="scout-guard-") as state:
        async with guarded_api(Path(state), token, _free_port()) as url:
            return await measure(url, token, FLOODS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Run the benchmark, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", metavar="DIR", type=Path, help="be the stack beside the API")
    parser.add_argument("--flood", metavar="URL", help="be the flood")
    parser.add_argument("--kind", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.stack:
        return lifecycle.run("bench", lambda stop: stack(arguments.stack, stop))
    if arguments.flood:
        uvloop.run(flood(arguments.flood, FLOODS[arguments.kind]))
        return 0
    machine = describe()
    ratios = uvloop.run(benchmark())
    print(json.dumps({"ratios": ratios, "machine": machine}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
