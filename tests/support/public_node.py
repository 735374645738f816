"""One node at a public address with every limit on, and whoever writes to it from wherever he likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from services.dht_node.core.compose import encode_query
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact, pack_contact
from services.dht_node.core.events import Event
from services.dht_node.core.items import MutablePut
from services.dht_node.core.messages import Arguments, Get, Message, Put, Query, Reply
from services.dht_node.core.node import Node
from services.dht_node.core.wire import parse
from services.dht_node.net.verify import verify_ed25519
from shared.format import bencode, bep44
from tests.support.dht_parts import dice

STRANGER = b"stranger's id: 20 B."
Answer = Callable[[Query, Address], Iterable[tuple[bytes, Address]]]
"""What the world sends, and from where, when our node asks somebody something."""


def at(network: int, host: int = 1) -> Address:
    """An address in a /24 of its own for each `network`, as far as 65,536."""
    return f"45.{network >> 8}.{network & 255}.{host}", 6881


def neighbour(number: int) -> Contact:
    """A contact, alone in its /24; the smaller the number, the nearer to the id zero."""
    return Contact((number + 1 << 140).to_bytes(20, "big"), at(60_000 + number))


def answering(query: Query, sender: Contact, **members: Any) -> bytes:
    """A reply of `sender`; `members` come beside its id, `ip` outside."""
    body = {b"id": sender.id} | {key.encode(): value for key, value in members.items() if key != "ip"}
    outside = {b"ip": members["ip"]} if "ip" in members else {}
    return bencode.encode({b"t": query.transaction, b"y": b"r", b"r": body} | outside)


def holding(version: MutablePut) -> dict[str, Any]:
    """The members of a reply that show a version."""
    return {
        "v": bencode.decode(version.value),
        "k": version.public_key,
        "sig": version.signature,
        "seq": version.seq,
    }


def naming(contacts: Iterable[Contact]) -> bytes:
    """Contacts, compact."""
    return b"".join(map(pack_contact, contacts))


class PublicNode:
    """A node, a clock that stands until it is moved, and a count of the signatures verified."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        self.now = 0.0
        self.verified = 0
        self.node = Node(config or NodeConfig(contact_quarantine=0.0), entropy=dice(), verify=self._verify, now=0.0)

    def _verify(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        self.verified += 1
        return verify_ed25519(public_key, signature, message)

    # strangers

    def send(self, data: bytes, source: Address) -> list[bytes]:
        """What goes back to the source of a datagram; a ping that the node sends as well is no answer."""
        self.node.receive_datagram(data, source, self.now)
        sent = [answer for answer, destination in self.node.datagrams_to_send() if destination == source]
        return [answer for answer in sent if not isinstance(parse(answer), Query)]

    def ask(self, arguments: Arguments, source: Address, sender: bytes = STRANGER) -> Message | None:
        """The answer to a query."""
        answers = self.send(encode_query(Query(b"aa", sender, arguments), b"XX\x00\x01"), source)
        return parse(answers[0]) if answers else None

    def get(self, target: bytes, source: Address) -> Reply:
        """The reply to a get."""
        answer = self.ask(Get(target), source)
        assert isinstance(answer, Reply), answer
        return answer

    def put_immutable(self, value: bytes, source: Address) -> Message | None:
        """The answer to a put with the token that the same address was given."""
        return self.ask(Put(self.get(bep44.immutable_target(value), source).token or b"", value), source)

    def put(self, version: MutablePut, source: Address, cas: int | None = None) -> Message | None:
        """The same, of a mutable item."""
        return self.ask(version.arguments(self.get(version.target, source).token or b"", cas), source)

    # the world that the node asks

    def play(self, answer: Answer, seconds: float = 10.0) -> list[Event]:
        """Let the node ask and the world answer for so long; what the node tells."""
        end, events = self.now + seconds, list[Event]()
        while self.now <= end:
            self.node.handle_timer(self.now)
            while sent := self.node.datagrams_to_send():
                for data, destination in sent:
                    query = parse(data)
                    if isinstance(query, Query):
                        for reply, source in answer(query, destination):
                            self.node.receive_datagram(reply, source, self.now)
            while (event := self.node.next_event()) is not None:
                events.append(event)
            self.now = max(self.node.next_deadline(), self.now + 0.01)
        self.now = end
        return events
