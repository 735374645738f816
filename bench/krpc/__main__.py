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
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.krpc.contacts import COUNT
from bench.krpc.items import write_items
from bench.machine import cpu_seconds, describe, pin

KINDS = ("ping", "find_node", "get_peers", "get", "put", "get_hit")
"""In the order that they are measured in: the item that is got must have been put."""
NODES = {"ours": ("bench.krpc.our_node", "127.0.0.10"), "libtorrent": ("bench.krpc.libtorrent_node", "127.0.0.11")}
PORT = 6881
NODE_CORE, LOAD_CORE = 0, 1
IN_FLIGHT = 128
SOURCES = 16
FILLED = COUNT * 6 // 7
"""Contacts that a table must hold before it is measured: buckets are bounded, so not all of them find a place."""
FILL_SECONDS = 30.0
PUTS = 4000
"""New items for each run: what a node holds already costs it no verification."""
BUILD = Path("bench/build")
LOAD = BUILD / "krpc_load"

Process = subprocess.Popen[str]


class Run(NamedTuple):
    """What one run of the load measured."""

    rate: float
    """Answers a second."""
    cpu: float
    """Microseconds of processor time that the node took for each; for a put and the get that brought its token."""


@dataclass
class Node:
    """A node under load, and what was measured of it."""

    process: Process
    host: str
    contacts: int = 0
    runs: dict[str, list[Run]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def median(self, kind: str) -> Run:
        """The median rate and the median processor time."""
        return Run(*(statistics.median(column) for column in zip(*self.runs[kind], strict=True)))


def compile_load() -> None:
    """Build the load generator; leaves with status 2 where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print("bench-krpc needs a C compiler (gcc) for its load generator, and found none.", file=sys.stderr)
        raise SystemExit(2)
    LOAD.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("krpc_load.c")
    subprocess.run([compiler, "-O2", "-w", "-o", LOAD, source], check=True)


@contextmanager
def running(module: str, *arguments: str) -> Iterator[Process]:
    """A Python process of ours, which ends when its standard input does."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: Process) -> str:
    """Write a line, read a line."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("expected a process with pipes")
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


def fill(name: str, process: Process) -> int:
    """Wait until a node knows the contacts; how many it knows."""
    deadline = time.monotonic() + FILL_SECONDS  # noqa: TID251  # a benchmark runs on the host's clock
    known = 0
    while known < FILLED:
        if time.monotonic() > deadline:  # noqa: TID251
            raise SystemExit(f"{name} knows {known} contacts, expected at least {FILLED}")
        time.sleep(0.2)
        known = int(ask(process) or 0)
    return known


@dataclass(frozen=True)
class Load:
    """How `krpc_load` is called."""

    seconds: float
    ids: str
    items: Path
    target: bytes
    """Of the first of the items."""

    def run(self, node: Node, kind: str) -> Run:
        """Let one node answer one kind of query for a while."""
        of_items: tuple[str | Path, ...] = ()
        if kind == "put":
            of_items = self.items, str(PUTS)
        elif kind == "get_hit":
            of_items = self.items, "1", self.target.hex()
        name = {"put": "tokput", "get_hit": "getfix"}.get(kind, kind)
        seconds = 10 * self.seconds if kind == "put" else self.seconds
        before = cpu_seconds(node.process.pid)
        command = [LOAD, node.host, str(PORT), str(IN_FLIGHT), str(seconds), name, str(SOURCES), self.ids, *of_items]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 10)
        result = json.loads(done.stdout.splitlines()[-1])
        # what is not answered within 0.2 s counts as lost, and so long may other work keep a node from its core
        expected = 0.9 * PUTS if kind == "put" else 1
        if result["err"] or result["got"] < expected or (kind == "get_hit" and result["withv"] < result["got"]):
            raise SystemExit(f"expected answers to {kind}, got {result}: {done.stderr}")
        return Run(float(result["rps"]), 1e6 * (cpu_seconds(node.process.pid) - before) / result["got"])


def measure(nodes: dict[str, Node], options: argparse.Namespace) -> None:
    """All runs of every kind, the nodes in turn."""
    for kind in KINDS:
        for number in range(options.runs):
            path = BUILD / "items.bin"
            target = write_items(path, number if kind == "put" else 0, PUTS if kind == "put" else 1)
            for node in nodes.values():
                node.runs[kind].append(Load(options.seconds, options.ids, path, target).run(node, kind))


def ratios(nodes: dict[str, Node]) -> dict[str, float]:
    """Of the rates, ours to libtorrent's, by kind.

    The median over pairs measured one after the other: what else the machine does changes slower than that.
    """
    ours, theirs = nodes["ours"].runs, nodes["libtorrent"].runs
    return {
        kind: round(statistics.median(o.rate / t.rate for o, t in zip(ours[kind], theirs[kind], strict=True)), 3)
        for kind in KINDS
    }


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
    compile_load()
    with ExitStack() as stack:
        nodes = {
            name: Node(stack.enter_context(running(module, host, str(PORT), str(NODE_CORE))), host)
            for name, (module, host) in NODES.items()
        }
        pin(LOAD_CORE)
        stack.enter_context(running("bench.krpc.contacts"))
        for name, node in nodes.items():
            node.contacts = fill(name, node.process)
        measure(nodes, options)
    report(nodes, {"machine": machine})


def report(nodes: dict[str, Node], setting: dict[str, object]) -> None:
    """A table for people, and one line for programs."""
    ours, theirs, ratio = nodes["ours"], nodes["libtorrent"], ratios(nodes)
    print(f"{'answers a second':18}{'ours':>10}{'libtorrent':>12}{'ratio':>8}   processor time of an answer, us")
    for kind in KINDS:
        our, their = ours.median(kind), theirs.median(kind)
        print(f"{kind:18}{our.rate:10.0f}{their.rate:12.0f}{ratio[kind]:8.2f}{our.cpu:13.2f}{their.cpu:8.2f}")
    figures = {
        name: {kind: round(node.median(kind).rate) for kind in KINDS}
        | {"cpu_us": {kind: round(node.median(kind).cpu, 2) for kind in KINDS}, "contacts": node.contacts}
        for name, node in nodes.items()
    }
    print(json.dumps({**ratio, **figures, **setting}))


if __name__ == "__main__":
    main()
