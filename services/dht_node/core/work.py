"""One read and one write, from their turn to the end of what they have in flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.dht_node.core.asker import Asker
from services.dht_node.core.candidates import NOWHERE, Goal, Neighbourhood
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Contact
from services.dht_node.core.events import (
    ImmutableFound,
    Isolated,
    LookupCounts,
    MutableFound,
    NodesFound,
    OperationId,
    Outcome,
    PeersFound,
)
from services.dht_node.core.highest import HighestSeqs
from services.dht_node.core.items import MutablePut, Publishable
from services.dht_node.core.lookup import Lookup
from services.dht_node.core.lookups import Lookups
from services.dht_node.core.publish import Publication, storers
from services.dht_node.core.runs import LookupRun, PublicationRun
from services.dht_node.core.stats import NodeStats
from services.dht_node.core.warm import WarmLookups

NO_LOOKUP = LookupCounts(asked=0, answered=0, timed_out=0, hops=0, seconds=0.0)
"""Of a put that wrote to the nodes of a warm lookup, or whose turn never came."""

Conclude = Callable[[OperationId, Lookup, LookupCounts], Outcome]
"""Makes the outcome of one kind of read."""


def mutable_found(operation: OperationId, lookup: Lookup, counts: LookupCounts) -> MutableFound:
    """The outcome of a get of a mutable item."""
    return MutableFound(operation, lookup.versions(), counts)


def immutable_found(operation: OperationId, lookup: Lookup, counts: LookupCounts) -> ImmutableFound:
    """The outcome of a get of an immutable item."""
    return ImmutableFound(operation, lookup.value(), counts)


def peers_found(operation: OperationId, lookup: Lookup, counts: LookupCounts) -> PeersFound:
    """The outcome of a get_peers."""
    return PeersFound(operation, tuple(lookup.peers), counts)


def nodes_found(operation: OperationId, lookup: Lookup, counts: LookupCounts) -> NodesFound:
    """The outcome of a find_node."""
    return NodesFound(operation, tuple(Contact(c.id, c.address) for c in lookup.closest() if c.id is not None), counts)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a piece of work needs of the node."""

    config: NodeConfig
    asker: Asker
    warm: WarmLookups
    lookups: Lookups
    stats: NodeStats
    highest: HighestSeqs
    tell: Callable[[Outcome], None]
    """Hands out the outcome of one operation."""
    released: Callable[[Work], None]
    """The work no longer holds back what comes after it on its target."""


class Read:
    """One lookup, and all the operations that its answer answers."""

    def __init__(self, goal: Goal, desk: Desk) -> None:
        self.goal = goal
        self.started = False
        self.released = False
        self._desk = desk
        self._lookup = desk.lookups.new(goal)
        self._run: LookupRun | None = None
        self._readers: dict[OperationId, tuple[Conclude, bool]] = {}

    def join(self, operation: OperationId, conclude: Conclude, now: float, *, first: bool) -> None:
        """Answer `operation` too: with the first valid value, or when all is known."""
        self._readers[operation] = conclude, first
        if self._run is not None:
            self._progress(now)

    def start(self, now: float) -> None:
        """Begin; it is this work's turn."""
        self.started = True
        if not self._desk.lookups.seed(self._lookup, now):
            for operation in self._readers:
                self._desk.tell(Isolated(operation))
            self._readers.clear()
            self._release()
            return
        self._run = LookupRun(self._lookup, self._desk.lookups, self._desk.asker, self._progress, now)
        self._run.pump(now)

    def expire(self, operation: OperationId, now: float) -> None:
        """The operation's deadline has come: answer it with what is known."""
        self._conclude(operation, now)
        if not self._readers:
            self._release()

    def _progress(self, now: float) -> None:
        complete = self._lookup.complete
        newest = self._lookup.newest
        # one that is older than what has been seen before is not preferred: it waits for all the others
        if complete or (newest is not None and newest >= self._desk.highest.of(self.goal.target)):
            for operation, (_, first) in list(self._readers.items()):
                if complete or first:
                    self._conclude(operation, now)
        if complete:
            self._desk.warm.keep(self._lookup, now)
        if not self._readers:
            self._release()

    def _conclude(self, operation: OperationId, now: float) -> None:
        conclude, _ = self._readers.pop(operation)
        counts = self._run.counts(now) if self._run else NO_LOOKUP
        outcome = conclude(operation, self._lookup, counts)
        if isinstance(outcome, MutableFound) and outcome.versions:
            in_order = self._desk.highest.see(self.goal.target, outcome.versions[0].seq)
            outcome = replace(outcome, rollback_suspected=not in_order)
        self._desk.tell(outcome)

    def _release(self) -> None:
        if self._run is not None:
            self._run.stop()
        self.released = True
        self._desk.released(self)


class Write:
    """A lookup, unless one is warm, and then the publication."""

    def __init__(self, operation: OperationId, item: Publishable, quorum: int, desk: Desk) -> None:
        salt = item.salt if isinstance(item, MutablePut) else b""
        self.goal = Goal(item.question, salt)
        self.started = False
        self.released = False
        self._operation: OperationId | None = operation
        """None once its outcome has been told."""
        self._item = item
        self._quorum = quorum
        self._desk = desk
        self._lookup: LookupRun | None = None
        self._counts = NO_LOOKUP
        self._publication: PublicationRun | None = None
        self._warm = True
        """It writes to the nodes of an earlier lookup."""

    def start(self, now: float) -> None:
        """Begin; it is this work's turn."""
        self.started = True
        warm = self._publication_to(self._desk.warm.neighbourhood(self.goal, now))
        if warm.nodes and not warm.conflict:
            self._publish(warm, now)
        else:
            self._look_up(now)

    def expire(self, _operation: OperationId, now: float) -> None:
        """The operation's deadline has come: tell how far it got; what has been sent goes on behind."""
        self._conclude(now)
        if self._publication is None:
            self._release()

    def _look_up(self, now: float) -> None:
        lookup = self._desk.lookups.new(self.goal)
        if not self._desk.lookups.seed(lookup, now):
            if self._operation is not None:
                self._desk.tell(Isolated(self._operation))
            self._release()
            return
        self._lookup = LookupRun(lookup, self._desk.lookups, self._desk.asker, self._looked_up, now)
        self._lookup.pump(now)

    def _looked_up(self, now: float) -> None:
        run = self._lookup
        if run is None or not run.lookup.complete:
            return
        run.stop()
        self._counts = run.counts(now)
        self._desk.warm.keep(run.lookup, now)
        self._warm = False
        self._publish(self._publication_to(run.lookup.neighbourhood()), now)

    def _publication_to(self, near: Neighbourhood) -> Publication:
        return Publication(self._item, storers(near.nodes), self._quorum, self._desk.config, suspicious=near.suspicious)

    def _publish(self, publication: Publication, now: float) -> None:
        self._publication = PublicationRun(publication, self._desk.asker, self._progress, now)
        self._publication.pump(now)

    def _progress(self, now: float) -> None:
        if self._publication is None:
            return
        publication = self._publication.publication
        if self._warm and publication.settled and not publication.stored and not publication.conflict:
            # all those nodes have gone since
            self._publication, self._warm = None, False
            self._look_up(now)
            return
        if publication.due:
            self._conclude(now)
        if publication.settled:
            self._release()
        if publication.closed:
            self._desk.stats.copies_stored += publication.stored

    def _conclude(self, now: float) -> None:
        operation, self._operation = self._operation, None
        if operation is None:
            return
        if self._publication is not None:
            publication, seconds = self._publication.publication, now - self._publication.started
        else:
            publication, seconds = self._publication_to(NOWHERE), 0.0
            self._counts = self._lookup.counts(now) if self._lookup else NO_LOOKUP
        outcome = publication.outcome(operation, self._counts, seconds)
        if isinstance(self._item, MutablePut) and 2 * outcome.stored > outcome.asked:
            self._desk.highest.see(self.goal.target, self._item.seq)
        self._desk.tell(outcome)

    def _release(self) -> None:
        if self._lookup is not None:
            self._lookup.stop()
        if not self.released:
            self.released = True
            self._desk.released(self)


Work = Read | Write
