"""Who is let in: addresses that can't be a peer's, and how often one address may ask."""

from __future__ import annotations

from functools import lru_cache

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
    """Judges addresses and limits queries; `now` is in monotonic seconds.

    The limit is the generic cell rate algorithm: for each address one number, when its bucket will be full again.
    Addresses are tracked in two generations. When the younger is full it becomes the older and the older is forgotten,
    so memory is bounded, nothing is ever searched, and an address that keeps asking is never forgotten. Limited is not
    banned: many share an address, and anybody can write in another's name.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._lab = config.lab
        self._interval = 1 / config.inbound_rate if config.inbound_rate > 0 else 0.0
        # the last query of a burst finds burst - 1 before it; half a one more, because sums of floats are not exact
        self._tolerance = max(config.inbound_burst - 0.5, 0.0) * self._interval
        self._generation_max = max(config.inbound_tracked_max // 2, 1)
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self.own: set[Address] = set()
        """Addresses that are ours: bound, or what others see."""

    def acceptable(self, address: Address) -> bool:
        """Whether this may be a peer's address, as a datagram's source or in a list of nodes."""
        host, port = address
        return port != 0 and not is_martian(host, self._lab) and address not in self.own

    def admits(self, host: str, now: float) -> bool:
        """Whether one more query of this host is within its rate and burst; counts it if so."""
        if not self._interval:
            return True
        young = self._young
        full_at = young.get(host)
        if full_at is None:
            full_at = self._old.get(host, now)
            if len(young) >= self._generation_max:
                self._old = young
                young = self._young = {}
        ahead = full_at - now
        if ahead > self._tolerance:
            young[host] = full_at
            return False
        young[host] = (full_at if ahead > 0 else now) + self._interval
        return True

    def tracked(self) -> int:
        """Hosts whose rate is remembered: at most `inbound_tracked_max`, some of them twice."""
        return len(self._young) + len(self._old)
