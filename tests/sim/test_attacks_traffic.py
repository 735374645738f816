"""Attacks by traffic alone: writing in a victim's name, and datagrams that are meant to hurt. Over the core."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core.compose import encode_query
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import Get, Query, Reply
from shared.format import bencode, bep44
from tests.support.nodes import Author
from tests.support.public_node import STRANGER, PublicNode, at, neighbour

VICTIM = 9
LONG = b"x" * 900
AMPLIFICATION = 4.0
"""Bytes out for each byte in towards a source that proved nothing; with the value it would be 13."""


def stocked(config: NodeConfig | None = None) -> tuple[PublicNode, Author]:
    """A node with a full reply's worth of contacts and one long item."""
    public, author = PublicNode(config), Author()
    public.node.add_known(map(neighbour, range(30)), 0.0)
    assert isinstance(public.put(author.version(1, LONG), at(1)), Reply)
    return public, author


def flood(public: PublicNode, author: Author, hosts: int, rate: float, seconds: float) -> tuple[int, int]:
    """Gets of the long item in the name of hosts of one /24; the bytes in, and the bytes out to them."""
    datagram = encode_query(Query(b"aa", STRANGER, Get(author.target)), b"XX\x00\x01")
    into = out = 0
    for number in range(int(rate * seconds)):
        public.now += 1 / rate
        into += len(datagram)
        out += sum(map(len, public.send(datagram, at(VICTIM, number % hosts + 1))))
    return into, out


def test_a_flood_in_a_victims_name_is_amplified_little() -> None:
    public, author = stocked()
    into, out = flood(public, author, hosts=100, rate=1000.0, seconds=10.0)
    assert out / into < AMPLIFICATION
    config = NodeConfig()
    assert out <= config.egress_network_burst + 10 * config.egress_network_rate + 1
    assert public.node.stats.values_withheld > 0
    assert public.node.stats.rejected[Rejection.EGRESS_LIMITED] > 0


def test_a_patient_flood_gets_a_network_no_more_than_its_rate() -> None:
    public, author = stocked()
    _, out = flood(public, author, hosts=2, rate=20.0, seconds=120.0)
    config = NodeConfig()
    assert out <= config.egress_network_burst + 120 * config.egress_network_rate
    assert public.node.stats.values_withheld > 0


def test_another_network_is_served_during_the_flood() -> None:
    public, author = stocked()
    flood(public, author, hosts=100, rate=1000.0, seconds=5.0)
    assert public.get(author.target, at(77)).value == author.version(1, LONG).value


def short(config: NodeConfig | None = None) -> tuple[PublicNode, Author]:
    """A node whose bytes for the victim's network are short just now."""
    public, author = stocked(config)
    flood(public, author, hosts=100, rate=1000.0, seconds=0.03)
    assert public.node.stats.values_withheld == 0
    flood(public, author, hosts=100, rate=1000.0, seconds=0.05)
    assert public.node.stats.values_withheld > 0
    return public, author


def fresh(number: int) -> Address:
    return at(VICTIM, 200 + number)


def test_an_unproven_asker_gets_nodes_token_and_seq_while_bytes_are_short() -> None:
    public, author = short()
    reply = public.get(author.target, fresh(1))
    assert (reply.value, reply.seq, len(reply.nodes)) == (None, 1, 8)
    assert reply.token


def test_a_token_proves_an_address() -> None:
    public, author = short()
    token = public.get(author.target, fresh(1)).token
    shown = public.ask(Get(author.target, token=token), fresh(1))
    assert isinstance(shown, Reply)
    assert shown.value == author.version(1, LONG).value
    assert public.get(author.target, fresh(1)).value is not None
    stolen = public.ask(Get(author.target, token=token), fresh(2))
    assert isinstance(stolen, Reply)
    assert stolen.value is None


def test_a_put_proves_an_address() -> None:
    public, author = short()
    assert isinstance(public.put(Author(2).version(1), fresh(1)), Reply)
    assert public.get(author.target, fresh(1)).value is not None


def test_an_answer_to_our_own_query_proves_an_address() -> None:
    public, author = short()
    asker = neighbour(500)
    public.node.add_known([asker._replace(address=fresh(1))], public.now)
    public.node.find_node(asker.id, deadline=public.now + 1, now=public.now)

    def answer(query: Query, asked: Address) -> list[tuple[bytes, Address]]:
        body = {b"t": query.transaction, b"y": b"r", b"r": {b"id": asker.id, b"nodes": b""}}
        return [(bencode.encode(body), asked)] if asked == fresh(1) else []

    public.play(answer, seconds=0.01)
    assert public.get(author.target, fresh(1)).value is not None
    assert public.get(author.target, fresh(2)).value is None


def test_a_short_value_is_shown_to_everybody() -> None:
    public, _ = short()
    author = Author(2)
    public.put(author.version(1, b"short"), at(1))
    assert public.get(author.target, fresh(1)).value == author.version(1, b"short").value


def test_an_immutable_value_is_withheld_as_if_there_were_none() -> None:
    public, _ = short()
    value = bep44.bencode_string(LONG)
    public.put_immutable(value, at(1))
    reply = public.get(bep44.immutable_target(value), fresh(1))
    assert (reply.value, reply.seq) == (None, None)
    assert public.get(bep44.immutable_target(value), at(1)).value == value


def test_in_total_too_there_is_an_end() -> None:
    limits = NodeConfig(contact_quarantine=0.0, egress_rate=10_000.0, egress_burst=50_000.0)
    public, author = stocked(limits)
    sent = public.node.stats.bytes_sent
    for network in range(1000):
        public.send(encode_query(Query(b"aa", STRANGER, Get(author.target)), b"XX\x00\x01"), at(1000 + network))
    assert public.node.stats.bytes_sent - sent <= 50_000 + 1000 * 100  # and what the pings of newcomers take


# --- datagrams that are meant to hurt

DEPTH = 900
HURTFUL = {
    "nested lists": b"l" * DEPTH + b"e" * DEPTH,
    "nested lists without an end": b"l" * 2000,
    "nested dictionaries": b"d1:a" * 400 + b"de" + b"e" * 400,
    "nested in an argument": b"d1:ad2:id20:"
    + STRANGER
    + b"1:x"
    + b"l" * DEPTH
    + b"e" * DEPTH
    + b"e1:q4:ping1:t2:aa1:y1:qe",
    "nested in a value": b"d1:ad2:id20:"
    + STRANGER
    + b"5:token8:abcdefgh1:v"
    + b"l" * 450
    + b"e" * 450
    + b"e1:q3:put1:t2:aa1:y1:qe",
    "a length that is a lie": b"d1:ad2:id99999999999999999999:e1:q4:ping1:t2:aa1:y1:qe",
    "a negative length": b"d1:ad2:id-5:abcdee1:q4:ping1:t2:aa1:y1:qe",
    "a number of two thousand digits": b"d1:ad2:id20:"
    + STRANGER
    + b"3:seqi"
    + b"9" * 1900
    + b"ee1:q3:get1:t2:aa1:y1:qe",
    "keys that are numbers": b"di1ei2ee",
    "one key twice": b"d1:ad2:id20:" + STRANGER + b"e1:q4:ping1:q4:vote1:t2:aa1:y1:qe",
    "cut short": b"d1:ad2:id20:abc",
    "nothing": b"",
    "noise": bytes(range(256)) * 4,
    "too large": b"d" + b"x" * 4000,
}


@pytest.mark.parametrize("datagram", HURTFUL.values(), ids=HURTFUL)
def test_malformed_and_deeply_nested_bencode_is_counted_and_nothing_else(datagram: bytes) -> None:
    public, author = stocked()
    before = public.node.stored_items
    answers = public.send(datagram, at(1))
    assert sum(public.node.stats.rejected.values()) == 1 or answers
    assert sum(map(len, answers)) <= 2 * len(datagram) + 60
    assert public.node.stored_items == before
    assert public.get(author.target, at(1)).value is not None


def test_a_flood_of_malformed_datagrams_gets_no_more_answers_than_one_of_good_ones() -> None:
    public, _ = stocked(replace(NodeConfig(), contact_quarantine=0.0))
    malformed = b"d1:ade1:q4:ping1:t2:aa1:y1:qe"
    answered = sum(bool(public.send(malformed, at(VICTIM))) for _ in range(1000))
    assert answered == NodeConfig().inbound_burst
