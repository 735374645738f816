"""Where lookups come from: each begins with the nearest contacts that the routing table has."""

from __future__ import annotations

from services.dht_node.core.candidates import Goal
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import wide_prefix
from services.dht_node.core.density import NetworkSize
from services.dht_node.core.guard import Guard
from services.dht_node.core.lookup import Lookup
from services.dht_node.core.ports import Verify
from services.dht_node.core.routing import RoutingTable
from services.dht_node.core.stats import NodeStats

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

    def __init__(
        self, config: NodeConfig, routing: RoutingTable, guard: Guard, verify: Verify, stats: NodeStats
    ) -> None:
        self.network_size = NetworkSize(config.k)
        self._config = config
        self._stats = stats
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

    def goes_on(self, lookup: Lookup) -> bool:
        """Whether a lookup that has come to its end has more to do: with more contacts, or wider."""
        if not lookup.ended:
            lookup.ended = True
            self._learn(lookup)
            if self._seed_more(lookup):
                return True
        return self._widen(lookup)

    # how

    def _learn(self, lookup: Lookup) -> None:
        counts = lookup.counts(0.0)
        if heard_of := counts.answered + counts.timed_out:
            self._unanswered += (counts.timed_out / heard_of - self._unanswered) / UNANSWERED_LOOKUPS
        closest = lookup.closest()
        if len(closest) == self._config.k:
            self.network_size.learn(lookup.goal.target, closest[-1].distance)

    def _seed_more(self, lookup: Lookup) -> bool:
        """Give a lookup that ended with too few answers more contacts, when there are any."""
        if len(self._routing) <= SEEDS or len(lookup.closest()) >= self._config.k:
            return False
        lookup.add(self._routing.closest(lookup.goal.target, SEEDS_WIDE))
        return not lookup.complete

    def _widen(self, lookup: Lookup) -> bool:
        """Let a lookup that ended in a suspicious neighbourhood look beyond it, if it has not gone far enough."""
        config = self._config
        if lookup.width >= config.put_width_max or not self._suspicious(lookup):
            return False
        if not lookup.suspicious:
            self._stats.eclipse_suspected += 1
        lookup.widen(config.put_width_wide if lookup.width < config.put_width_wide else config.put_width_max)
        return not lookup.complete

    def _suspicious(self, lookup: Lookup) -> bool:
        nearest = lookup.answered(lookup.width)
        if len(nearest) < lookup.width:
            return False
        networks = {wide_prefix(candidate.address[0]) for candidate in nearest}
        few = self._config.tells_networks_apart and len(networks) < self._config.least_networks
        return few or self.network_size.too_dense(nearest[-1].distance, len(nearest))
