"""Queries a second of one node, beside libtorrent in the same run: `python -m bench.krpc` (or `make bench-krpc`).

The node under load is alone on one core and the load (`krpc_load.c`) on another: 128 queries in flight from 16
addresses. They are marked read-only (BEP 43), as befits a load that answers nothing; with `--ids stable` both nodes
go on pinging it all the while. Both nodes know the same 250 contacts (an empty table flatters) and have their
limit for each address switched off; ours has its metrics on. `get` asks for what is not there, `get_hit` for one
mutable item of 900 bytes, `put` stores new signed ones. Each figure is the median of several runs, ours and
libtorrent's in turn. What counts are the ratios: an absolute figure on a shared machine means nothing. Beside them
stands the processor time that an answer takes, which other work on the machine moves least. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json

from bench.krpc.items import write_items
from bench.krpc.load import Node, nodes_under_load, ratio
from bench.machine import describe

KINDS = ("ping", "find_node", "get_peers", "get", "put", "get_hit")
"""In the order that they are measured in: the item that is got must have been put."""
MODULES = {"ours": "bench.krpc.our_node", "libtorrent": "bench.krpc.libtorrent_node"}
PUTS = 4000
"""New items for each run: what a node holds already costs it no verification."""


def measure(nodes: dict[str, Node], options: argparse.Namespace) -> None:
    """All runs of every kind, the nodes in turn."""
    for kind in KINDS:
        for number in range(options.runs):
            items = write_items(number, PUTS) if kind == "put" else write_items(0, 1)
            for node in nodes.values():
                node.load(kind, options.seconds, options.ids, items)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.7, help="length of one run (default 0.7)")
    parser.add_argument("--runs", type=int, default=7, help="runs for each figure (default 7)")
    parser.add_argument(
        "--ids", choices=("stable", "ro", "rand"), default="ro", help="senders of the load (default ro)"
    )
    options = parser.parse_args()
    machine = describe()
    with nodes_under_load(MODULES) as nodes:
        measure(nodes, options)
    report(nodes["ours"], nodes["libtorrent"], {"machine": machine})


def report(ours: Node, theirs: Node, setting: dict[str, object]) -> None:
    """A table for people, and one line for programs."""
    ratios = {kind: ratio(ours, theirs, kind) for kind in KINDS}
    print(f"{'answers a second':18}{'ours':>10}{'libtorrent':>12}{'ratio':>8}   processor time of an answer, us")
    for kind in KINDS:
        our, their = ours.median(kind), theirs.median(kind)
        print(f"{kind:18}{our.rate:10.0f}{their.rate:12.0f}{ratios[kind]:8.2f}{our.cpu:13.2f}{their.cpu:8.2f}")
    print(json.dumps({**ratios, "ours": figures(ours), "libtorrent": figures(theirs), **setting}))


def figures(node: Node) -> dict[str, object]:
    """The rates of a node by kind, its processor time in microseconds by kind, its contacts."""
    rates = {kind: round(node.median(kind).rate) for kind in KINDS}
    return {**rates, "cpu_us": {kind: round(node.median(kind).cpu, 2) for kind in KINDS}, "contacts": node.contacts}


if __name__ == "__main__":
    main()
