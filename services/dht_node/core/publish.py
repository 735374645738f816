"""The second half of a put or an announcement, as a value: nodes and tokens go in, questions come out.

Eight nodes are written to at once. One that stays silent, is slow or refuses is replaced by the next nearest, up to
twenty in all; of these twelve, nodes with an id that BEP 42 lets their address have come first. The eight are the
nearest, whatever their ids. The outcome is due at the quorum; what is still in flight goes on behind it.

**Compare-and-swap.** With `seen` a put is conditional on every node, on what that very node held when it answered the
lookup: `cas` is its seq, or 0 where it held nothing. No seq of ours is ever 0, so a node that was given a version
meanwhile answers 301; libtorrent does so too, though it never sends cas itself. A node that ignores cas still refuses
a lower seq. A node known to hold a version not in `seen` is a conflict and is not written to; when the lookup has
already shown one, nothing is sent to anybody, because the caller will be back with a version that supersedes it.

**Equal seqs.** libtorrent acknowledges an equal seq with another value and keeps what it had. The lookup told us what
each node holds, so a put whose seq is not above it is never sent there: it is a conflict. In between, cas guards
conditional puts; an unconditional one relies on seqs being unique, as BEP 44 asks of its writers.

**Refusals.** 203 (token), 301 and 302 may each be mistaken: the token grew old, our knowledge of the node is that of
an older lookup, webtorrent answers 302 even to an identical put. So each is followed by one `get` to that same node,
whose answer decides: it holds our version: stored; a version in `seen`, or nothing: put again with the fresh token
and cas; anything else, or a version that it does not show: conflict. A second refusal stands.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.dht_node.core.candidates import Candidate
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import pack_ip, prefix
from services.dht_node.core.events import LookupCounts, OperationId, Stored
from services.dht_node.core.ids import ID_BITS, is_bep42
from services.dht_node.core.items import Found, MutablePut, Publishable
from services.dht_node.core.messages import Arguments, KrpcCode, Reply

_CONFLICT_CODES = frozenset({KrpcCode.CAS_MISMATCH, KrpcCode.SEQ_TOO_LOW})
_WORTH_ASKING_AGAIN = _CONFLICT_CODES | {KrpcCode.PROTOCOL}


class Stage(StrEnum):
    """How far one node has been dealt with."""

    UNASKED = "unasked"
    PUTTING = "putting"
    ASKING_AGAIN = "asking_again"
    """Refused, and asked what it holds."""
    STORED = "stored"
    CONFLICT = "conflict"
    REFUSED = "refused"
    SILENT = "silent"


_IN_FLIGHT = frozenset({Stage.PUTTING, Stage.ASKING_AGAIN})
_TAKING_A_PLACE = _IN_FLIGHT | {Stage.STORED, Stage.CONFLICT}


@dataclass(slots=True, eq=False)
class Storer:
    """One node to store on."""

    candidate: Candidate
    """What the lookup learnt of it; kept true, because the lookup may serve another put."""
    token: bytes
    stage: Stage = Stage.UNASKED
    late: bool = False
    """In flight for longer than is usual for this node; another takes its place."""
    asked: bool = False
    answered: bool = False
    refusal: int | None = None
    """The KRPC code of its first refusal."""


def storers(candidates: Iterable[Candidate]) -> list[Storer]:
    """The nodes of a lookup that can be written to: those that gave a token."""
    return [Storer(c, c.token) for c in candidates if c.token is not None]


def _in_order(nodes: Sequence[Storer], config: NodeConfig) -> list[Storer]:
    """The nearest as they are; of those that stand in for them, first whoever could not choose where to be (BEP 42)."""
    nearest, others = nodes[: config.put_width], nodes[config.put_width :]
    if config.lab:
        return [*nearest, *others]
    return [*nearest, *sorted(others, key=lambda node: not _has_fitting_id(node.candidate))]


def _has_fitting_id(candidate: Candidate) -> bool:
    return candidate.id is not None and is_bep42(candidate.id, pack_ip(candidate.address[0]))


class Publication:
    """One item on its way to the nodes nearest its target."""

    def __init__(
        self,
        item: Publishable,
        nodes: Sequence[Storer],
        quorum: int,
        config: NodeConfig,
        *,
        suspicious: bool = False,
    ) -> None:
        """`nodes` nearest first; `quorum` is lowered to the number of nodes that there are.

        In a suspicious neighbourhood all of `nodes` are written to, and the quorum is half of them: a few copies may be
        no copies at all.
        """
        self.item = item
        self.nodes = _in_order(nodes[: config.put_width_max if suspicious else config.put_width_wide], config)
        self.rejected: Counter[int] = Counter()
        self._suspicious = suspicious
        self._width = len(self.nodes) if suspicious else config.put_width
        least = len(self.nodes) // 2 if suspicious else 1
        self._quorum = max(1, least, min(quorum, len(self.nodes)))
        self._conditional = isinstance(item, MutablePut) and item.seen is not None
        self._again: deque[tuple[Storer, Arguments]] = deque()
        for node in self.nodes[: self._width]:
            if self._is_conflict(node.candidate.held):
                node.stage = Stage.CONFLICT
        self._stillborn = self._conditional and self.conflict

    # what the owner asks

    def next_query(self) -> tuple[Storer, Arguments] | None:
        """The next node to ask, and what; it counts as asked from now on."""
        if self._again:
            return self._again.popleft()
        if self._stillborn or sum(n.stage in _TAKING_A_PLACE and not n.late for n in self.nodes) >= self._width:
            return None
        for node in self.nodes:
            if node.stage is Stage.UNASKED and not self._is_conflict(node.candidate.held):
                node.stage, node.asked = Stage.PUTTING, True
                return node, self._arguments(node)
        return None

    @property
    def stored(self) -> int:
        """Nodes that have it."""
        return self._count(Stage.STORED)

    @property
    def conflict(self) -> bool:
        """Whether a node holds a version that this one does not supersede."""
        return any(n.stage is Stage.CONFLICT for n in self.nodes)

    @property
    def due(self) -> bool:
        """Whether the outcome can be told: the quorum, or nothing left to hope for.

        With a conflict in view a few copies prove nothing: then a majority must have it, or all must have spoken.
        """
        if self._conditional and self.conflict:
            return self.settled or 2 * self.stored > sum(n.asked for n in self.nodes)
        return self.stored >= self._quorum or self.closed

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight but to late nodes: what comes after on this target may begin."""
        return not any(n.stage in _IN_FLIGHT and not n.late for n in self.nodes)

    @property
    def closed(self) -> bool:
        """Whether nothing is in flight."""
        return not any(n.stage in _IN_FLIGHT for n in self.nodes)

    # what came of it

    def replied(self, node: Storer, reply: Reply) -> None:
        """`node` acknowledged the put, or said what it holds."""
        node.answered, node.late = True, False
        if node.stage is Stage.ASKING_AGAIN:
            self._reconsider(node, reply)
        else:
            self._store(node)

    def refused(self, node: Storer, code: int) -> None:
        """`node` answered with a KRPC error."""
        node.answered, node.late = True, False
        if node.stage is Stage.PUTTING and node.refusal is None and code in _WORTH_ASKING_AGAIN:
            node.stage, node.refusal = Stage.ASKING_AGAIN, code
            self._again.append((node, self.item.question))
        else:
            self._give_up(node, code if node.stage is Stage.PUTTING else node.refusal or code)

    def slow(self, node: Storer) -> None:
        """`node` has not answered in its usual time."""
        node.late = True

    def silent(self, node: Storer) -> None:
        """`node` will not answer any more."""
        node.stage, node.late = Stage.SILENT, False

    # the outcome

    def outcome(self, operation: OperationId, lookup: LookupCounts, seconds: float) -> Stored:
        """What has become of it so far; a node that is late now counts as timed out."""
        holders = [n for n in self.nodes if n.stage is Stage.STORED]
        return Stored(
            operation=operation,
            target=self.item.target,
            conflict=self.conflict,
            asked=sum(n.asked for n in self.nodes),
            answered=sum(n.answered for n in self.nodes),
            stored=len(holders),
            timed_out=sum(n.stage is Stage.SILENT or n.late for n in self.nodes),
            prefixes=len({prefix(n.candidate.address[0]) for n in holders}),
            shared_bits=ID_BITS - min(n.candidate.distance for n in holders).bit_length() if holders else 0,
            seconds=seconds,
            lookup=lookup,
            rejected=dict(self.rejected),
            suspicious=self._suspicious,
        )

    # how

    def _count(self, stage: Stage) -> int:
        return sum(n.stage is stage for n in self.nodes)

    def _arguments(self, node: Storer) -> Arguments:
        cas = None
        if self._conditional:
            cas = node.candidate.held.seq if node.candidate.held else 0
        return self.item.arguments(node.token, cas)

    def _is_conflict(self, held: Found | None) -> bool:
        item = self.item
        if held is None or not isinstance(item, MutablePut) or held.signature == item.signature:
            return False
        return held.seq >= item.seq or (item.seen is not None and held.signature not in item.seen)

    def _reconsider(self, node: Storer, reply: Reply) -> None:
        """Decide a refusal by what the node says it holds; its signature proves nothing here and need not."""
        held = None
        if reply.value is not None:
            held = Found(reply.value, reply.seq or 0, reply.signature or b"")
        hidden = reply.value is None and reply.seq is not None and node.refusal in _CONFLICT_CODES
        if held is not None and held == self.item.as_found():
            self._store(node)
        elif hidden or self._is_conflict(held) or reply.token is None:
            self._give_up(node, node.refusal or KrpcCode.GENERIC)
        else:
            node.token = node.candidate.token = reply.token
            node.candidate.held = held
            node.stage = Stage.PUTTING
            self._again.append((node, self._arguments(node)))

    def _store(self, node: Storer) -> None:
        node.stage = Stage.STORED
        node.candidate.held = self.item.as_found() or node.candidate.held

    def _give_up(self, node: Storer, code: int) -> None:
        self.rejected[code] += 1
        node.stage = Stage.CONFLICT if code in _CONFLICT_CODES else Stage.REFUSED
