"""Nodes asked by a lookup against the size of the network: `python -m bench.lookup` (or `make bench-lookup`).

Simulated networks in virtual time, from one seed, once healthy and once with a fifth of the nodes dead and five
datagrams in a hundred lost. Their routing tables are seeded as after long lives (`SimNetwork.populate`); before it is
measured each network makes some lookups, so that the pace of answers is known. One way takes 40 ms in the median.
A put counts as a success when another node reads it back. The last line printed is one JSON object.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from statistics import median

from services.dht_node.core.events import MutableFound, Outcome, Stored
from tests.support.nodes import Author, get, put
from tests.support.sim_network import SimNetwork, Weather

SIZES = (200, 1_000, 3_000)
OPERATIONS = 300
SEED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What one network gave."""

    nodes: int
    rough: bool
    asked: float
    """Median of the nodes asked by a settled get."""
    hops: float
    lookup_ms: float
    first_ms: float
    """Median of the virtual milliseconds to the first valid version."""
    put_success: float


def measure(size: int, *, rough: bool) -> Row:
    net = SimNetwork(SEED)
    net.populate(size)
    net.complete(*((sim, get(Author(10**6 + number))) for number, sim in enumerate(net.pick(size // 2))))
    if rough:
        for sim in net.pick(size // 5):
            net.kill(sim)
        net.weather = Weather(loss=0.05)
    trios = [net.pick(3) for _ in range(OPERATIONS)]
    authors = [Author(number) for number in range(1, OPERATIONS + 1)]

    everyone = list(zip(trios, authors, strict=True))
    stored = net.complete(*((writer, put(author.version(1))) for (writer, _, _), author in everyone))
    settled = found(net.complete(*((reader, get(author)) for (_, reader, _), author in everyone)))
    first = found(net.complete(*((reader, get(author, settle=False)) for (_, _, reader), author in everyone)))
    read_back = sum(
        isinstance(put, Stored) and put.stored > 0 and bool(reading.versions)
        for put, reading in zip(stored, settled, strict=True)
    )
    return Row(
        nodes=size,
        rough=rough,
        asked=median(outcome.lookup.asked for outcome in settled),
        hops=median(outcome.lookup.hops for outcome in settled),
        lookup_ms=round(1000 * median(outcome.lookup.seconds for outcome in settled)),
        first_ms=round(1000 * median(outcome.lookup.seconds for outcome in first)),
        put_success=read_back / OPERATIONS,
    )


def found(outcomes: list[Outcome]) -> list[MutableFound]:
    return [outcome for outcome in outcomes if isinstance(outcome, MutableFound)]


def main() -> None:
    started = time.perf_counter()
    print("| nodes | dead, loss | nodes asked | hops | settled ms | first ms | puts read back |")
    print("|--:|--|--:|--:|--:|--:|--:|")
    rows = []
    for rough in (False, True):
        for size in SIZES:
            row = measure(size, rough=rough)
            rows.append(row)
            weather = "20 %, 5 %" if rough else "none"
            print(
                f"| {row.nodes:,} | {weather} | {row.asked:g} | {row.hops:g} | {row.lookup_ms} | {row.first_ms} "
                f"| {row.put_success:.1%} |"
            )
    print(f"\n{OPERATIONS} operations each, seed {SEED}, {time.perf_counter() - started:.0f} s")
    print(json.dumps({"rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
