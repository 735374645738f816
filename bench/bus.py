"""Requests a second over the bus, and their latency: `python -m bench.bus` (or `make bench-bus`).

Three processes, as in a cluster: an embedded Valkey, a replica whose handlers answer at once, and a requester (this
one). Everything that a request gets in production is kept: deadlines, metrics, entries acknowledged and deleted.
The figures are those of requests to the DHT service; `sealed_requests_per_s` is the same to the crypto service, whose
bodies are sealed. Each is the median of several runs; the last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from bench.machine import describe, pin
from shared import lifecycle
from shared.bus.consumer import Consumer
from shared.bus.meters import BusMeters
from shared.bus.ports import Requester
from shared.bus.redis_client import RedisClient, connect
from shared.bus.requester import RedisRequester
from shared.bus.seal import KEY_BYTES, Sealer
from shared.clock import SystemClock
from shared.contracts.crypto import LOCATE, Locate, LocateReply, Site
from shared.contracts.dht import GET_IMMUTABLE, GetImmutable, GetImmutableReply, LookupReport
from shared.contracts.operation import CallContext, Message, Operation
from shared.settings import Secret
from tests.support.bus import server

IN_FLIGHT = 256
RUNS = 5
REQUESTS_PER_RUN = 30_000
SINGLE_REQUESTS = 2_000
REQUESTER_CORE, REPLICA_CORE = 0, 1

CLOCK = SystemClock()
SEALER = Sealer(Secret(bytes(KEY_BYTES)))

Question = tuple[Operation[Any, Any], Message]
GETS: list[Question] = [(GET_IMMUTABLE, GetImmutable(target=bytes([first, *bytes(19)]))) for first in range(256)]
"""Of targets in all partitions, as in production."""
FOUND = GetImmutableReply(value=bytes(100), report=LookupReport(asked=20, answered=16, timed_out=4, elapsed_ms=12.5))
SEALED: list[Question] = [(LOCATE, Locate(link="L" * 120))]
LOCATED = LocateReply(format="scout1", member=1, sites=[Site(public_key=bytes(32), target=bytes(20))])


async def find(_request: GetImmutable, _context: CallContext) -> GetImmutableReply:
    """Answer at once: what is measured is the bus."""
    return FOUND


async def locate(_request: Locate, _context: CallContext) -> LocateReply:
    """The same, with bodies that are sealed."""
    return LOCATED


async def replica(stop: asyncio.Event) -> None:
    """The answering process."""
    pin(REPLICA_CORE)
    meters = BusMeters.build(CollectorRegistry())
    async with connect(sys.argv[-1], clock=CLOCK, meters=meters) as redis, asyncio.TaskGroup() as tasks:
        dht = Consumer(redis, service="dht", handlers={GET_IMMUTABLE: find}, clock=CLOCK, meters=meters)
        crypto = Consumer(redis, service="crypto", handlers={LOCATE: locate}, clock=CLOCK, meters=meters, sealer=SEALER)
        tasks.create_task(dht.run(stop))
        tasks.create_task(crypto.run(stop))


async def call(requester: Requester, question: Question) -> float:
    """One request; seconds it took."""
    start = time.perf_counter()
    await requester.call(*question, CallContext(CLOCK.utc_ms() + 10_000))
    return time.perf_counter() - start


async def in_flight(
    requester: Requester, callers: int, requests: int, questions: Sequence[Question] = GETS
) -> tuple[float, list[float]]:
    """Requests a second with `callers` asking one after the other, and the seconds of each request."""
    seconds: list[float] = []
    following = itertools.cycle(questions)

    async def ask() -> None:
        for _ in range(requests // callers):
            seconds.append(await call(requester, next(following)))  # noqa: PERF401  # one after the other is the point

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(ask())
    return len(seconds) / (time.perf_counter() - start), seconds


async def measure(redis: RedisClient, runs: int) -> dict[str, float]:
    """All figures; milliseconds and requests a second."""
    meters = BusMeters.build(CollectorRegistry())
    rates, p99s, p50s, sealed = [], [], [], []
    async with RedisRequester(redis, clock=CLOCK, meters=meters, sealers={"crypto": SEALER}) as requester:
        await in_flight(requester, IN_FLIGHT, REQUESTS_PER_RUN // 4)
        for run in range(runs):
            rate, many = await in_flight(requester, IN_FLIGHT, REQUESTS_PER_RUN)
            _, single = await in_flight(requester, 1, SINGLE_REQUESTS)
            sealed.append((await in_flight(requester, IN_FLIGHT, REQUESTS_PER_RUN // 2, SEALED))[0])
            rates.append(rate)
            p99s.append(statistics.quantiles(many, n=100)[98] * 1000)
            p50s.append(statistics.median(single) * 1000)
            print(
                f"run {run + 1}: {rate:,.0f} requests/s, p99 {p99s[-1]:.2f} ms; "
                f"sealed {sealed[-1]:,.0f} requests/s; alone p50 {p50s[-1]:.3f} ms"
            )
    return {
        "requests_per_s": round(statistics.median(rates)),
        "p50_ms_at_1": round(statistics.median(p50s), 3),
        "p99_ms_at_256": round(statistics.median(p99s), 2),
        "sealed_requests_per_s": round(statistics.median(sealed)),
    }


async def benchmark(url: str, runs: int) -> dict[str, float]:
    """Connect and measure."""
    async with connect(url, clock=CLOCK, meters=BusMeters.build(CollectorRegistry())) as redis:
        return await measure(redis, runs)


@contextmanager
def replica_process(url: str) -> Iterator[None]:
    """The answering process, for the length of the block."""
    started = subprocess.Popen([sys.executable, "-m", "bench.bus", "--replica", url])
    try:
        yield
    finally:
        started.terminate()
        started.wait(10)


def main() -> int:
    """Run the benchmark, or with --replica the process that answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--replica", metavar="URL", help="be the answering process")
    arguments = parser.parse_args()
    if arguments.replica:
        return lifecycle.run("bench", replica)
    machine = describe()
    with server() as redis, replica_process(redis.connection_url):
        pin(REQUESTER_CORE)
        figures = uvloop.run(benchmark(redis.connection_url, arguments.runs))
    print(json.dumps({**figures, "machine": machine}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
