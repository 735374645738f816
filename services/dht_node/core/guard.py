"""Who is let in: addresses that can't be a peer's, and how often one address may ask."""

from __future__ import annotations

from functools import lru_cache

from services.dht_node.core.budgets import Budgets
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import ADDRESS_CACHE, IPV6_LOOPBACK, Address, is_local, pack_ip, subscriber
from services.dht_node.core.family import V4

FIRST_MULTICAST = 224
"""224/4 is multicast (RFC 5771); all above is reserved or broadcast (RFC 1112, RFC 919)."""
UNIQUE_LOCAL = 0xFC
"""fc00::/7 (RFC 4193), for labs."""


@lru_cache(maxsize=ADDRESS_CACHE)
def is_martian(host: str, lab: bool) -> bool:
    """Whether no node of the IPv4 DHT can be here: "this network", multicast, and outside labs local addresses."""
    try:
        ip = pack_ip(host)
    except ValueError:
        return True
    return len(ip) != V4.ip_size or ip[0] == 0 or ip[0] >= FIRST_MULTICAST or (not lab and is_local(ip))


@lru_cache(maxsize=ADDRESS_CACHE)
def is_martian6(host: str, lab: bool) -> bool:
    """The same for IPv6: only global unicast is a node's, 2000::/3 (RFC 4291, section 2.4), in labs local ones too.

    So neither mapped nor translated IPv4, nor link-local addresses, which mean nothing without an interface.
    """
    try:
        ip = pack_ip(host)
    except ValueError:
        return True
    if len(ip) == V4.ip_size:
        return True
    return ip[0] >> 5 != 1 and not (lab and (ip == IPV6_LOOPBACK or ip[0] & 0xFE == UNIQUE_LOCAL))


class Guard:
    """Judges addresses and limits queries.

    Limited is not banned: many share an address, and anybody can write in another's name.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._lab = config.lab
        self._is_martian = is_martian if config.family is V4 else is_martian6
        self._inbound: Budgets[str] = Budgets(config.inbound_rate, config.inbound_burst, config.inbound_tracked_max)
        self.admits = self._inbound.spend if config.family is V4 else self._admits6
        """Whether one more query of this host is within its rate and burst, now; counts it if so."""
        self.tracked = self._inbound.tracked
        """Hosts whose rate is remembered."""
        self._own: set[Address] = set()
        self.acceptable = lru_cache(maxsize=ADDRESS_CACHE)(self._acceptable)
        """Whether this may be a peer's address, as a datagram's source or in a list of nodes."""

    def add_own(self, address: Address) -> None:
        """This address is ours: bound, or what others see."""
        self._own.add(address)
        self.acceptable.cache_clear()

    def _acceptable(self, address: Address) -> bool:
        host, port = address
        return port != 0 and not self._is_martian(host, self._lab) and address not in self._own

    def _admits6(self, host: str, now: float) -> bool:
        return self._inbound.spend(subscriber(host), now)
