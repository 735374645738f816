"""Nodes in processes of their own, and the load on them: what the benchmarks of the DHT node share."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.krpc.contacts import COUNT
from bench.machine import cpu_seconds, pin

PORT = 6881
NODE_CORE, LOAD_CORE = 0, 1
IN_FLIGHT = 128
SOURCES = 16
FILLED = COUNT * 6 // 7
"""Contacts that a table must hold before it is measured: buckets are bounded, so not all of them find a place."""
FILL_SECONDS = 30.0
PUT_SECONDS = 60.0
"""The longest that a run of puts may take: it ends when all items are put."""
ANSWERED = 0.9
"""Share of puts to be answered: within 0.2 s, and so long may other work on the machine keep a node from its core."""
BUILD = Path("bench/build")
LOAD = BUILD / "krpc_load"

Process = subprocess.Popen[str]


class Run(NamedTuple):
    """What one run of the load measured."""

    rate: float
    """Answers a second."""
    cpu: float
    """Microseconds of processor time that the node took for each; for a put and the get that brought its token."""


@dataclass(frozen=True)
class Items:
    """A file of items to put (see `bench.krpc.items`)."""

    path: Path
    count: int
    target: bytes
    """Of the first."""


@dataclass
class Node:
    """A node under load, and what was measured of it."""

    process: Process
    host: str
    contacts: int = 0
    runs: defaultdict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    def ask(self) -> list[int]:
        """What it says of itself: its contacts, and ours also how many items it holds."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("expected a process with pipes")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def fill(self) -> None:
        """Wait until it knows the contacts."""
        deadline = time.monotonic() + FILL_SECONDS  # noqa: TID251  # a benchmark runs on the host's clock
        while self.contacts < FILLED:
            if time.monotonic() > deadline:  # noqa: TID251
                raise SystemExit(f"{self.host} knows {self.contacts} contacts, expected at least {FILLED}")
            time.sleep(0.2)
            self.contacts = self.ask()[0]

    def load(self, kind: str, seconds: float, ids: str, items: Items) -> None:
        """Let it answer one kind of query for a while, or put all items; `ids` as in the head of `krpc_load.c`."""
        named = {
            "put": ("tokput", PUT_SECONDS, (items.path, str(items.count))),
            "get_hit": ("getfix", seconds, (items.path, "1", items.target.hex())),
        }
        name, limit, of_items = named.get(kind, (kind, seconds, ()))
        before = cpu_seconds(self.process.pid)
        command = [LOAD, self.host, str(PORT), str(IN_FLIGHT), str(limit), name, str(SOURCES), ids, *of_items]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PUT_SECONDS + 10)
        result = json.loads(done.stdout.splitlines()[-1])
        expected = ANSWERED * items.count if kind == "put" else 1
        if result["err"] or result["got"] < expected or (kind == "get_hit" and result["withv"] < result["got"]):
            raise SystemExit(f"expected answers to {kind}, got {result}: {done.stderr}")
        cpu = (cpu_seconds(self.process.pid) - before) / result["got"]
        self.runs[kind].append(Run(float(result["rps"]), 1e6 * cpu))

    def median(self, kind: str) -> Run:
        """The median rate and the median processor time."""
        return Run(*(statistics.median(column) for column in zip(*self.runs[kind], strict=True)))


def ratio(node: Node, other: Node, kind: str) -> float:
    """Of the rates of one kind.

    The median over pairs measured one after the other: what else the machine does changes slower than that.
    """
    pairs = zip(node.runs[kind], other.runs[kind], strict=True)
    return round(statistics.median(one.rate / two.rate for one, two in pairs), 3)


@contextmanager
def nodes_under_load(modules: dict[str, str]) -> Iterator[dict[str, Node]]:
    """Nodes with full tables, each run by a module; this process and the load it starts get another core."""
    compile_load()
    with ExitStack() as stack:
        nodes = {}
        for number, (name, module) in enumerate(modules.items()):
            host = f"127.0.0.{10 + number}"
            nodes[name] = Node(stack.enter_context(_running(module, host, str(PORT), str(NODE_CORE))), host)
        pin(LOAD_CORE)
        stack.enter_context(_running("bench.krpc.contacts"))
        for node in nodes.values():
            node.fill()
        yield nodes


def compile_load() -> None:
    """Build the load generator; leaves with status 2 where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print("This needs a C compiler (gcc) for its load generator, and found none.", file=sys.stderr)
        raise SystemExit(2)
    LOAD.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("krpc_load.c")
    subprocess.run([compiler, "-O2", "-w", "-o", LOAD, source], check=True)


@contextmanager
def _running(module: str, *arguments: str) -> Iterator[Process]:
    """A Python process of ours, which ends when its standard input does."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
