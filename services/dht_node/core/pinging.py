"""One ping for our owner: does this address answer, under which id, how fast, and where does it see us?"""

from __future__ import annotations

from collections.abc import Callable

from services.dht_node.core.asker import Asker
from services.dht_node.core.contact import Address
from services.dht_node.core.errors import Rejection
from services.dht_node.core.events import OperationId, Pinged
from services.dht_node.core.messages import ErrorReply, Ping, Reply
from services.dht_node.core.transactions import Transaction


class Pinging:
    """A ping from its wish to its outcome; owner of its query."""

    def __init__(
        self, operation: OperationId, address: Address, asker: Asker, tell: Callable[[Pinged], None], now: float
    ) -> None:
        """`tell` takes the outcome."""
        self._operation = operation
        self._address = address
        self._asker = asker
        self._tell = tell
        self._sent = now
        self._open = True
        self.pump(now)

    def pump(self, now: float) -> None:
        """Ask, once there is room."""
        if self._open and self._asker.has_room(self):
            self._sent = now
            self._asker.ask(self._address, None, Ping(), self, None, now=now)

    def expire(self, _operation: OperationId, now: float) -> None:
        """The deadline has come."""
        self._end(now)

    def replied(self, _asked: Transaction, reply: Reply, now: float) -> Rejection | None:
        """It answered."""
        self._end(now, reply)
        return None

    def refused(self, _asked: Transaction, _error: ErrorReply, now: float) -> None:
        """It answered, but not as a node does."""
        self._end(now)

    def slow(self, _asked: Transaction, _now: float) -> None:
        """Whoever asked by hand can wait."""

    def silent(self, _asked: Transaction, now: float) -> None:
        """It will not answer."""
        self._end(now)

    def _end(self, now: float, reply: Reply | None = None) -> None:
        if not self._open:
            return
        self._open = False
        seen_as = None if reply is None else reply.external_ip
        self._tell(Pinged(self._operation, None if reply is None else reply.sender, seen_as, now - self._sent))
