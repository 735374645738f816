"""The nodes and tokens of lookups just made, so that a put of the same target needs no second lookup."""

from __future__ import annotations

from services.dht_node.core.candidates import NOWHERE, Goal, Neighbourhood
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.lookup import Lookup


class WarmLookups:
    """The nearest nodes that answered, by question and target; bounded in number and in age."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._kept: dict[tuple[type, bytes], tuple[float, Neighbourhood]] = {}

    def keep(self, lookup: Lookup, now: float) -> None:
        """Remember a lookup that ran to its end."""
        key = _key(lookup.goal)
        self._kept.pop(key, None)
        self._kept[key] = now, lookup.neighbourhood()
        while len(self._kept) > self._config.warm_lookups_max or not self._is_fresh(next(iter(self._kept)), now):
            del self._kept[next(iter(self._kept))]

    def neighbourhood(self, goal: Goal, now: float) -> Neighbourhood:
        """The nodes of the last lookup of `goal`; none when it is too long ago."""
        key = _key(goal)
        return self._kept[key][1] if key in self._kept and self._is_fresh(key, now) else NOWHERE

    def _is_fresh(self, key: tuple[type, bytes], now: float) -> bool:
        return now - self._kept[key][0] < self._config.warm_lookup


def _key(goal: Goal) -> tuple[type, bytes]:
    return type(goal.question), goal.target
