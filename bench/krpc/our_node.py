"""Our node, as the service runs it: `python -m bench.krpc.our_node HOST PORT CORE`.

Limits for strangers are off and the store is large, as on the other side. Answers each line of standard
input with the numbers of its contacts and items, as its metrics have them, and ends when there are no more.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import uvloop

from bench.krpc.contacts import contacts
from bench.machine import pin
from services.dht_node.core.config import LAB
from services.dht_node.meters import NodeCollector
from services.dht_node.opening import open_driver
from shared.clock import SystemClock
from shared.metrics import new_registry
from shared.settings import Endpoint

CONFIG = replace(LAB, items_max=1_000_000, item_bytes_max=2**30)

FIGURES: tuple[tuple[str, dict[str, str]], ...] = (
    ("scout_dht_contacts", {"family": "ipv4", "state": "good"}),
    ("scout_dht_stored_items", {"family": "ipv4"}),
)


async def serve(host: str, port: int) -> None:
    """Run the node until standard input ends."""
    clock, registry = SystemClock(), new_registry("dht_node", "bench")
    async with open_driver(CONFIG, Endpoint(host, port), bootstrap=()) as driver:
        registry.register(NodeCollector([driver], clock))
        driver.node.add_known(contacts(), clock.monotonic())
        while await asyncio.to_thread(sys.stdin.readline):
            print(*(int(registry.get_sample_value(*figure) or 0) for figure in FIGURES), flush=True)


if __name__ == "__main__":
    pin(int(sys.argv[3]))
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
