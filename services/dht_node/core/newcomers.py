"""Nodes that wrote to us and are not in the routing table: they become contacts if they answer us too.

Whoever asks us something may be asked something in return, but a flood of new ids, or one sender who forges many
addresses, must not make us ping the world: few wait at a time, and few are pinged a second.
"""

from __future__ import annotations

from math import inf

from services.dht_node.core.asker import Asker
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import ErrorReply, Ping, Reply
from services.dht_node.core.transactions import Transaction

WAITING_MAX = 256
AT_ONCE = 8
INTERVAL = 0.25
"""Seconds between two batches: at most 32 pings a second go to strangers, which a home router's address table bears."""


class Newcomers:
    """Pings strangers; owner of those pings."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._waiting: dict[Address, bytes] = {}
        self._asked: set[Address] = set()
        """Pinged, and not answered yet: nobody is pinged twice at a time."""

    def welcome(self, contact: Contact) -> None:
        """Ping a stranger soon, if not too many are waiting."""
        if len(self._waiting) < WAITING_MAX and contact.address not in self._asked:
            self._waiting.setdefault(contact.address, contact.id)

    def ping(self, now: float) -> float:
        """Ping the next few; returns when the next are due."""
        for _ in range(min(AT_ONCE, len(self._waiting))):
            if not self._asker.has_room(self):
                break
            address = next(iter(self._waiting))
            self._asked.add(address)
            self._asker.ask(address, self._waiting.pop(address), Ping(), self, None, now=now)
        return now + INTERVAL if self._waiting else inf

    def pump(self, now: float) -> None:
        """There is room for queries again: the next batch will take it."""

    def replied(self, asked: Transaction, _reply: Reply, _now: float) -> Rejection | None:
        """It lives, and the routing table knows already."""
        self._asked.discard(asked.address)
        return None

    def refused(self, asked: Transaction, _error: ErrorReply, _now: float) -> None:
        """It lives, in its way."""
        self._asked.discard(asked.address)

    def slow(self, _asked: Transaction, _now: float) -> None:
        """Nobody waits for it."""

    def silent(self, asked: Transaction, _now: float) -> None:
        """It can't be reached: behind a NAT, perhaps, or never there."""
        self._asked.discard(asked.address)
