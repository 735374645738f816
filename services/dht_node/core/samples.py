"""Which info-hashes an indexer is shown (BEP 51): few, the same for everybody, and others after some hours.

They are those nearest to a point that moves on with each interval, so that asking more often shows nothing new. Only
what was announced is shown: targets of BEP 44 items are nobody's business but that of those who know them.
"""

from __future__ import annotations

import hashlib
from math import inf

from services.dht_node.core.budgets import Budgets
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import prefix
from services.dht_node.core.ids import ID_SIZE
from services.dht_node.core.peers import PeerStore

KEPT = 60.0
"""Seconds for which a sample stands, so that its making costs the same however many ask."""
ROUND_SIZE = 8


class Samples:
    """The samples of one node; `now` is in monotonic seconds."""

    def __init__(self, peers: PeerStore, config: NodeConfig) -> None:
        self._peers = peers
        self._size = config.sample_size
        self._budgets: Budgets[bytes] = Budgets(config.sample_rate, config.sample_burst, config.inbound_tracked_max)
        self.interval = int(config.sample_interval)
        """Seconds that an asker should wait for other info-hashes."""
        self._sample = b""
        self._made = -inf

    @property
    def total(self) -> int:
        """How many info-hashes there are."""
        return len(self._peers)

    def shown_to(self, host: str, own_id: bytes, now: float) -> bytes:
        """Info-hashes, 20 bytes each; none for whose network asks too often."""
        if not self._budgets.spend(prefix(host), now):
            return b""
        if now - self._made >= KEPT:
            number = int(now // self.interval)
            point = hashlib.blake2s(own_id + number.to_bytes(ROUND_SIZE, "big"), digest_size=ID_SIZE).digest()
            self._sample = b"".join(self._peers.nearest(point, self._size, now))
            self._made = now
        return self._sample
