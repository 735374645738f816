"""How many bytes strangers get out of us, and who gets long answers while these are scarce.

A source address is easily forged, and a `get` of 100 bytes may be answered with 1300: whoever writes in a victim's name
has us write to the victim. So answers have a budget for each /24 and one in total, in bytes. While either is short, a
long value goes only to addresses that have proven themselves: one that answered a query of ours, or came with a token
that we had sent there, is no forgery. The others get nodes, token and seq, which is enough to come back with.
"""

from __future__ import annotations

from services.dht_node.core.budgets import Budgets, NetworkBudgets
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import prefix
from services.dht_node.core.recent import Recent


class Egress:
    """The budgets of one node's answers; `now` is in monotonic seconds."""

    def __init__(self, config: NodeConfig) -> None:
        self.limited = config.egress_rate > 0 or config.egress_network_rate > 0
        """Whether there are budgets at all."""
        self._budgets = NetworkBudgets(
            Budgets(config.egress_network_rate, config.egress_network_burst, config.egress_tracked_max),
            Budgets(config.egress_rate, config.egress_burst, 1),
        )
        self._small = config.small_answer
        self._proven = Recent(config.egress_tracked_max, config.good_age)
        """Hosts that have received what we sent there."""

    def admits(self, host: str, size: int, now: float) -> bool:
        """Whether an answer of `size` bytes may go to this host; counts it if so."""
        return not self.limited or self._budgets.spend(prefix(host), now, size)

    def withholds(self, host: str, size: int, now: float) -> bool:
        """Whether a value of `size` bytes is too long for this host just now."""
        return (
            self.limited
            and size > self._small
            and self._budgets.is_short(prefix(host), now)
            and not self._proven.knows(host, now)
        )

    def left(self, now: float) -> float:
        """Share of the total that is left, 0 to 1; 1 where there are no budgets."""
        return self._budgets.left(now)

    def proved(self, host: str, now: float) -> None:
        """Somebody at this host has received what we sent there."""
        if self.limited:
            self._proven.add(host, now)
