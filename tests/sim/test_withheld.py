"""Nodes that are short of bytes show long values to proven askers only; reading and conditional writing go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core.compose import encode_query
from services.dht_node.core.events import MutableFound, Stored
from services.dht_node.core.messages import FindNode, Query
from tests.support.nodes import LAB, Author, get, put
from tests.support.sim_network import SimNetwork

BURST = 100_000.0
SPARING = replace(LAB, egress_rate=0.001, egress_burst=BURST)
LONG = b"x" * 900


@pytest.fixture
def net() -> SimNetwork:
    """Twenty nodes that hold one long version, and have spent half of the bytes that they may ever send."""
    net = SimNetwork(31)
    net.populate(20, SPARING)
    net.complete((net.nodes[0], put(Author().version(1, LONG), quorum=8)))
    for sim in net.nodes:
        while sim.node.stats.bytes_sent < 0.55 * BURST:
            query = encode_query(Query(b"aa", bytes(20), FindNode(bytes(20)), read_only=True), b"XX\x00\x01")
            sim.node.receive_datagram(query, ("203.0.113.1", 6881), net.now)
            sim.node.datagrams_to_send()
    return net


def withheld(net: SimNetwork) -> int:
    return sum(sim.node.stats.values_withheld for sim in net.nodes)


def test_a_reader_proves_itself_with_the_token_and_sees_every_holder(net: SimNetwork) -> None:
    [found] = net.complete((net.nodes[5], get(Author())))
    assert isinstance(found, MutableFound)
    assert withheld(net) > 0
    assert [(version.seq, version.holders) for version in found.versions] == [(1, 8)]


def test_read_modify_write_of_what_is_withheld(net: SimNetwork) -> None:
    second = Author().version(2, LONG, seen=[Author().version(1, LONG)])
    [stored] = net.complete((net.nodes[5], put(second, quorum=8)))
    assert withheld(net) > 0
    assert isinstance(stored, Stored)
    assert (stored.stored, stored.conflict, stored.rejected) == (8, False, {})
    [found] = net.complete((net.nodes[6], get(Author())))
    assert isinstance(found, MutableFound)
    assert [version.signature for version in found.versions] == [second.signature]


def test_insert_if_absent_does_not_take_what_is_withheld_for_absent(net: SimNetwork) -> None:
    [stored] = net.complete((net.nodes[5], put(Author().version(2, LONG, seen=[]), quorum=8)))
    assert isinstance(stored, Stored)
    assert (stored.stored, stored.conflict) == (0, True)
