"""A hundred thousand stored items: their memory, what they do to the rates, the pauses of their expiry.

`python -m bench.storage` (or `make bench-storage`). Two nodes like that of `bench.krpc` run on one core; one of them is
given 100,000 signed items of 900 bytes, and then both answer the same load in turn. Memory is what the process has
more of afterwards. The expiry runs in this process, two hours later in virtual time: a node holds as many items, its
timer is called whenever it asks for it, and each call's processor time is taken. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path

from bench.krpc.contacts import contacts
from bench.krpc.items import VALUE_SIZE, write_items
from bench.krpc.load import Node, nodes_under_load, ratio
from bench.krpc.our_node import CONFIG
from bench.machine import describe
from services.dht_node.core.messages import Item
from services.dht_node.core.node import Node as Core
from services.dht_node.core.storage import SavedItem
from shared.format.bep44 import bencode_string, mutable_target

KINDS = ("ping", "find_node", "get_peers", "get", "get_hit")
MODULES = {"empty": "bench.krpc.our_node", "full": "bench.krpc.our_node"}


def resident_bytes(pid: int) -> int:
    """Memory of a process that is really there."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def loaded(count: int, seconds: float, runs: int) -> tuple[Node, Node, float]:
    """The empty node and the full one, measured, and the bytes that an item takes."""
    with nodes_under_load(MODULES) as nodes:
        empty, full = nodes["empty"], nodes["full"]
        first = write_items(0, 1)
        for node in (empty, full):
            node.load("put", seconds, "ro", first)
        before = resident_bytes(full.process.pid)
        items = write_items(0, count)
        full.load("put", seconds, "ro", items)
        stored = full.ask()[1]
        size = (resident_bytes(full.process.pid) - before) / stored
        print(f"{stored} items stored, {size:.0f} bytes each")
        in_turn([empty, full], seconds, runs)
    return empty, full, size


def in_turn(nodes: list[Node], seconds: float, runs: int) -> None:
    """Let all nodes answer every kind of query, one after the other."""
    items = write_items(0, 1)
    for kind in KINDS:
        for _ in range(runs):
            for node in nodes:
                node.load(kind, seconds, "ro", items)


def expiry(count: int) -> dict[str, float]:
    """The longest pause while all items expire, in milliseconds, and how many calls of the timer it took."""
    rng = random.Random(1)
    node = Core(CONFIG, entropy=rng.randbytes, verify=lambda *_: True, now=0.0)
    node.add_known(contacts(), 0.0)
    node.restore_items((saved_item(rng) for _ in range(count)), 0.0)
    now, pauses = CONFIG.item_lifetime + 60.0, []
    while node.stored_items:
        started = time.thread_time()
        node.handle_timer(now)
        pauses.append(time.thread_time() - started)
        node.datagrams_to_send()
        now = max(now, node.next_deadline())
    return {"longest_pause_ms": round(1000 * max(pauses), 2), "calls": len(pauses)}


def saved_item(rng: random.Random) -> SavedItem:
    """An item like those of `write_items`; nobody looks at its signature."""
    key = rng.randbytes(32)
    item = Item(bencode_string(rng.randbytes(VALUE_SIZE)), key, rng.randbytes(64), 1)
    return SavedItem(mutable_target(key), item, CONFIG.item_lifetime)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="items stored (default 100000)")
    parser.add_argument("--seconds", type=float, default=0.7, help="length of one run (default 0.7)")
    parser.add_argument("--runs", type=int, default=5, help="runs for each figure (default 5)")
    options = parser.parse_args()
    machine = describe()
    pauses = expiry(options.items)
    print(f"expiry of {options.items}: longest pause {pauses['longest_pause_ms']} ms in {pauses['calls']} calls")
    empty, full, size = loaded(options.items, options.seconds, options.runs)
    rates = {kind: ratio(full, empty, kind) for kind in KINDS}
    cpu = {kind: round(full.median(kind).cpu / empty.median(kind).cpu, 3) for kind in KINDS}
    print("full to empty     rate   processor time of an answer")
    for kind in KINDS:
        print(f"{kind:16}{rates[kind]:6.2f}{cpu[kind]:8.2f}")
    ratios = {"rates_full_to_empty": rates, "cpu_full_to_empty": cpu}
    print(json.dumps({"item_bytes": round(size), **pauses, **ratios, "machine": machine}))


if __name__ == "__main__":
    main()
