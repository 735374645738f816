"""Queries a second of one node, beside libtorrent in the same run: `python -m bench.krpc` (or `make bench-krpc`).

The node under load is alone on one core and the load (`krpc_load.c`) on another: 128 queries in flight from 16
addresses. They are marked read-only (BEP 43), as befits a load that answers nothing; with `--ids stable` both nodes
go on pinging it all the while. Both nodes know the same 200 contacts (an empty table flatters) and have their
limit for each address switched off. Each figure is the median of several runs, ours and libtorrent's in turn.
What counts are the ratios: an absolute figure on a shared machine means nothing. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.krpc.contacts import COUNT
from bench.machine import describe, pin

KINDS = ("ping", "find_node", "get_peers", "get")
NODES = {"ours": ("bench.krpc.our_node", "127.0.0.10"), "libtorrent": ("bench.krpc.libtorrent_node", "127.0.0.11")}
PORT = 6881
NODE_CORE, LOAD_CORE = 0, 1
IN_FLIGHT = 128
SOURCES = 16
FILLED = COUNT * 9 // 10
"""Contacts that a table must hold before it is measured: buckets are bounded, so not all of them find a place."""
FILL_SECONDS = 30.0
LOAD = Path("bench/build/krpc_load")

Process = subprocess.Popen[str]


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


def rate(host: str, kind: str, seconds: float, ids: str) -> float:
    """Answers a second that one node gives to one kind of query."""
    command = [str(LOAD), host, str(PORT), str(IN_FLIGHT), str(seconds), kind, str(SOURCES), ids]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 10)
    result = json.loads(done.stdout)
    if result["err"] or not result["got"]:
        raise SystemExit(f"expected answers to {kind}, got {result}: {done.stderr}")
    return float(result["rps"])


def measure(seconds: float, runs: int, ids: str) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """The median rate of every kind of query for each node, and the median ratio of ours to libtorrent's."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for kind in KINDS:
        for _ in range(runs):
            for name, (_, host) in NODES.items():
                rates[name, kind].append(rate(host, kind, seconds, ids))
    medians = {name: {kind: float(round(statistics.median(rates[name, kind]))) for kind in KINDS} for name in NODES}
    # of pairs measured one after the other: what else the machine does changes slower than that
    pairs = {kind: zip(rates["ours", kind], rates["libtorrent", kind], strict=True) for kind in KINDS}
    return medians, {kind: round(statistics.median(o / lt for o, lt in pairs[kind]), 3) for kind in KINDS}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one run (default 1)")
    parser.add_argument("--runs", type=int, default=7, help="runs for each figure (default 7)")
    parser.add_argument(
        "--ids", choices=("stable", "ro", "rand"), default="ro", help="senders of the load (default ro)"
    )
    options = parser.parse_args()
    machine = describe()
    compile_load()
    with ExitStack() as stack:
        nodes = {
            name: stack.enter_context(running(module, host, str(PORT), str(NODE_CORE)))
            for name, (module, host) in NODES.items()
        }
        pin(LOAD_CORE)
        stack.enter_context(running("bench.krpc.contacts"))
        contacts = {name: fill(name, process) for name, process in nodes.items()}
        rates, ratios = measure(options.seconds, options.runs, options.ids)
    report(rates, ratios, {"contacts": contacts, "machine": machine})


def report(rates: dict[str, dict[str, float]], ratios: dict[str, float], setting: dict[str, object]) -> None:
    """A table for people, and one line for programs."""
    print(f"{'answers a second':18}{'ours':>10}{'libtorrent':>12}{'ratio':>8}")
    for kind in KINDS:
        print(f"{kind:18}{rates['ours'][kind]:10.0f}{rates['libtorrent'][kind]:12.0f}{ratios[kind]:8.2f}")
    print(json.dumps({**ratios, **rates, **setting}))


if __name__ == "__main__":
    main()
