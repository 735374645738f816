"""Everything a node does by itself, in one table of deadlines so that no duty can be forgotten.

Times carry a jitter drawn from entropy: nodes that started together must not march in step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum
from math import inf

from services.dht_node.core import newcomers
from services.dht_node.core.asker import Asker
from services.dht_node.core.candidates import Goal
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.events import BootstrapNeeded, Event
from services.dht_node.core.ids import random_id_in_bucket
from services.dht_node.core.lookup import Lookup
from services.dht_node.core.lookups import Lookups
from services.dht_node.core.messages import FindNode, Ping
from services.dht_node.core.ports import Entropy, fraction
from services.dht_node.core.responder import Tables
from services.dht_node.core.runs import LookupRun
from services.dht_node.core.transactions import Nobody

EXPIRY_INTERVAL = 60.0
"""Items and peers past their lifetime are never shown; their memory is freed once a minute."""
EXPIRY_PAUSE = 0.01
"""When very much expires together it is freed in slices, and in between queries are answered."""
FILLED_BUCKETS = 4
"""The large buckets: after joining, a lookup through each fills the table before it is needed."""


NOBODY = Nobody()


class Duty(StrEnum):
    """What recurs."""

    TOKENS = "tokens"
    EXPIRY = "expiry"
    PING = "ping"
    REFRESH = "refresh"
    NEWCOMERS = "newcomers"
    BOOTSTRAP = "bootstrap"
    PRESENCE = "presence"


class Maintenance:
    """The duties of one node; owner of the pings and lookups that they need."""

    def __init__(
        self,
        config: NodeConfig,
        tables: Tables,
        asker: Asker,
        lookups: Lookups,
        entropy: Entropy,
        emit: Callable[[Event], None],
    ) -> None:
        """`emit` takes the events."""
        self._neighbours = 0
        """Nodes that answered our last lookup of our own id, at most k: a small network has no more."""
        self._config = config
        self._tables = tables
        self._asker = asker
        self._lookups = lookups
        self._entropy = entropy
        self._emit = emit
        self._backoff = config.bootstrap_backoff
        self._newcomers = newcomers.Newcomers(asker)
        self._to_fill: deque[int] = deque()
        self._duties: dict[Duty, Callable[[float], float]] = {
            Duty.TOKENS: self._rotate_tokens,
            Duty.EXPIRY: self._expire,
            Duty.PING: self._ping_stalest,
            Duty.REFRESH: self._refresh_bucket,
            Duty.NEWCOMERS: self._newcomers.ping,
            Duty.BOOTSTRAP: self._watch_contacts,
            Duty.PRESENCE: asker.presence.turn,
        }
        self._due: dict[Duty, float] = {}
        self._next = inf

    def start(self, now: float) -> None:
        """Every duty is due at once; the first time each only says when it is due again."""
        self._due = dict.fromkeys(self._duties, now)
        self._next = now

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if now < self._next:
            return
        for duty, at in self._due.items():
            if at <= now:
                self._due[duty] = self._duties[duty](now)
        self._next = min(self._due.values())

    def next_deadline(self) -> float:
        """When the next duty is due."""
        return self._next

    def connected(self, now: float) -> bool:
        """Whether we have a network around us: enough good contacts, or half of all that there were when we joined.

        A private net of three nodes is whole with two.
        """
        good = self._tables.routing.good_count(now)
        return good >= self._config.good_contacts_min or 2 * good >= self._neighbours > 0

    def heard_from(self, contact: Contact, now: float) -> None:
        """A node asked us something: if the table has room for it, see whether it answers too."""
        if self._tables.routing.heard_from(contact, now):
            self._welcome(contact, now)

    def join(self, addresses: Iterable[Address], contacts: Iterable[Contact], now: float) -> None:
        """Find our own neighbourhood, by way of these addresses and contacts and of those we have."""
        contacts = list(contacts)
        for contact in contacts:
            self._welcome(contact, now)
        lookup = self._lookups.new(Goal(FindNode(self._tables.routing.own_id)))
        self._lookups.seed(lookup, now)
        lookup.add(contacts)
        lookup.add_addresses(addresses)
        self._run(lookup, self._joined, now)

    # the duties: each says when it is due next

    def _rotate_tokens(self, now: float) -> float:
        self._tables.tokens.rotate(now)
        return self._tables.tokens.deadline

    def _expire(self, now: float) -> float:
        more = self._tables.items.expire(now)
        self._tables.peers.expire(now)
        return now + (EXPIRY_PAUSE if more else EXPIRY_INTERVAL)

    def _ping_stalest(self, now: float) -> float:
        contact = self._tables.routing.stalest(now)
        if contact is not None and self._asker.has_room(self):
            self._asker.ask(contact.address, contact.id, Ping(), NOBODY, None, now=now)
        return now + self._jittered(self._config.ping_interval)

    def _refresh_bucket(self, now: float) -> float:
        target = self._tables.routing.refresh_target(now, self._entropy)
        if target is not None:
            self._find(target, lambda _lookup, _now: None, now)
        return now + self._jittered(self._config.refresh_interval)

    def _watch_contacts(self, now: float) -> float:
        """Too few good contacts, after a start or an outage: ask the bootstrap nodes, ever more rarely."""
        if self._tables.routing.good_count(now) >= self._config.good_contacts_min:
            self._backoff = self._config.bootstrap_backoff
            return now + self._jittered(self._config.watch_interval)
        self._emit(BootstrapNeeded())
        if len(self._tables.routing):
            self.join((), (), now)
        delay = self._jittered(self._backoff)
        self._backoff = min(2 * self._backoff, self._config.bootstrap_backoff_max)
        return now + delay

    # how

    def _welcome(self, contact: Contact, now: float) -> None:
        self._newcomers.welcome(contact)
        self._due[Duty.NEWCOMERS] = min(self._due[Duty.NEWCOMERS], now + newcomers.INTERVAL)
        self._next = min(self._next, self._due[Duty.NEWCOMERS])

    def _find(self, target: bytes, done: Callable[[Lookup, float], None], now: float) -> None:
        lookup = self._lookups.new(Goal(FindNode(target)))
        if self._lookups.seed(lookup, now):
            self._run(lookup, done, now)

    def _run(self, lookup: Lookup, done: Callable[[Lookup, float], None], now: float) -> None:
        def progress(at: float) -> None:
            if lookup.complete:
                run.stop()
                done(lookup, at)

        run = LookupRun(lookup, self._lookups, self._asker, progress, now)
        run.pump(now)

    def _joined(self, lookup: Lookup, now: float) -> None:
        self._neighbours = len(lookup.closest())
        if self._neighbours:
            self._to_fill.extend(range(FILLED_BUCKETS))
        self._fill(now)

    def _fill(self, now: float) -> None:
        if self._to_fill:
            target = random_id_in_bucket(self._tables.routing.own_id, self._to_fill.popleft(), self._entropy)
            self._find(target, lambda _lookup, at: self._fill(at), now)

    def _jittered(self, seconds: float) -> float:
        return seconds * (0.8 + 0.4 * fraction(self._entropy))

    def pump(self, now: float) -> None:
        """There is room for queries again; the table brings round what could not be sent."""
