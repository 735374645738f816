"""How many nodes the network has, and whether those around a target can all be honest.

Honest ids are uniform. So, as a share of the id space, the distance from a target to the k-th nearest of n nodes is
distributed as Gamma(k) / n. The median of Gamma(k) is k - 1/3 (Choi 1994, "On the medians of gamma distributions"), so
n is estimated as (k - 1/3) over the median distance of the k-th nearest node that answered, over the last targets. This
is the estimator of Trautwein et al. 2022 ("Design and evaluation of IPFS", its network size), with a median in place of
the mean: whoever surrounds fewer than half of our targets does not move it.

Whoever wants to own a target puts ids nearer to it than the nearest honest ones, and then the k nearest are far nearer
than Gamma(k) / n allows (Sridhar et al. 2024, "Content censorship in the InterPlanetary File System", NDSS).
"""

from __future__ import annotations

from math import sqrt
from statistics import median_low

from services.dht_node.core.ids import ID_BITS

SAMPLES_MAX = 64
"""Targets remembered: the estimate is then right within 6 % or so."""
SAMPLES_MIN = 5
"""A node that has joined has looked up so many targets: its own id and one in each large bucket. Right within 20 %."""
DOUBT = 3.3
"""Standard deviations below which a distance is doubted: of honest neighbourhoods one in 2000 with the size known."""


class NetworkSize:
    """An estimate of the network's size from the lookups that ran to their end."""

    def __init__(self, k: int) -> None:
        """`k`: the rank of the node whose distance is learnt."""
        self._k = k
        self._distances: dict[bytes, int] = {}

    def learn(self, target: bytes, distance: int) -> None:
        """The k-th nearest node that answered was so far from `target`; a target counts once, however often asked."""
        self._distances.pop(target, None)
        self._distances[target] = distance
        if len(self._distances) > SAMPLES_MAX:
            del self._distances[next(iter(self._distances))]

    @property
    def nodes(self) -> int | None:
        """Nodes that answer, as estimated; None while too little is known."""
        if len(self._distances) < SAMPLES_MIN:
            return None
        middle = median_low(self._distances.values())
        return round((self._k - 1 / 3) * (1 << ID_BITS) / max(middle, 1))

    def too_dense(self, distance: int, rank: int) -> bool:
        """Whether the `rank` nearest nodes, the last of them at `distance`, are nearer than honest ones would be."""
        nodes = self.nodes
        return nodes is not None and nodes * distance < _least(rank) * (1 << ID_BITS)


def _least(rank: int) -> float:
    """`DOUBT` standard deviations below Gamma(rank), by the cube root (Wilson and Hilferty 1931)."""
    return float(rank * max(1 - 1 / (9 * rank) - DOUBT / (3 * sqrt(rank)), 0.0) ** 3)
