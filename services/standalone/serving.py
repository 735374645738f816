"""A service on the bus as a block: it answers inside, and has finished what it had in hand when the block ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.bus.consumer import Consumer


@asynccontextmanager
async def serving(consumer: Consumer) -> AsyncIterator[None]:
    """Run `consumer` until the block ends, then drain it. Its failure ends the block."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.run(stop), name=f"{consumer.service} consumer")
        try:
            yield
        finally:
            stop.set()
