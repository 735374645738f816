"""Syncs and reads a second over HTTP on a 16-node swarm, and their latency: `make bench-sync`.

Two processes: the whole stack as `scout up --swarm 16` runs it (16 storing nodes, the cluster's own node, Valkey in a
process of its own, crypto, API), and the callers. A sync sets one entry of a record to a new content, so that each one
reads, merges, seals, signs and stores; no two in flight have the same record, so that none is coalesced with another.
Each figure is the median of several runs; the last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvloop

from bench.machine import describe
from services.standalone.app import open_stack
from services.standalone.config import StandaloneConfig
from shared import lifecycle
from shared.clock import SystemClock
from shared.settings import Endpoint

SWARM = 16
IN_FLIGHT = 32
RECORDS = 64
"""More than are in flight: one caller each, and the rest take turns."""
RUNS = 5
SYNCS_PER_RUN = 800
SINGLE_CALLS = 200
START_WITHIN_S = 30.0

ANYWHERE = Endpoint("127.0.0.1", 0)
CONFIG = StandaloneConfig(swarm=SWARM, swarm_network="127.90", api_listen=ANYWHERE, ops_listen=ANYWHERE)

Call = Callable[[int], Awaitable[None]]
"""One call on the record with this number."""


async def stack(stop: asyncio.Event) -> None:
    """The stack's process: prints the API's address, then serves until it is told to stop."""
    async with open_stack(CONFIG, clock=SystemClock(), entropy=os.urandom) as running:
        print(running.api_url, flush=True)
        await stop.wait()


@asynccontextmanager
async def stack_process() -> AsyncIterator[str]:
    """The address of the API of a stack that runs for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sync", "--stack", stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("the stack's process has no output")
    try:
        async with asyncio.timeout(START_WITHIN_S):
            line = await process.stdout.readline()
        yield line.decode().strip()
    finally:
        process.terminate()
        await process.wait()


class Callers:
    """Speak to one API about many records."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._links: list[str] = []
        self._written = 0

    async def make_links(self) -> None:
        """One record each for all callers, with an entry in it."""
        for _ in range(RECORDS):
            body = {"secret": os.urandom(32).hex(), "format": "scout1"}
            self._links.append((await self._call("POST", "/v1/links", {}, body))["link"])
        for record in range(RECORDS):
            await self.sync(record)

    async def sync(self, record: int) -> None:
        """Change an entry of one record."""
        self._written += 1
        value = base64.urlsafe_b64encode(self._written.to_bytes(24, "big")).decode()
        body = {"entries": [{"id": 1, "value": value}]}
        await self._call("POST", "/v1/sync", {"Scout-Link": self._links[record]}, body)

    async def read(self, record: int) -> None:
        """Read one record, settled."""
        await self._call("GET", "/v1/record", {"Scout-Link": self._links[record]}, None)

    async def _call(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        async with self._http.request(method, self._url + path, headers=headers, json=body) as answer:
            document = await answer.json()
            if not answer.ok:
                raise RuntimeError(f"{method} {path}: {document}")
            return document


async def one_at_a_time(call: Call, calls: int) -> list[float]:
    """Milliseconds of each of `calls` calls, one after the other."""
    took = []
    for number in range(calls):
        start = time.perf_counter()
        await call(number % RECORDS)
        took.append((time.perf_counter() - start) * 1000)
    return took


async def many_at_a_time(call: Call, calls: int) -> float:
    """Calls a second with IN_FLIGHT callers, each with records of its own."""

    async def caller(number: int) -> None:
        for turn in range(calls // IN_FLIGHT):
            await call((number + turn * IN_FLIGHT) % RECORDS)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as callers:
        for number in range(IN_FLIGHT):
            callers.create_task(caller(number))
    return calls / (time.perf_counter() - start)


async def measure(url: str, runs: int) -> dict[str, float]:
    """All figures; milliseconds and calls a second."""
    found: dict[str, list[float]] = {}
    async with aiohttp.ClientSession() as http:
        callers = Callers(http, url)
        await callers.make_links()
        for run in range(1, runs + 1):
            for name, call in (("sync", callers.sync), ("read", callers.read)):
                alone = await one_at_a_time(call, SINGLE_CALLS)
                rate = await many_at_a_time(call, SYNCS_PER_RUN)
                p50, p99 = statistics.median(alone), statistics.quantiles(alone, n=100)[98]
                print(
                    f"run {run}, {name}: {rate:,.0f}/s with {IN_FLIGHT} in flight; alone p50 {p50:.2f} p99 {p99:.2f} ms"
                )
                for key, figure in ((f"{name}s_per_s", rate), (f"{name}_p50", p50), (f"{name}_p99", p99)):
                    found.setdefault(key, []).append(figure)
    median = {key: round(statistics.median(figures), 2) for key, figures in found.items()}
    return {
        "syncs_per_s": median["syncs_per_s"],
        "p50_ms_at_1": median["sync_p50"],
        "p99_ms_at_1": median["sync_p99"],
        "reads_per_s": median["reads_per_s"],
        "read_p50_ms_at_1": median["read_p50"],
        "read_p99_ms_at_1": median["read_p99"],
    }


async def benchmark(runs: int) -> dict[str, float]:
    """Start the stack and measure."""
    async with stack_process() as url:
        return await measure(url, runs)


def main() -> int:
    """Run the benchmark, or with --stack the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--stack", action="store_true", help="be the process that is measured")
    arguments = parser.parse_args()
    if arguments.stack:
        return lifecycle.run("bench", stack)
    machine = describe()
    figures = uvloop.run(benchmark(arguments.runs))
    print(json.dumps({**figures, "machine": machine}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
