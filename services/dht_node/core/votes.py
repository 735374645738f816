"""Our address as others see it (BEP 42, `ip`), by a vote that a few liars can't win.

A wrong address would cost us our id and with it our place in the network. So only nodes that answered a query of ours
vote, each /24 has one vote, and it takes many votes in a short time with two thirds of them agreeing.
"""

from __future__ import annotations

from collections import Counter

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import pack_ip, prefix, unpack_ip
from services.dht_node.core.family import V4
from services.dht_node.core.guard import is_martian, is_martian6


class AddressVotes:
    """The votes of the last minutes; `now` is in monotonic seconds."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._votes: dict[bytes, tuple[bytes, float]] = {}
        """Voter -> the address it saw (4 or 16 bytes) and when its vote lapses; oldest first."""
        self._tally: Counter[bytes] = Counter()
        self.elected: str | None = None
        """The address (its text) that the votes last agreed on."""

    def vote(self, voter: str, external_ip: bytes, now: float) -> str | None:
        """Count what a node at `voter` said about our address; return the address when the agreed one has changed.

        `external_ip` is BEP 42's `ip`, with or without a port; an address of the other family has no vote here.
        """
        family = self._config.family
        if len(external_ip) not in (family.ip_size, family.compact_peer):
            return None
        ip = external_ip[: family.ip_size]
        host = unpack_ip(ip)
        if (is_martian if family is V4 else is_martian6)(host, self._config.lab):
            return None
        # in labs all voters are in one network: there it is an address that has a vote
        unit = pack_ip(voter) if self._config.lab else prefix(voter)
        self._withdraw(unit)
        self._votes[unit] = (ip, now + self._config.vote_window)
        self._tally[ip] += 1
        self._lapse(now)
        return self._elect(ip, host)

    def _elect(self, ip: bytes, host: str) -> str | None:
        """Only the address that just got a vote can have got its majority now."""
        cast = len(self._votes)
        if host == self.elected or cast < self._config.votes_min or self._tally[ip] < cast * self._config.vote_share:
            return None
        self.elected = host
        return host

    def _lapse(self, now: float) -> None:
        while self._votes:
            oldest = next(iter(self._votes))
            if len(self._votes) <= self._config.votes_max and self._votes[oldest][1] > now:
                return
            self._withdraw(oldest)

    def _withdraw(self, unit: bytes) -> None:
        if unit in self._votes:
            ip, _ = self._votes.pop(unit)
            self._tally[ip] -= 1
            if not self._tally[ip]:
                del self._tally[ip]
