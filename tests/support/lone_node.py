"""A DHT node alone in a process, for tests that kill it: its arguments are host:port, state file, save interval."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from services.dht_node.core.config import LAB
from services.dht_node.opening import open_driver
from shared import lifecycle
from shared.settings import endpoint


async def _run(stop: asyncio.Event) -> None:
    listen, state, interval = sys.argv[1:]
    config = replace(LAB, save_interval=float(interval))
    async with open_driver(config, endpoint(listen), bootstrap=(), state_path=Path(state)):
        await stop.wait()


if __name__ == "__main__":
    sys.exit(lifecycle.run("lone_node", _run))
