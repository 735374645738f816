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


UNANSWERED_AT_FIRST = 0.3
"""Share of the nodes on a lookup's way that do not answer, before it is known: a fifth have gone (Crosby and Wallach
2007, "An analysis of BitTorrent's two Kademlia-based DHTs"), and datagrams get lost both ways."""
UNANSWERED_LOOKUPS = 8
"""It is an exponential mean over about so many lookups."""
RESERVE = 2
"""For each that will not answer so many more are asked: one datagram more is cheaper than a wait for the next."""


class Lookups:
    """Makes the lookups of one node."""

    def __init__(self, config: NodeConfig, routing: RoutingTable, guard: Guard, verify: Verify) -> None:
        self._config = config
        self._unanswered = UNANSWERED_AT_FIRST
        self._routing = routing
        self._guard = guard
        self._verify = verify

    def new(self, goal: Goal) -> Lookup:
        """A lookup that knows nobody yet."""
        lookup = Lookup(goal, self._routing.own_id, self._guard.acceptable, self._verify, self._config)
        lookup.reserve = round(RESERVE * self._unanswered * self._config.k)
        return lookup

    def seed(self, lookup: Lookup, now: float) -> bool:
        """Give a lookup its first contacts; False when we have none. Its bucket counts as refreshed."""
        contacts = self._routing.closest(lookup.goal.target, SEEDS)
        self._routing.looked_up(lookup.goal.target, now)
        lookup.add(contacts)
        return bool(contacts)

    def ended(self, lookup: Lookup) -> None:
        """Learn from a lookup that ran to its end how many of the nodes on its way answer."""
        counts = lookup.counts(0.0)
        if heard_of := counts.answered + counts.timed_out:
            self._unanswered += (counts.timed_out / heard_of - self._unanswered) / UNANSWERED_LOOKUPS

    def widen(self, lookup: Lookup) -> bool:
        """Give a lookup that ended with too few answers more contacts; False when there are none."""
        if len(self._routing) <= SEEDS or len(lookup.closest()) >= self._config.k:
            return False
        lookup.add(self._routing.closest(lookup.goal.target, SEEDS_WIDE))
        return not lookup.complete
