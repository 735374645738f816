"""Nodes asked and time taken by lookups against the size of the network: `make bench-lookup`, `--full` up to 30,000.

Simulated networks in virtual time, from one seed, with the round trips of the internet (`INTERNET`: 100 ms in the
median, log-normal): once healthy, and once with a fifth of the nodes dead and five datagrams in a hundred lost. The
tables of all nodes are as after long lives (`SimNetwork.populate`), and hold the dead too. Fifty nodes write and read,
each after four lookups that tell it the pace of answers. A put is a success when three nodes have stored it and
another node reads it back. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from random import Random
from statistics import median, quantiles

from services.dht_node.core.events import MutableFound, Outcome, Stored
from tests.support.nodes import Author, find_node, get, put
from tests.support.sim_network import INTERNET, SimNetwork

SIZES = (200, 1_000, 3_000)
LARGE_SIZES = (10_000, 30_000)
OPERATIONS = 300
OPERATIONS_FULL = 1_000
ASKERS = 50
WARMING = 4
QUORUM = 3
SEED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What one network gave."""

    nodes: int
    rough: bool
    asked: float
    """Median of the nodes asked by a settled get."""
    hops: float
    first_ms: float
    """Virtual milliseconds to the first valid version: median."""
    first_p95_ms: float
    settled_ms: float
    """To every version of the nearest nodes."""
    settled_p95_ms: float
    put_ms: float
    """Lookup and put together, to the quorum."""
    put_p95_ms: float
    put_success: float


def measure(size: int, operations: int, *, rough: bool) -> Row:
    """One network, its puts and its gets."""
    net = SimNetwork(SEED, INTERNET)
    net.populate(size)
    dice = Random(SEED)
    askers = net.pick(ASKERS)
    if rough:
        for sim in dice.sample([sim for sim in net.nodes if sim not in askers], size // 5):
            net.kill(sim)
        net.weather = replace(INTERNET, loss=0.05)
    for _ in range(WARMING):
        net.complete(*((sim, find_node(dice.randbytes(20))) for sim in askers))

    trios = [dice.sample(askers, 3) for _ in range(operations)]
    everyone = list(zip(trios, map(Author, range(1, operations + 1)), strict=True))
    stored = net.complete(*((writer, put(author.version(1), QUORUM)) for (writer, _, _), author in everyone))
    settled = found(net.complete(*((reader, get(author)) for (_, reader, _), author in everyone)))
    first = found(net.complete(*((reader, get(author, settle=False)) for (_, _, reader), author in everyone)))
    writings = [outcome for outcome in stored if isinstance(outcome, Stored)]
    read_back = sum(
        writing.stored >= QUORUM and bool(reading.versions) for writing, reading in zip(writings, settled, strict=True)
    )
    first_ms, first_p95_ms = median_and_p95(outcome.lookup.seconds for outcome in first)
    settled_ms, settled_p95_ms = median_and_p95(outcome.lookup.seconds for outcome in settled)
    put_ms, put_p95_ms = median_and_p95(outcome.lookup.seconds + outcome.seconds for outcome in writings)
    return Row(
        nodes=size,
        rough=rough,
        asked=median(outcome.lookup.asked for outcome in settled),
        hops=median(outcome.lookup.hops for outcome in settled),
        first_ms=first_ms,
        first_p95_ms=first_p95_ms,
        settled_ms=settled_ms,
        settled_p95_ms=settled_p95_ms,
        put_ms=put_ms,
        put_p95_ms=put_p95_ms,
        put_success=read_back / operations,
    )


def found(outcomes: list[Outcome]) -> list[MutableFound]:
    """The outcomes of gets."""
    return [outcome for outcome in outcomes if isinstance(outcome, MutableFound)]


def median_and_p95(seconds: Iterable[float]) -> tuple[int, int]:
    """In whole milliseconds."""
    cuts = quantiles(seconds, n=20)
    return round(1000 * cuts[9]), round(1000 * cuts[18])


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(prog="bench.lookup")
    parser.add_argument("--full", action="store_true", help="10,000 and 30,000 nodes too, and more operations")
    full = parser.parse_args().full
    operations = OPERATIONS_FULL if full else OPERATIONS
    started = time.perf_counter()
    print("| nodes | dead, loss | asked | hops | first ms (p95) | settled ms (p95) | put ms (p95) | puts read back |")
    print("|--:|--|--:|--:|--:|--:|--:|--:|")
    rows = []
    for rough in (False, True):
        for size in SIZES + LARGE_SIZES if full else SIZES:
            row = measure(size, operations, rough=rough)
            rows.append(row)
            print(
                f"| {row.nodes:,} | {'20 %, 5 %' if rough else 'none'} | {row.asked:g} | {row.hops:g} "
                f"| {row.first_ms} ({row.first_p95_ms}) | {row.settled_ms} ({row.settled_p95_ms}) "
                f"| {row.put_ms} ({row.put_p95_ms}) | {row.put_success:.1%} |",
                flush=True,
            )
    print(f"\n{operations} operations each, seed {SEED}, {time.perf_counter() - started:.0f} s")
    print(json.dumps({"rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
