"""A replica of the service `echo` as a process of its own: `python -m tests.support.replica URL SECONDS`.

Each request takes SECONDS; it prints `taken` when one is in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry

from shared import lifecycle
from shared.bus.consumer import Consumer
from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.clock import SystemClock
from shared.contracts.operation import CallContext
from tests.support.bus import Said, Say, echo, echoing


async def main(stop: asyncio.Event) -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])

    async def work(request: Say, context: CallContext) -> Said:
        print("taken", flush=True)  # noqa: T201  # to the test that started this
        await asyncio.sleep(seconds)
        return await echo(request, context)

    clock, meters = SystemClock(), BusMeters.build(CollectorRegistry())
    async with connect(url, clock=clock, meters=meters) as redis:
        consumer = Consumer(redis, service="echo", handlers=echoing(work), clock=clock, meters=meters, concurrency=1)
        print("ready", flush=True)  # noqa: T201
        await consumer.run(stop)


@contextlib.asynccontextmanager
async def replica(url: str, seconds: float) -> AsyncIterator[Process]:
    """Start one and wait until it is connected; it is killed at the end of the block, if it still runs."""
    arguments = ("-m", "tests.support.replica", url, str(seconds))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
    try:
        await says(process, "ready")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def says(process: Process, word: str) -> None:
    """Wait for a line of the process."""
    assert process.stdout is not None
    async with asyncio.timeout(10):
        assert await process.stdout.readline() == f"{word}\n".encode()


if __name__ == "__main__":
    sys.exit(lifecycle.run("echo", main))
