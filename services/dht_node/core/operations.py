"""What our owner asks of the network: reads and writes, one line of them for each target.

On one target work is done in the order it came. Reads that come while the same read is waiting or under way join it:
one lookup answers them all. A write waits for what came before it and holds back what comes after, until nothing of
it is in flight but to nodes that are late: so two puts of ours never meet on a node and abort each other.

A lookup that ran to its end stays warm for a minute: a put of the same target writes to its nodes with its tokens at
once. It may be older than what the put's owner has seen through another node, so it is never trusted with bad news:
if it shows a conflict, the put looks up afresh.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

from services.dht_node.core.asker import Asker
from services.dht_node.core.candidates import Goal
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address
from services.dht_node.core.events import OperationId, Outcome
from services.dht_node.core.highest import HighestSeqs
from services.dht_node.core.items import Publishable
from services.dht_node.core.lookups import Lookups
from services.dht_node.core.pinging import Pinging
from services.dht_node.core.stats import NodeStats
from services.dht_node.core.warm import WarmLookups
from services.dht_node.core.work import Conclude, Desk, Read, Work, Write

_Key = tuple[type, bytes]


class TooManyOperations(RuntimeError):  # noqa: N818  # says what there was too much of
    """`operations_max` are in hand or waiting."""


class Operations:
    """The lines of work, and when each operation must be answered."""

    def __init__(
        self, config: NodeConfig, asker: Asker, lookups: Lookups, emit: Callable[[Outcome], None], stats: NodeStats
    ) -> None:
        """`emit` takes the outcomes."""
        self._config = config
        self._asker = asker
        self._emit = emit
        highest = HighestSeqs(config.seqs_remembered_max)
        self._desk = Desk(config, asker, WarmLookups(config), lookups, stats, highest, self._tell, self._released)
        self._lines: dict[_Key, deque[Work]] = {}
        """The first of each is under way."""
        self._moved: deque[_Key] = deque()
        """Lines whose first has been released."""
        self._of: dict[OperationId, Work | Pinging] = {}
        self._deadlines: list[tuple[float, OperationId]] = []
        self._last = 0

    def __len__(self) -> int:
        return len(self._of)

    def read(self, goal: Goal, conclude: Conclude, *, first: bool, deadline: float, now: float) -> OperationId:
        """Look `goal` up, or join whoever does; raises TooManyOperations."""
        operation = self._open(deadline)
        line = self._line(goal)
        last = line[-1] if line else None
        if not isinstance(last, Read) or last.released:
            last = Read(goal, self._desk)
            line.append(last)
        self._of[operation] = last
        last.join(operation, conclude, now, first=first)
        self._begin(line, now)
        return operation

    def write(self, item: Publishable, quorum: int, *, deadline: float, now: float) -> OperationId:
        """Publish `item`; raises TooManyOperations."""
        operation = self._open(deadline)
        write = Write(operation, item, quorum, self._desk)
        line = self._line(write.goal)
        line.append(write)
        self._of[operation] = write
        self._begin(line, now)
        return operation

    def ping(self, address: Address, *, deadline: float, now: float) -> OperationId:
        """Ask one node whether it is there; raises TooManyOperations."""
        operation = self._open(deadline)
        self._of[operation] = Pinging(operation, address, self._asker, self._tell, now)
        return operation

    def handle_timer(self, now: float) -> None:
        """Answer the operations whose deadline has come."""
        while self._deadlines and self._deadlines[0][0] <= now:
            operation = heappop(self._deadlines)[1]
            work = self._of.get(operation)
            if work is not None:
                work.expire(operation, now)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Begin the work whose turn has come; called after whatever may have ended some.

        A loop and not a call from the end of one to the start of the next: a thousand waiting on one target that all
        end at once must not be a thousand frames deep.
        """
        while self._moved:
            key = self._moved.popleft()
            line = self._lines.get(key)
            while line and line[0].released:
                line.popleft()
            if not line:
                self._lines.pop(key, None)
            elif not line[0].started:
                line[0].start(now)

    def next_deadline(self) -> float:
        """When `handle_timer` will next have something to do."""
        while self._deadlines and self._deadlines[0][1] not in self._of:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else inf

    def _open(self, deadline: float) -> OperationId:
        if len(self._of) >= self._config.operations_max:
            raise TooManyOperations(f"{len(self._of)} operations are in hand or waiting")
        self._last += 1
        heappush(self._deadlines, (deadline, self._last))
        return self._last

    def _line(self, goal: Goal) -> deque[Work]:
        return self._lines.setdefault((type(goal.question), goal.target), deque())

    def _begin(self, line: deque[Work], now: float) -> None:
        if not line[0].started:
            line[0].start(now)
        self.advance(now)

    def _tell(self, outcome: Outcome) -> None:
        del self._of[outcome.operation]
        self._emit(outcome)

    def _released(self, work: Work) -> None:
        self._moved.append((type(work.goal.question), work.goal.target))
