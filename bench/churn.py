"""A day of churn: does what is put again once an hour survive it? `python -m bench.churn` (or `make bench-churn`).

A simulated network in virtual time in which every node lives for a random time, half of them for less than 14 hours
(the half-life that pkarr-churn saw), and each dead one is replaced by one that knows nobody. Four keepers of ours put
each item again every hour, give or take 20 %, from its signed copy, as `services.dht_node.keeping` does. Tables are
kept up ten times more slowly than by default, which saves time here and makes it harder. Every hour strangers read a
tenth of the items, and at the end all of them. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from random import Random
from statistics import median

from services.dht_node.core.events import MutableFound, OperationId, Stored
from services.dht_node.core.items import MutablePut
from tests.support.nodes import LAB, Author, get, put
from tests.support.sim_network import INTERNET, SimNetwork, SimNode

HALF_LIFE = 14 * 3600.0
HOUR = 3600.0
STEP = 60.0
JITTER = 0.2
KEEPERS = 4
QUORUM = 3
SEED = 3
SLOW_UPKEEP = replace(LAB, ping_interval=60.0, watch_interval=60.0, refresh_interval=60.0, bucket_refresh=HOUR)


@dataclass(frozen=True, slots=True)
class Row:
    """What a day gave."""

    nodes: int
    items: int
    hours: float
    deaths: int
    puts: int
    failed_puts: int
    """Puts that fewer than three nodes stored; an hour later there is another."""
    reads: int
    lost: int
    """Reads that found nothing."""
    copies: float
    """Copies that a reader saw at the end: median. He waits for nobody who is late, so there may be more."""
    fewest_copies: int


class Day:
    """The network, its items and their keepers."""

    def __init__(self, nodes: int, items: int) -> None:
        self.net = SimNetwork(SEED, replace(INTERNET, loss=0.05))
        self.net.populate(nodes, SLOW_UPKEEP)
        self.net.wake()
        self.authors = [Author(number) for number in range(1, items + 1)]
        self.deaths = self.puts = self.failed_puts = self.reads = self.lost = 0
        self.copies: list[int] = []
        self._versions: list[MutablePut] = [author.version(1) for author in self.authors]
        self._due = [0.0] * items
        self._dice = Random(SEED)
        self._keepers = self.net.pick(KEEPERS)
        self._under_way: list[tuple[SimNode, OperationId]] = []

    def live(self, hours: float) -> None:
        """Let so many hours pass."""
        next_reading = HOUR
        while self.net.now < hours * HOUR:
            self._put_what_is_due()
            self._churn()
            self.net.run(STEP)
            self._see_how_puts_ended()
            if self.net.now >= next_reading:
                next_reading += HOUR
                self.read(self._dice.sample(self.authors, max(len(self.authors) // 10, 1)))

    def read(self, authors: list[Author]) -> None:
        """Let strangers read items."""
        readers = [self._dice.choice(self._strangers()) for _ in authors]
        found = self.net.complete(*((sim, get(author)) for sim, author in zip(readers, authors, strict=True)))
        self.copies = [
            outcome.versions[0].holders if isinstance(outcome, MutableFound) and outcome.versions else 0
            for outcome in found
        ]
        self.reads += len(found)
        self.lost += self.copies.count(0)

    def _strangers(self) -> list[SimNode]:
        return [sim for sim in self.net.nodes if sim.alive and sim not in self._keepers]

    def _put_what_is_due(self) -> None:
        for number, due in enumerate(self._due):
            if due <= self.net.now:
                self._due[number] = self.net.now + HOUR * self._dice.uniform(1 - JITTER, 1 + JITTER)
                keeper = self._dice.choice(self._keepers)
                self._under_way.append((keeper, self.net.begin(keeper, put(self._versions[number], QUORUM))))
                self.puts += 1

    def _see_how_puts_ended(self) -> None:
        ended = [(sim, operation) for sim, operation in self._under_way if operation in sim.outcomes]
        for sim, operation in ended:
            outcome = sim.outcomes.pop(operation)
            self.failed_puts += not (isinstance(outcome, Stored) and outcome.stored >= QUORUM)
        self._under_way = [pair for pair in self._under_way if pair not in ended]

    def _churn(self) -> None:
        dies = 1 - 0.5 ** (STEP / HALF_LIFE)
        for sim in self._strangers():
            if self._dice.random() < dies:
                self.net.kill(sim)
                self.net.join(self.net.add_node(SLOW_UPKEEP))
                self.deaths += 1


def measure(nodes: int, items: int, hours: float) -> Row:
    """One network for so many hours."""
    day = Day(nodes, items)
    day.live(hours)
    day.read(day.authors)
    return Row(
        nodes=nodes,
        items=items,
        hours=hours,
        deaths=day.deaths,
        puts=day.puts,
        failed_puts=day.failed_puts,
        reads=day.reads,
        lost=day.lost,
        copies=median(day.copies),
        fewest_copies=min(day.copies),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.churn")
    parser.add_argument("--nodes", type=int, default=150)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--hours", type=float, default=24.0)
    args = parser.parse_args()
    started = time.perf_counter()
    row = measure(args.nodes, args.items, args.hours)
    print("| nodes | items | hours | deaths | puts | failed | reads | lost | copies (fewest) |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print(
        f"| {row.nodes:,} | {row.items:,} | {row.hours:g} | {row.deaths} | {row.puts:,} | {row.failed_puts} "
        f"| {row.reads:,} | {row.lost} | {row.copies:g} ({row.fewest_copies}) |"
    )
    print(f"\nseed {SEED}, {time.perf_counter() - started:.0f} s")
    print(json.dumps(asdict(row)))


if __name__ == "__main__":
    main()
