"""Nodes that serve only to own a target: they answer, take every put, keep nothing and name only each other."""

from __future__ import annotations

from random import Random

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact, pack_contact
from services.dht_node.core.ids import ID_BITS, ID_SIZE
from services.dht_node.core.messages import Datagram, Query
from services.dht_node.core.node import Node
from services.dht_node.core.wire import parse
from services.dht_node.net.verify import verify_ed25519
from shared.format import bencode
from tests.support.sim_network import PORT, SimNetwork

NEAR_BITS = 40
"""Leading bits that a sybil's id shares with its target: nobody honest comes as near."""


class Sybil(Node):
    """One of them."""

    def __init__(self, node_id: bytes, fellows: list[Contact], dice: Random) -> None:
        """`fellows` may grow later."""
        config = NodeConfig(node_id=node_id)
        super().__init__(config, entropy=dice.randbytes, verify=verify_ed25519, now=0.0)
        self._fellows = fellows
        self._dice = dice
        self.queries = 0
        self._answers: list[Datagram] = []

    def receive_datagram(self, data: bytes, source: Address, now: float) -> None:  # noqa: ARG002  # a sybil needs no time
        """Answer whatever it is as if nobody else existed."""
        message = parse(data)
        if isinstance(message, Query):
            self.queries += 1
            named = self._dice.sample(self._fellows, min(8, len(self._fellows)))
            body = {b"id": self.id, b"nodes": b"".join(map(pack_contact, named)), b"token": b"anything"}
            answer = bencode.encode({b"r": body, b"t": message.transaction, b"y": b"r"})
            self._answers.append(Datagram(answer, source))

    def datagrams_to_send(self) -> list[Datagram]:
        """Its answers, and nothing of its own."""
        answers, self._answers = self._answers, []
        return answers

    def next_deadline(self) -> float:
        """It does nothing by itself."""
        return float("inf")


def surround(net: SimNetwork, target: bytes, count: int, networks: int) -> list[Sybil]:
    """A ring of `count` sybils around a target, each in a /24 of its own, inside `networks` distinct /16."""
    dice = Random(target)
    fellows: list[Contact] = []
    ring = []
    for number in range(count):
        near = int.from_bytes(target, "big") ^ dice.getrandbits(ID_BITS - NEAR_BITS)
        address = f"{150 + number % networks}.7.{number // networks}.1", PORT
        sybil = Sybil(near.to_bytes(ID_SIZE, "big"), fellows, dice)
        fellows.append(Contact(sybil.id, address))
        ring.append(sybil)
    for sybil, contact in zip(ring, fellows, strict=True):
        net.intrude(sybil, contact.address)
    return ring
