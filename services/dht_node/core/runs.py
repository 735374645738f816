"""A lookup or a publication under way: asks what the value says to ask, and tells the value what came of it."""

from __future__ import annotations

from collections.abc import Callable

from services.dht_node.core.asker import Asker
from services.dht_node.core.errors import Rejection
from services.dht_node.core.events import LookupCounts
from services.dht_node.core.lookup import Lookup
from services.dht_node.core.lookups import Lookups
from services.dht_node.core.messages import ErrorReply, Reply
from services.dht_node.core.publish import Publication
from services.dht_node.core.transactions import Transaction

Progress = Callable[[float], None]
"""Called with `now` whenever something has changed; reads the value and decides."""


class LookupRun:
    """Asks a lookup's questions until it is complete or stopped."""

    def __init__(self, lookup: Lookup, lookups: Lookups, asker: Asker, progress: Progress, now: float) -> None:
        """`lookups` has more contacts, should those that the lookup has not be enough."""
        self.lookup = lookup
        self.started = now
        self._lookups = lookups
        self._asker = asker
        self._progress = progress
        self._stopped = False

    def pump(self, now: float) -> None:
        """Ask whom the lookup names, as far as there is room."""
        if self._stopped:
            return
        self._ask(now)
        while self.lookup.complete and self._lookups.goes_on(self.lookup):
            self._ask(now)
        self._progress(now)

    def _ask(self, now: float) -> None:
        while (candidate := self.lookup.next_candidate()) and self._asker.has_room(self):
            question = self.lookup.question(candidate)
            asked = self._asker.ask(candidate.address, candidate.id, question, self, candidate, now=now)
            self.lookup.asked(candidate, suspect=asked.suspect)

    def stop(self) -> None:
        """Ask nothing more; late answers still teach the lookup, but nobody is told."""
        self._stopped = True

    def counts(self, now: float) -> LookupCounts:
        """How it has gone so far."""
        return self.lookup.counts(now - self.started)

    def replied(self, asked: Transaction, reply: Reply, now: float) -> Rejection | None:
        """A candidate answered."""
        rejection = self.lookup.replied(asked.tag, reply)
        self.pump(now)
        return rejection

    def refused(self, asked: Transaction, _error: ErrorReply, now: float) -> None:
        """A candidate answered with an error."""
        self.lookup.refused(asked.tag)
        self.pump(now)

    def slow(self, asked: Transaction, now: float) -> None:
        """A candidate is late."""
        self.lookup.slow(asked.tag)
        self.pump(now)

    def silent(self, asked: Transaction, now: float) -> None:
        """A candidate will not answer."""
        self.lookup.silent(asked.tag)
        self.pump(now)


class PublicationRun:
    """Writes to the nodes that a publication names until none is left to hope for."""

    def __init__(self, publication: Publication, asker: Asker, progress: Progress, now: float) -> None:
        self.publication = publication
        self.started = now
        self._asker = asker
        self._progress = progress

    def pump(self, now: float) -> None:
        """Send what the publication says, as far as there is room."""
        while self._asker.has_room(self):
            query = self.publication.next_query()
            if query is None:
                self._progress(now)
                return
            storer, arguments = query
            node = storer.candidate
            self._asker.ask(node.address, node.id, arguments, self, storer, now=now)

    def replied(self, asked: Transaction, reply: Reply, now: float) -> Rejection | None:
        """A node acknowledged, or said what it holds."""
        self.publication.replied(asked.tag, reply)
        self.pump(now)
        return None

    def refused(self, asked: Transaction, error: ErrorReply, now: float) -> None:
        """A node refused."""
        self.publication.refused(asked.tag, error.code)
        self.pump(now)

    def slow(self, asked: Transaction, now: float) -> None:
        """A node is late."""
        self.publication.slow(asked.tag)
        self.pump(now)

    def silent(self, asked: Transaction, now: float) -> None:
        """A node will not answer."""
        self.publication.silent(asked.tag)
        self.pump(now)
