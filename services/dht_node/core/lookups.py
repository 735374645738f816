"""Where lookups come from: each begins with the nearest contacts that the routing table has."""

from __future__ import annotations

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.guard import Guard
from services.dht_node.core.lookup import Goal, Lookup
from services.dht_node.core.ports import Verify
from services.dht_node.core.routing import RoutingTable

SEEDS = 16
"""Contacts that a lookup begins with: twice its frontier, because some have gone."""
SEEDS_WIDE = 128
"""Contacts that a lookup goes on with when too few of those answered: a whole neighbourhood may have gone."""


class Lookups:
    """Makes the lookups of one node."""

    def __init__(self, config: NodeConfig, routing: RoutingTable, guard: Guard, verify: Verify) -> None:
        self._config = config
        self._routing = routing
        self._guard = guard
        self._verify = verify

    def new(self, goal: Goal) -> Lookup:
        """A lookup that knows nobody yet."""
        return Lookup(goal, self._routing.own_id, self._guard.acceptable, self._verify, self._config)

    def seed(self, lookup: Lookup, now: float) -> bool:
        """Give a lookup its first contacts; False when we have none. Its bucket counts as refreshed."""
        contacts = self._routing.closest(lookup.goal.target, SEEDS)
        self._routing.looked_up(lookup.goal.target, now)
        lookup.add(contacts)
        return bool(contacts)

    def widen(self, lookup: Lookup) -> bool:
        """Give a lookup that ended with too few answers more contacts; False when there are none."""
        if len(self._routing) <= SEEDS or len(lookup.closest()) >= self._config.k:
            return False
        lookup.add(self._routing.closest(lookup.goal.target, SEEDS_WIDE))
        return not lookup.complete
