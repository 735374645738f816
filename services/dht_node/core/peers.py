"""Who announced themselves for an info-hash (BEP 5, "announce_peer"): bounded, gone 30 minutes after the last word."""

from __future__ import annotations

from itertools import islice

from services.dht_node.core.config import NodeConfig


class PeerStore:
    """Compact peers (6 bytes) by info-hash (20 bytes); `now` is in monotonic seconds.

    Both levels are kept in the order of the last announcement, so what is dropped, by age or for room, is at the front.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._swarms: dict[bytes, dict[bytes, float]] = {}
        """Info-hash -> peer -> when it expires."""

    def __len__(self) -> int:
        return len(self._swarms)

    def announce(self, info_hash: bytes, peer: bytes, now: float) -> None:
        """Add a peer or renew it; when there is no room, the one longest silent goes."""
        swarm = self._swarms.pop(info_hash, {})
        swarm.pop(peer, None)
        swarm[peer] = now + self._config.peer_lifetime
        if len(swarm) > self._config.peers_per_hash_max:
            del swarm[next(iter(swarm))]
        self._swarms[info_hash] = swarm
        if len(self._swarms) > self._config.peer_hashes_max:
            del self._swarms[next(iter(self._swarms))]

    def get(self, info_hash: bytes, now: float) -> list[bytes]:
        """As many peers as fit into a reply, the latest first: they are the likeliest to be there still."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return []
        latest = islice(reversed(swarm.items()), self._config.peers_in_reply)
        return [peer for peer, expires in latest if expires > now]

    def expire(self, now: float) -> None:
        """Forget the peers past their lifetime; costs what is forgotten, and a look at each info-hash."""
        for info_hash, swarm in list(self._swarms.items()):
            while swarm and next(iter(swarm.values())) <= now:
                del swarm[next(iter(swarm))]
            if not swarm:
                del self._swarms[info_hash]
