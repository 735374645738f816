"""A million hostile datagrams at one node: no exception, memory flat. `python -m fuzz.flood [datagrams] [seed]`.

Linux only: it reads the memory of its own process from /proc.
"""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path
from random import SystemRandom
from time import perf_counter

from tests.support.siege import Flood, Siege

DATAGRAMS = 1_000_000
STAGES = 10
GROWTH_MAX = 4 * 2**20
"""Bytes that the process may grow by in its second half: an object leaked by one datagram in ten would be that much."""
_RESIDENT = 1


def main(datagrams: int, seed: int) -> int:
    """Run the flood and print how large the node is after each tenth; 0 when it stayed as it was at half time."""
    print(f"{datagrams:,} datagrams, seed {seed}")
    siege = Siege(seed)
    flood = Flood(siege, seed)
    sizes: list[int] = []
    for stage in range(1, STAGES + 1):
        begun = perf_counter()
        flood.run(datagrams // STAGES)
        rate = datagrams / STAGES / (perf_counter() - begun)
        sizes.append(resident_bytes())
        size = f"{sizes[-1] / 2**20:7.1f} MiB  {siege.objects():,} objects"
        print(f"{stage * datagrams // STAGES:>12,}  {size}  {rate:,.0f} a second")
    stats = siege.node.stats
    for reason, count in sorted(stats.rejected.items()):
        print(f"{count:>12,}  {reason}")
    print(f"{stats.queries_answered.total():>12,}  answered")
    growth = sizes[-1] - sizes[STAGES // 2 - 1]
    print(f"no exception; {growth / 2**20:+.1f} MiB in the second half")
    return growth > GROWTH_MAX


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[_RESIDENT]) * resource.getpagesize()


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(given[0] if given else DATAGRAMS, given[1] if len(given) > 1 else SystemRandom().randrange(2**32)))
