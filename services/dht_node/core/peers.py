"""Who announced themselves for an info-hash (BEP 5, "announce_peer"): bounded, gone 30 minutes after the last word."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from itertools import islice
from math import inf
from typing import NamedTuple

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import PORT_SIZE, network
from services.dht_node.core.family import V6
from services.dht_node.core.ids import distance
from services.dht_node.core.quotas import Quotas

EVICTION_LOOKS = 16
"""Of so many swarms that are silent longest the smallest goes when there is no room: a large one is wanted by many."""


class SavedPeer(NamedTuple):
    """An announcement as it outlives a restart."""

    info_hash: bytes
    peer: bytes
    remaining: float
    """Seconds of its lifetime that are left."""
    seed: bool = False
    """It said that it has all of it (BEP 33)."""


class PeerStore:
    """Compact peers (6 or 18 bytes) by info-hash (20 bytes); `now` is in monotonic seconds.

    Both levels are kept in the order of the last announcement, so what expires is at the front. A network can't push
    out what others announced by announcing much: it has its share, and of a full swarm its own peers go first.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self.in_reply = config.peers_in_reply
        """Peers that `get` shows at most."""
        if config.family is V6:
            # as many bytes as the usual number takes in IPv4, 8 for each: IPv6 datagrams are best left whole
            self.in_reply = config.peers_in_reply * 8 // 21
        self._swarms: dict[bytes, dict[bytes, float]] = {}
        """Info-hash -> peer -> when it expires."""
        self._seeds: set[tuple[bytes, bytes]] = set()
        """Info-hash and peer of those that said so with their last word."""
        share = config.network_share
        self._quotas = Quotas(config.peer_hashes_max * share if share < 1 else inf, inf)
        """Announcements by network: as many as its share of the info-hashes."""

    def __len__(self) -> int:
        return len(self._swarms)

    def announce(self, info_hash: bytes, peer: bytes, now: float, *, seed: bool = False) -> bool:
        """Add a peer or renew it; False when its network has its share of announcements already."""
        return self._announce(info_hash, peer, now + self._config.peer_lifetime, seed=seed)

    def get(self, info_hash: bytes, now: float) -> list[bytes]:
        """As many peers as fit into a reply, the latest first: they are the likeliest to be there still."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return []
        latest = islice(reversed(swarm.items()), self.in_reply)
        return [peer for peer, expires in latest if expires > now]

    def downloaders(self, info_hash: bytes, now: float) -> list[bytes]:
        """The same without seeds (BEP 33, `noseed`)."""
        latest = reversed(self._swarms.get(info_hash, {}).items())
        live = (peer for peer, expires in latest if expires > now and (info_hash, peer) not in self._seeds)
        return list(islice(live, self.in_reply))

    def hosts(self, info_hash: bytes, now: float) -> tuple[set[bytes], set[bytes]]:
        """The addresses (4 or 16 bytes) of all seeds, and those of the others; at most 500 in both (BEP 33)."""
        seeds: set[bytes] = set()
        others: set[bytes] = set()
        for peer, expires in self._swarms.get(info_hash, {}).items():
            if expires > now:
                (seeds if (info_hash, peer) in self._seeds else others).add(peer[:-PORT_SIZE])
        return seeds, others

    def nearest(self, point: bytes, count: int, now: float) -> list[bytes]:
        """The info-hashes nearest to a point (20 bytes) that anybody has announced of late, at most `count`."""
        live = (info_hash for info_hash, swarm in self._swarms.items() if next(reversed(swarm.values())) > now)
        return nsmallest(count, live, key=lambda info_hash: distance(info_hash, point))

    def expire(self, now: float) -> None:
        """Forget the peers past their lifetime; costs what is forgotten, and a look at each info-hash."""
        for info_hash, swarm in list(self._swarms.items()):
            while swarm and next(iter(swarm.values())) <= now:
                self._forget(info_hash, swarm, next(iter(swarm)))
            if not swarm:
                del self._swarms[info_hash]

    def saved(self, now: float) -> list[SavedPeer]:
        """All announcements, with what is left of their lifetime."""
        return [
            SavedPeer(info_hash, peer, expires - now, (info_hash, peer) in self._seeds)
            for info_hash, swarm in self._swarms.items()
            for peer, expires in swarm.items()
            if expires > now
        ]

    def restore(self, saved: Iterable[SavedPeer], now: float) -> None:
        """Take back what was saved into an empty store, for at most the rest of its lifetime."""
        for row in sorted(saved, key=lambda row: row.remaining):
            if row.remaining > 0:
                expires = now + min(row.remaining, self._config.peer_lifetime)
                self._announce(row.info_hash, row.peer, expires, seed=row.seed)

    def _announce(self, info_hash: bytes, peer: bytes, expires: float, *, seed: bool) -> bool:
        swarm = self._swarms.get(info_hash, {})
        if peer in swarm:
            self._forget(info_hash, swarm, peer)
        elif not self._quotas.admits(network(peer), 0):
            return False
        elif len(swarm) >= self._config.peers_per_hash_max:
            self._forget(info_hash, swarm, self._least_missed(swarm, peer))
        if info_hash not in self._swarms and len(self._swarms) >= self._config.peer_hashes_max:
            self._drop_smallest()
        swarm[peer] = expires
        if seed:
            self._seeds.add((info_hash, peer))
        self._quotas.add(network(peer), 0)
        self._swarms.pop(info_hash, None)
        self._swarms[info_hash] = swarm
        return True

    def _least_missed(self, swarm: dict[bytes, float], newcomer: bytes) -> bytes:
        """Of a full swarm the peer longest silent, one of the newcomer's own network if there is any."""
        own = network(newcomer)
        return next((peer for peer in swarm if network(peer) == own), next(iter(swarm)))

    def _drop_smallest(self) -> None:
        silent = islice(self._swarms, EVICTION_LOOKS)
        smallest = min(silent, key=lambda info_hash: len(self._swarms[info_hash]))
        swarm = self._swarms.pop(smallest)
        for peer in list(swarm):
            self._forget(smallest, swarm, peer)

    def _forget(self, info_hash: bytes, swarm: dict[bytes, float], peer: bytes) -> None:
        del swarm[peer]
        self._seeds.discard((info_hash, peer))
        self._quotas.remove(network(peer), 0)
