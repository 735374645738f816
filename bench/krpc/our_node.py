"""Our node, as the service runs it: `python -m bench.krpc.our_node HOST PORT CORE`.

Only the limit for each address is off, as it is on the other side. Answers each line of standard input with the number
of its contacts, and ends when there are no more.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from bench.krpc.contacts import contacts
from bench.machine import pin
from services.dht_node.core.config import LAB
from services.dht_node.opening import open_driver
from shared.clock import SystemClock
from shared.settings import Endpoint


async def serve(host: str, port: int) -> None:
    """Run the node until standard input ends."""
    async with open_driver(LAB, Endpoint(host, port), bootstrap=()) as driver:
        driver.node.add_saved(contacts(), SystemClock().monotonic())
        while await asyncio.to_thread(sys.stdin.readline):
            print(driver.node.contacts, flush=True)


if __name__ == "__main__":
    pin(int(sys.argv[3]))
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
