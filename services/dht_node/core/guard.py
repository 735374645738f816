"""Who is let in: addresses that can't be a peer's, and how often one address may ask."""

from __future__ import annotations

from functools import lru_cache

from services.dht_node.core.budgets import Budgets
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import ADDRESS_CACHE, Address, is_local, pack_ip

FIRST_MULTICAST = 224
"""224/4 is multicast (RFC 5771); all above is reserved or broadcast (RFC 1112, RFC 919)."""


@lru_cache(maxsize=ADDRESS_CACHE)
def is_martian(host: str, lab: bool) -> bool:
    """Whether no node of the network can be at this address: "this network", multicast, and outside labs local ones."""
    try:
        ip = pack_ip(host)
    except ValueError:
        return True
    return ip[0] == 0 or ip[0] >= FIRST_MULTICAST or (not lab and is_local(ip))


class Guard:
    """Judges addresses and limits queries.

    Limited is not banned: many share an address, and anybody can write in another's name.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._lab = config.lab
        self._inbound: Budgets[str] = Budgets(config.inbound_rate, config.inbound_burst, config.inbound_tracked_max)
        self.admits = self._inbound.spend
        """Whether one more query of this host is within its rate and burst, now; counts it if so."""
        self.tracked = self._inbound.tracked
        """Hosts whose rate is remembered."""
        self.own: set[Address] = set()
        """Addresses that are ours: bound, or what others see."""

    def acceptable(self, address: Address) -> bool:
        """Whether this may be a peer's address, as a datagram's source or in a list of nodes."""
        host, port = address
        return port != 0 and not is_martian(host, self._lab) and address not in self.own
