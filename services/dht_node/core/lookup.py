"""One iterative lookup (BEP 5; Maymounkov and Mazieres 2002, "Kademlia", section 2.3) as a value.

Theory of operation. A lookup keeps the nodes it has heard of in the order of their distance from the target, and its
owner asks for it: `next_candidate` names the node to ask, `replied`, `refused`, `slow` and `silent` say what came of
that. It takes no socket and no clock; how long slow and silent are is the owner's business.

The nearest eight that may still answer are the frontier. Only a node within it is asked, at most `alpha` at a time; a
slow one leaves the frontier (another takes its place, and the window widens to `alpha_max`) but returns to it when it
answers after all, and a query to a node that nearer ones have pushed out of the frontier takes up no slot. The lookup
is complete when the whole frontier has answered. It asks on after the first value: nodes hold different versions, and
some that hold one name no nodes. Whoever wants only the first value lets it go.

An answer that names nobody nearer than the nearest known means that the lookup is home: then the whole frontier is
asked at once (the paper, section 2.3). Where some never answer, a few behind the eight are asked with them: to learn
that a node has gone takes 0.3 s or more, longer than the whole way there.

A lookup whose neighbourhood is suspicious is widened by its owner: it goes on until more than eight have answered, and
of one /16 only a few count. So it passes by a ring of sybils that lie in few networks, however many they are.

`find_node`, `get`, `get_peers` and the first half of a put are this same traversal with another question.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from services.dht_node.core.candidates import Candidate, Goal, Neighbourhood, Step
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact, wide_prefix
from services.dht_node.core.errors import Rejection
from services.dht_node.core.events import LookupCounts, Version
from services.dht_node.core.ids import ID_BITS
from services.dht_node.core.messages import FindNode, Get, GetPeers, Reply
from services.dht_node.core.ports import Verify
from services.dht_node.core.verdicts import Verdicts

CANDIDATES_MAX = 256
"""Nodes remembered by one lookup; the farthest unasked are forgotten."""
NETWORK_MAX = 32
"""Of these from one /16, where networks are told apart: whoever has one must not crowd out the others."""
ASKED_MAX = 128
"""Queries of one lookup. An honest one asks 20 to 40; whoever makes up ever closer nodes ends here."""
PEERS_MAX = 2000
"""Peers gathered by one lookup: four times what we keep for one info-hash ourselves."""


_LIVE = frozenset({Step.KNOWN, Step.ASKED, Step.ANSWERED})


def _distance(candidate: Candidate) -> int:
    return candidate.distance


class Lookup:
    """One lookup, from its first contacts to its outcome."""

    def __init__(
        self, goal: Goal, own_id: bytes, usable: Callable[[Address], bool], verify: Verify, config: NodeConfig
    ) -> None:
        """`usable` says whether an address can be a node's at all (not a martian, not port 0)."""
        self.goal = goal
        self.width = config.k
        """Answering nodes that make it complete."""
        self.ended = False
        """It has run to its end once; its owner may have let it go on."""
        self.suspicious = False
        """It has been widened."""
        self.reserve = 0
        """Nodes to ask behind the frontier once the lookup is home: as many as will not answer."""
        self.peers: dict[Address, None] = {}
        self._target = int.from_bytes(goal.target, "big")
        self._own_id = own_id
        self._usable = usable
        self._config = config
        self._order: list[Candidate] = []
        """Nearest first."""
        self._known: set[Address] = set()
        self._networks: Counter[bytes] = Counter()
        """Candidates by /16."""
        self._share = 0
        """Nodes of one /16 that count; 0: all."""
        self._verdicts = Verdicts(goal.target, goal.salt, verify)
        self._late = 0
        self._asked = 0
        self._home = False

    # what the owner asks

    def next_candidate(self) -> Candidate | None:
        """The node to ask now; None while enough are being asked, or when the lookup is complete."""
        if self._asked >= ASKED_MAX:
            return None
        unasked = None
        in_flight = 0
        for candidate in self._frontier():
            if candidate.step is Step.ASKED:
                in_flight += 1
            elif candidate.step is Step.KNOWN and unasked is None:
                unasked = candidate
        return unasked if in_flight < self._window() else None

    def question(self, candidate: Candidate) -> FindNode | GetPeers | Get:
        """What to ask this node: one that withheld a value is shown the token that it gave, and asked once more."""
        question = self.goal.question
        if candidate.withheld and isinstance(question, Get):
            return question._replace(token=candidate.token)
        return question

    @property
    def complete(self) -> bool:
        """Whether the nearest nodes that answer have all been asked."""
        live = 0
        waiting = False
        for candidate in self._counted():
            if candidate.step is Step.ANSWERED:
                live += 1
                if live == self.width:
                    return True
            elif candidate.step is Step.SLOW:
                waiting = waiting or not candidate.suspect
            elif candidate.step is Step.ASKED or (candidate.step is Step.KNOWN and self._asked < ASKED_MAX):
                return False
        # too few have answered: then even a slow one is worth its wait, but not where we look only to be sure; of
        # suspects only when nobody else answered
        return not ((waiting and not self.suspicious) or (self._late and not live))

    @property
    def found(self) -> bool:
        """Whether a valid value has come in."""
        return self.newest is not None

    @property
    def newest(self) -> int | None:
        """The highest seq of a valid value that has come in; 0 of an immutable one."""
        return self._verdicts.newest

    def widen(self, width: int) -> None:
        """Go on until `width` nodes have answered, of one /16 (IPv6: /32) a few only: something is suspicious."""
        self.width = width
        self.suspicious = True
        self._share = self._config.counted_per_network if self._config.tells_networks_apart else 0

    # what came of it

    def add(self, contacts: Iterable[Contact], hops: int = 0) -> None:
        """Learn of nodes; our own id, addresses that can't be a node's, and known addresses are passed over."""
        for contact in contacts:
            if contact.id != self._own_id:
                self._insert(contact.id, contact.address, int.from_bytes(contact.id, "big") ^ self._target, hops)

    def add_addresses(self, addresses: Iterable[Address]) -> None:
        """Learn of nodes whose ids are unknown: they are asked last, and take their place when they answer."""
        for address in addresses:
            self._insert(None, address, 1 << ID_BITS, 0)

    def asked(self, candidate: Candidate, *, suspect: bool) -> None:
        """`candidate` was sent the question."""
        candidate.step = Step.ASKED
        candidate.suspect = suspect
        self._asked += 1

    def slow(self, candidate: Candidate) -> None:
        """`candidate` has not answered in its usual time."""
        if candidate.step is Step.ASKED:
            candidate.step = Step.SLOW
            self._late += 1

    def silent(self, candidate: Candidate) -> None:
        """`candidate` will not answer any more."""
        self._leave(candidate, Step.SILENT)

    def refused(self, candidate: Candidate) -> None:
        """`candidate` answered with an error."""
        self._leave(candidate, Step.FAILED)

    def replied(self, candidate: Candidate, reply: Reply) -> Rejection | None:
        """Learn from an answer; says what was wrong with it, if anything was."""
        if candidate.id is None:
            self._place(candidate, reply.sender)
        rejection = self._judge(candidate, reply)
        if rejection is not None:
            self._leave(candidate, Step.FAILED)
            return rejection
        candidate.token = reply.token
        again = not candidate.withheld and self._withholds(reply)
        candidate.withheld = self._withholds(reply)
        self._leave(candidate, Step.KNOWN if again else Step.ANSWERED)
        nearest = self._order[0]
        self.add(reply.nodes_of(self._config.family), candidate.hops + 1)
        self._home = self._order[0] is nearest
        for peer in reply.peers:
            if len(self.peers) < PEERS_MAX and self._usable(peer):
                self.peers[peer] = None
        return None

    # the outcome

    def answered(self, limit: int) -> list[Candidate]:
        """The nearest nodes that answered, nearest first."""
        return list(islice((c for c in self._counted() if c.step is Step.ANSWERED), limit))

    def closest(self) -> list[Candidate]:
        """The k nearest nodes that answered."""
        return self.answered(self._config.k)

    def neighbourhood(self) -> Neighbourhood:
        """The nodes to write to, and some more in case that they fail."""
        nodes = self.answered(max(self.width, self._config.put_width_wide))
        if len(nodes) < self._config.k:
            # a network of few networks: better written to, all alike as they are, than to two nodes only
            others = (c for c in self._order if c.step is Step.ANSWERED and c not in nodes)
            nodes += islice(others, self._config.k - len(nodes))
        return Neighbourhood(nodes, self.suspicious)

    def versions(self) -> tuple[Version, ...]:
        """Every distinct version that nodes hold, highest seq first."""
        holders = Counter(c.held for c in self._order if c.held is not None)
        newest_first = sorted(holders.items(), key=lambda item: (-item[0].seq, item[0].signature))
        return tuple(Version(found.value, found.seq, found.signature, count) for found, count in newest_first)

    def value(self) -> bytes | None:
        """The value of an immutable item, when some node held it."""
        return next((c.held.value for c in self._order if c.held is not None), None)

    def counts(self, seconds: float) -> LookupCounts:
        """How it went so far; a node that is late now counts as timed out."""
        steps = Counter(c.step for c in self._order)
        hops = max((c.hops for c in self._order if c.step is Step.ANSWERED), default=0)
        timed_out = steps[Step.SLOW] + steps[Step.SILENT]
        return LookupCounts(self._asked, steps[Step.ANSWERED], timed_out, hops, seconds, self.complete)

    # how

    def _frontier(self) -> Iterator[Candidate]:
        """The nearest nodes that have answered or may be expected to."""
        live = (c for c in self._counted() if c.step in _LIVE)
        return islice(live, self.width + self.reserve if self._home else self.width)

    def _window(self) -> int:
        """How many nodes of the frontier may be in flight."""
        if self._home:
            return self.width + self.reserve
        return min(self._config.alpha + self._late, self._config.alpha_max)

    def _counted(self) -> Iterator[Candidate]:
        """All nodes; once the lookup is widened, of each /16 the nearest few that live among the nearest few more.

        If the dead did not count at all, whoever names many that never were could hold the lookup up, two at a time.
        """
        if not self._share:
            yield from self._order
            return
        seen: Counter[bytes] = Counter()
        living: Counter[bytes] = Counter()
        for candidate in self._order:
            network = wide_prefix(candidate.address[0])
            seen[network] += 1
            living[network] += candidate.step in _LIVE
            if living[network] <= self._share and seen[network] <= 2 * self._share:
                yield candidate

    def _insert(self, node_id: bytes | None, address: Address, distance: int, hops: int) -> None:
        if address in self._known or not self._usable(address):
            return
        network = wide_prefix(address[0])
        if self._config.tells_networks_apart and self._networks[network] >= NETWORK_MAX:
            return
        if len(self._order) >= CANDIDATES_MAX:
            farthest = self._order[-1]
            if farthest.step is not Step.KNOWN or farthest.distance <= distance:
                return
            self._order.pop()
            self._known.discard(farthest.address)
            self._networks[wide_prefix(farthest.address[0])] -= 1
        self._known.add(address)
        self._networks[network] += 1
        insort(self._order, Candidate(node_id, address, distance, hops), key=_distance)

    def _place(self, candidate: Candidate, node_id: bytes) -> None:
        """Give a node that was known by its address alone its place."""
        self._order.remove(candidate)
        candidate.id = node_id
        candidate.distance = int.from_bytes(node_id, "big") ^ self._target
        insort(self._order, candidate, key=_distance)

    def _leave(self, candidate: Candidate, step: Step) -> None:
        self._late -= candidate.step is Step.SLOW
        candidate.step = step

    def _judge(self, candidate: Candidate, reply: Reply) -> Rejection | None:
        """Check who answered, and the value if there is one."""
        if reply.sender != candidate.id:
            return Rejection.WRONG_ID
        if reply.sender == self._own_id:
            return Rejection.OWN_ID
        if reply.value is None or not isinstance(self.goal.question, Get):
            return None
        found = self._verdicts.judge(reply, reply.value)
        if isinstance(found, Rejection):
            return found
        candidate.held = found
        return None

    def _withholds(self, reply: Reply) -> bool:
        """Whether a node holds a version that it did not show, as one does that is short of bytes (`core.egress`)."""
        return isinstance(self.goal.question, Get) and reply.value is None and reply.seq is not None
