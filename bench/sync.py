"""Syncs and reads a second over HTTP on a 16-node swarm, and their latency, in both formats: `make bench-sync`.

Two processes: the whole stack as `scout up --swarm 16` runs it (16 storing nodes, the cluster's own node, Valkey in a
process of its own, crypto, API), and the callers. A sync sets one entry of a record to a new content, so that each one
reads, merges, seals, signs and stores; no two in flight have the same record, so that none is coalesced with another.
It also has the record kept for the default day: in scout2 that takes a version sealed for the next epoch.

The formats take turns many times a run, and the one that begins changes each time: what disturbs the machine for a
while disturbs both. A ratio is the median of the runs' own ratios, scout2 to scout1. Beside each rate stands the
processor time that the stack's process had for one call, which a busy machine changes least.
scout2 is measured between the turns of its epochs; for two hours after one, two epochs are read instead of one.

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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvloop

from bench.machine import cpu_seconds, describe
from services.standalone.app import open_stack
from services.standalone.config import StandaloneConfig
from shared import lifecycle
from shared.clock import SystemClock
from shared.contracts.crypto import FormatName
from shared.format.scout2 import epochs, roots
from shared.settings import Endpoint

SWARM = 16
IN_FLIGHT = 32
RECORDS = 64
"""Of each format. More than are in flight: one caller each, and the rest take turns."""
RUNS = 5
TURNS = 5
CALLS_PER_TURN = 160
SINGLE_CALLS_PER_TURN = 40
START_WITHIN_S = 30.0
TURN_AFTER_S = 3600
"""No epoch turns sooner than so long after the start."""

FORMATS: tuple[FormatName, ...] = ("scout1", "scout2")
ANYWHERE = Endpoint("127.0.0.1", 0)
CONFIG = StandaloneConfig(swarm=SWARM, swarm_network="127.90", api_listen=ANYWHERE, ops_listen=ANYWHERE)

Call = Callable[[int], Awaitable[None]]
"""One call on the record with this number."""


async def stack(stop: asyncio.Event) -> None:
    """The stack's process: prints the API's address, then serves until it is told to stop."""
    async with open_stack(CONFIG, clock=SystemClock(), entropy=os.urandom) as running:
        print(running.api_url, flush=True)
        await stop.wait()


@dataclass(frozen=True, slots=True)
class StackProcess:
    """A stack at work in a process of its own."""

    url: str
    """Of its API."""
    pid: int


@asynccontextmanager
async def stack_process() -> AsyncIterator[StackProcess]:
    """A stack that runs for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sync", "--stack", stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("the stack's process has no output")
    try:
        async with asyncio.timeout(START_WITHIN_S):
            line = await process.stdout.readline()
        yield StackProcess(line.decode().strip(), process.pid)
    finally:
        process.terminate()
        await process.wait()


class Callers:
    """Speak to one API about many records of one format."""

    def __init__(self, http: aiohttp.ClientSession, url: str, format_name: FormatName) -> None:
        self._http = http
        self._url = url
        self._format = format_name
        self._links: list[str] = []
        self._written = 0

    async def make_links(self) -> None:
        """One record each for all callers, with an entry in it."""
        for _ in range(RECORDS):
            body = {"secret": group_secret().hex(), "format": self._format}
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


def group_secret() -> bytes:
    """A secret whose scout2 epoch neither turned of late nor turns soon; in scout1 as good as any other."""
    while True:
        secret, now = os.urandom(roots.GROUP_SECRET_SIZE), time.time()  # noqa: TID251  # the stack's clock is the system's
        ahead = epochs.phase(roots.of_group(secret))
        soon = epochs.reading(ahead, now + TURN_AFTER_S)
        if epochs.reading(ahead, now) == soon and not soon.also:
            return secret


@dataclass(slots=True)
class Figures:
    """What one kind of call in one format has shown, run by run."""

    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    """Of the stack's process, a call."""
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    @property
    def latest(self) -> str:
        """The last run's, in words."""
        return (
            f"{self.per_s[-1]:,.0f}/s with {IN_FLIGHT} in flight, {self.cpu_ms[-1]:.2f} ms of processor time each; "
            f"alone p50 {self.p50_ms[-1]:.2f} p99 {self.p99_ms[-1]:.2f} ms"
        )

    def medians(self) -> dict[str, float]:
        """One of each."""
        return {
            "per_s": round(statistics.median(self.per_s)),
            "cpu_ms": round(statistics.median(self.cpu_ms), 2),
            "p50_ms_at_1": round(statistics.median(self.p50_ms), 2),
            "p99_ms_at_1": round(statistics.median(self.p99_ms), 2),
        }


async def one_at_a_time(call: Call, calls: int) -> list[float]:
    """Milliseconds of each of `calls` calls, one after the other."""
    took = []
    for number in range(calls):
        start = time.perf_counter()
        await call(number % RECORDS)
        took.append((time.perf_counter() - start) * 1000)
    return took


async def many_at_a_time(call: Call, calls: int) -> float:
    """Seconds that `calls` calls take IN_FLIGHT callers, each with records of its own."""

    async def caller(number: int) -> None:
        for turn in range(calls // IN_FLIGHT):
            await call((number + turn * IN_FLIGHT) % RECORDS)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as callers:
        for number in range(IN_FLIGHT):
            callers.create_task(caller(number))
    return time.perf_counter() - start


@dataclass(slots=True)
class Run:
    """What the turns of one run add up to."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    alone_ms: list[float] = field(default_factory=list)

    async def turn(self, call: Call, pid: int) -> None:
        """One turn of one kind of call, of a stack with this process id."""
        self.alone_ms += await one_at_a_time(call, SINGLE_CALLS_PER_TURN)
        before = cpu_seconds(pid)
        self.seconds += await many_at_a_time(call, CALLS_PER_TURN)
        self.cpu_s += cpu_seconds(pid) - before

    def add_to(self, figures: Figures) -> None:
        """The run is over."""
        calls = TURNS * CALLS_PER_TURN
        figures.per_s.append(calls / self.seconds)
        figures.cpu_ms.append(self.cpu_s * 1000 / calls)
        figures.p50_ms.append(statistics.median(self.alone_ms))
        figures.p99_ms.append(statistics.quantiles(self.alone_ms, n=100)[98])


async def measure_run(calls: Mapping[FormatName, Call], pid: int, found: Mapping[FormatName, Figures]) -> None:
    """One run of one kind of call in both formats, added to the figures."""
    runs = {format_name: Run() for format_name in FORMATS}
    for turn in range(TURNS):
        for format_name in FORMATS if turn % 2 else FORMATS[::-1]:
            await runs[format_name].turn(calls[format_name], pid)
    for format_name, run in runs.items():
        run.add_to(found[format_name])


async def measure(running: StackProcess, runs: int) -> dict[str, Any]:
    """All figures: kind of call -> format -> figure, and the ratios of the two formats."""
    kinds: dict[str, dict[FormatName, Figures]] = {
        kind: {format_name: Figures() for format_name in FORMATS} for kind in ("sync", "read")
    }
    async with aiohttp.ClientSession() as http:
        callers = {format_name: Callers(http, running.url, format_name) for format_name in FORMATS}
        for one in callers.values():
            await one.make_links()
        for run in range(1, runs + 1):
            for kind, found in kinds.items():
                await measure_run({name: getattr(callers[name], kind) for name in FORMATS}, running.pid, found)
                for format_name, figures in found.items():
                    print(f"run {run}, {kind}, {format_name}: {figures.latest}", flush=True)
    return {kind: summary(found) for kind, found in kinds.items()}


def summary(found: dict[FormatName, Figures]) -> dict[str, Any]:
    """The medians of both formats, and how scout2 does beside scout1."""
    one, two = found["scout1"], found["scout2"]
    ratios = {
        "per_s": ratio(two.per_s, one.per_s),
        "cpu_ms": ratio(two.cpu_ms, one.cpu_ms),
        "p50_ms_at_1": ratio(two.p50_ms, one.p50_ms),
    }
    return {"scout1": one.medians(), "scout2": two.medians(), "scout2_to_scout1": ratios}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of what the runs' own figures say."""
    return round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 3)


async def benchmark(runs: int) -> dict[str, Any]:
    """Start the stack and measure."""
    async with stack_process() as running:
        return await measure(running, runs)


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
