"""A joined node in the middle of its work, and datagrams that nobody should have sent.

It holds items, has issued tokens, has lookups and puts in flight. Whatever arrives must be answered or be counted
under a reason, must make no exception, and must leave nothing behind that grows without end.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.errors import Rejection
from services.dht_node.core.node import Node
from services.dht_node.core.operations import TooManyOperations
from services.dht_node.net.verify import verify_ed25519
from shared.format import bencode, bep44
from shared.format.bencode import BencodeError
from tests.support import golden
from tests.support.nodes import Deed, announce, find_node, get, get_immutable, get_peers, put, put_immutable

CONFIG = NodeConfig(
    items_max=256, peer_hashes_max=64, peers_per_hash_max=32, warm_lookups_max=32, inbound_tracked_max=512
)
"""A public node whose stores are small, so that it is soon as full as it will ever be."""
CONTACTS = 60
STRANGERS = 48
TICK = 0.005
"""Virtual seconds between two datagrams of a flood: 200 a second."""
RENEWAL = 2000
"""Datagrams after which strangers fetch new tokens, the contacts are well again, and the owner begins new work."""
STORING = 50
"""Datagrams between two that a stranger really stores something with."""
DEEDS: tuple[Deed, ...] = (
    get(golden.AUTHOR),
    get(golden.SALTED, settle=False),
    get_immutable(b"immutable"),
    find_node(golden.INFO_HASH),
    get_peers(golden.INFO_HASH),
    announce(golden.INFO_HASH),
    put(golden.AUTHOR.version(20)),
    put(golden.SALTED.version(20, seen=())),
    put_immutable(b"ours"),
)


@dataclass(frozen=True)
class Places:
    """Where everybody is."""

    strangers: str = "60.{}.1.1"
    contacts: str = "50.{}.1.1"
    martians: tuple[Address, ...] = (("127.0.0.1", 1), ("9.9.9.9", 0), ("255.255.255.255", 9), ("10.0.0.1", 6881))
    """Addresses that are nobody's, or nobody's outside a lab."""


Asked = tuple[bytes, Contact]
"""A query of the node's own: its transaction id, and who should answer."""


class Siege:
    """One node and everybody around it."""

    def __init__(
        self,
        seed: int = 1,
        *,
        contacts: int = CONTACTS,
        strangers: int = STRANGERS,
        config: NodeConfig = CONFIG,
        places: Places | None = None,
    ) -> None:
        """The node has joined, holds what the golden puts put, and works on all DEEDS."""
        self.now = 1000.0
        self.places = places or Places()
        self._config = config
        self.node = Node(config, entropy=Random(seed).randbytes, verify=verify_ed25519, now=self.now)
        self.strangers: list[Address] = [(self.places.strangers.format(n), 1024 + n) for n in range(1, strangers + 1)]
        self.asked: deque[Asked] = deque(maxlen=64)
        """Its own queries of late."""
        self._tokens: dict[Address, dict[bytes, bytes]] = {}
        dice = Random(f"contacts {seed}")
        known = [Contact(dice.randbytes(20), (self.places.contacts.format(n), 6881)) for n in range(contacts)]
        self._ids = {contact.address: contact.id for contact in known}
        self._known = known
        self.node.add_known(known, self.now)
        self._renew_tokens()
        for template in golden.QUERIES.values():
            self.deliver(self.filled(template, self.strangers[0]), self.strangers[0])
        self.begin_all()

    # what others do

    def deliver(self, data: bytes, source: Address) -> list[bytes]:
        """Let a datagram arrive; what was sent back to its source. Fails when it was passed over in silence."""
        before = self._accounted()
        self.node.receive_datagram(data, source, self.now)
        assert self._accounted() > before, f"neither answered nor counted: {data!r}"
        return self._drain(source)

    def renew(self) -> None:
        """New tokens, new work, and contacts that have answered again."""
        self.node.add_known(self._known, self.now)
        self._renew_tokens()
        self.begin_all()

    def _renew_tokens(self) -> None:
        """Let every stranger ask for the tokens that the golden puts need."""
        for stranger in self.strangers:
            kept = self._tokens.setdefault(stranger, {})
            for mark, target in golden.TOKENS.items():
                for answer in self.deliver(golden.query(b"get", {b"target": target}), stranger):
                    kept[mark] = bencode.decode(answer)[b"r"].get(b"token", mark)

    def filled(self, template: bytes, source: Address, asked: Asked | None = None) -> bytes:
        """A golden datagram with the marks replaced by what the node would accept from this source."""
        for mark, token in self._tokens[source].items() if source in self._tokens else ():
            template = template.replace(mark, token)
        if asked is not None:
            template = template.replace(golden.TRANSACTION, asked[0]).replace(golden.PEER_ID, asked[1].id)
        return template

    # what the node does

    def begin_all(self) -> None:
        """Let the node's owner begin every kind of work."""
        for deed in DEEDS:
            self.begin(deed)

    def begin(self, deed: Deed) -> None:
        """Let the node's owner begin an operation, if there is room for one more."""
        try:
            deed(self.node, self.now)
        except TooManyOperations:
            return
        self._drain()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and the timer fire if it is due."""
        self.now += seconds
        if self.node.next_deadline() <= self.now:
            self.node.handle_timer(self.now)
            self._drain()

    # what must hold

    def check(self) -> None:
        """Reasons are of the closed list, and the stores within their bounds."""
        node, config = self.node, self._config
        assert set(node.stats.rejected) <= set(Rejection)
        assert node.stored_items <= config.items_max
        assert node.contacts <= sum(config.bucket_sizes) + 160 * config.k
        assert node.in_hand <= config.operations_max

    def objects(self) -> int:
        """How many objects can be reached from the node, classes and functions left out: its size, without noise."""
        gc.collect()
        passed = {id(self.node)}
        waiting: list[object] = [self.node]
        while waiting:
            for other in gc.get_referents(waiting.pop()):
                if id(other) not in passed and not isinstance(other, type | Callable):
                    passed.add(id(other))
                    waiting.append(other)
        return len(passed)

    def _accounted(self) -> int:
        stats = self.node.stats
        return stats.rejected.total() + stats.queries_answered.total() + stats.queries_replied

    def _drain(self, source: Address | None = None) -> list[bytes]:
        answers = []
        for data, destination in self.node.datagrams_to_send():
            message = bencode.decode(data)
            if message[b"y"] == b"q":
                known = self._ids.get(destination, bytes(20))
                self.asked.append((message[b"t"], Contact(known, destination)))
            else:
                assert destination == source, "an answer to somebody who asked nothing"
                answers.append(data)
        while self.node.next_event() is not None:
            pass
        return answers


class Flood:
    """Datagrams at random: golden, damaged, cut, made up; each is the next of one seed."""

    def __init__(self, siege: Siege, seed: int = 1) -> None:
        self._siege = siege
        self._dice = Random(seed)
        self._queries = list(golden.QUERIES.values())
        self._replies = list(golden.REPLIES.values())
        self._ways = (
            self._golden,
            self._damaged,
            self._damaged,
            self._reshaped,
            self._reshaped,
            self._cut,
            self._noise,
        )

    def run(self, count: int) -> None:
        """Let `count` datagrams arrive, and some more that prepare them."""
        for number in range(1, count + 1):
            if number % RENEWAL == 0:
                self._siege.renew()
            if number % STORING == 0:
                self._store()
            self._siege.pass_time(TICK)
            self._siege.deliver(*self._next())
        self._siege.check()

    def _store(self) -> None:
        """A put of a new value that is all right: the stores fill up, and must stay within their bounds."""
        stranger = self._dice.choice(self._siege.strangers)
        value = self._dice.randbytes(self._dice.randint(1, 900))
        target = bep44.immutable_target(bep44.bencode_string(value))
        for answer in self._siege.deliver(golden.query(b"get", {b"target": target}), stranger):
            token = bencode.decode(answer)[b"r"].get(b"token", b"")
            self._siege.deliver(golden.query(b"put", {b"token": token, b"v": value}), stranger)

    def _next(self) -> tuple[bytes, Address]:
        dice, asked = self._dice, self._siege.asked
        if asked and dice.random() < 0.4:
            query = asked[dice.randrange(len(asked))]
            source = query[1].address
            data = self._siege.filled(dice.choice(self._replies), source, query)
        else:
            source = dice.choice(self._siege.strangers)
            data = self._siege.filled(dice.choice(self._queries), source)
        if dice.random() < 0.02:
            source = dice.choice(self._siege.places.martians)
        return dice.choice(self._ways)(data), source

    def _golden(self, data: bytes) -> bytes:
        return data

    def _reshaped(self, data: bytes) -> bytes:
        """Still bencode: members of another kind or size, taken out, or put in where they do not belong."""
        dice = self._dice
        try:
            message = bencode.decode_lenient(data)
        except BencodeError:  # the one that is too deep
            return self._damaged(data)
        for _ in range(dice.randint(1, 2)):
            members = dice.choice([part for part in message.values() if isinstance(part, dict)] or [message])
            members = dice.choice([message, members, members])
            key = dice.choice([*members, *_KEYS])
            was = members.get(key)
            match dice.randrange(4):
                case 0:
                    members.pop(key, None)
                case 1 if isinstance(was, bytes):
                    members[key] = was[: dice.randrange(len(was) + 1)] + dice.randbytes(dice.randrange(3))
                case 2:
                    members[key] = dice.choice(self._queries)[: dice.randrange(70)]
                case _:
                    members[key] = bencode.decode(dice.choice(_VALUES))
        return bencode.encode(message)

    def _cut(self, data: bytes) -> bytes:
        return data[: self._dice.randrange(len(data))]

    def _noise(self, data: bytes) -> bytes:
        return self._dice.randbytes(self._dice.randrange(len(data)))

    def _damaged(self, data: bytes) -> bytes:
        """One to three bytes changed, pieces repeated, taken out or put in."""
        dice, damaged = self._dice, bytearray(data)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(damaged) + 1)
            match dice.randrange(4):
                case 0:
                    damaged[at : at + 1] = dice.randbytes(1)
                case 1:
                    del damaged[at : at + dice.randint(1, 8)]
                case 2:
                    damaged[at:at] = dice.choice(_PIECES)
                case _:
                    damaged[at:at] = damaged[max(at - 30, 0) : at]
        return bytes(damaged)


_KEYS = tuple(b"t y q a r e v ip ro id target info_hash token v k sig seq cas salt port nodes values".split())
_SCALARS = (0, -1, 2**63 - 1, 2**63, 10**30, b"", bytes(20), bytes(32), bytes(64))
_VALUES = tuple(map(bencode.encode, (*_SCALARS, [], [[], 1], {}, {b"v": b"x"}, [b"", 7])))
_PIECES = (b"d", b"l", b"e", b"i0e", b"i-1e", b"i99999999999999999999e", b"0:", b"1:v", b"1:t4:", b"5:nodes", b"2:ip")
