"""Sybils around a target are noticed, passed by, and do not make the item vanish; honest nodes raise no alarm."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest

from services.dht_node.core.events import MutableFound, Stored
from tests.support.nodes import LAB, Author, find_node, get, put
from tests.support.sim_network import INTERNET, SimNetwork, SimNode
from tests.support.sybils import surround

PUBLIC = replace(LAB, networks_min=5)
"""A lab, because its nodes need no BEP 42 ids and no quarantine, that tells networks apart as on the internet."""
TARGETS = 5


def experienced(net: SimNetwork, count: int) -> list[SimNode]:
    """Nodes that have looked up what a node looks up when it joins."""
    chosen = net.pick(count)
    for number in range(6):
        net.complete(*((sim, find_node(Author(1000 + number).target)) for sim in chosen))
    return chosen


def stored(outcome: object) -> Stored:
    assert isinstance(outcome, Stored)
    return outcome


def found(outcome: object) -> MutableFound:
    assert isinstance(outcome, MutableFound)
    return outcome


@pytest.mark.parametrize("author", [Author(number) for number in range(1, TARGETS + 1)])
def test_a_ring_of_64_sybils_in_four_networks_is_noticed_and_the_item_still_read(author: Author) -> None:
    net = SimNetwork(60 + author.public_key[0], INTERNET)
    net.populate(1_000, PUBLIC)
    writer, reader = experienced(net, 2)
    ring = surround(net, author.target, 64, networks=4)

    [outcome] = net.complete((writer, put(author.version(1))))
    assert stored(outcome).suspicious
    assert stored(outcome).asked >= 20
    assert writer.node.stats.eclipse_suspected == 1
    assert sum(sybil.queries > 0 for sybil in ring) >= 8  # else it was no ring

    [outcome] = net.complete((reader, get(author)))
    assert [version.seq for version in found(outcome).versions] == [1]


def test_a_small_ring_is_noticed_by_its_density_where_networks_are_not_told_apart() -> None:
    net = SimNetwork(61, INTERNET)
    net.populate(1_000)
    writer, reader = experienced(net, 2)
    author = Author()
    surround(net, author.target, 12, networks=12)
    [outcome] = net.complete((writer, put(author.version(1))))
    assert stored(outcome).suspicious
    [outcome] = net.complete((reader, get(author)))
    assert found(outcome).versions[0].holders >= 4


def test_of_honest_neighbourhoods_fewer_than_one_in_a_hundred_is_suspected() -> None:
    suspected = lookups = 0
    for seed in range(2):
        net = SimNetwork(70 + seed, replace(INTERNET, loss=0.05))
        net.populate(400, PUBLIC)
        askers = experienced(net, 10)
        for number in range(1, 16):
            net.complete(*((sim, find_node(Author(100 * number + i).target)) for i, sim in enumerate(askers)))
        suspected += sum(sim.node.stats.eclipse_suspected for sim in askers)
        lookups += 15 * len(askers)
    assert suspected < lookups / 100


@pytest.mark.parametrize("size", [100, 1_000])
def test_the_size_of_the_network_is_estimated_from_a_few_lookups(size: int) -> None:
    net = SimNetwork(80, INTERNET)
    net.populate(size)
    assert net.nodes[0].node.network_size is None
    askers = net.pick(8)
    for number in range(1, 9):
        net.complete(*((sim, find_node(Author(10 * number + i).target)) for i, sim in enumerate(askers)))
    assert median(sim.node.network_size or 0 for sim in askers) == pytest.approx(size, rel=0.25)


def test_a_put_after_a_get_costs_one_round_trip_and_its_tail_is_done_and_counted() -> None:
    net = SimNetwork(62)
    net.populate(300)
    [sim] = net.pick(1)
    author = Author()
    net.complete((sim, get(author)))
    net.run(10.0)
    sent = sim.node.stats.queries_sent.copy()
    [outcome] = net.complete((sim, put(author.version(1), quorum=3)))
    assert stored(outcome).lookup.asked == 0
    assert stored(outcome).stored == 3
    net.run(10.0)
    assert sim.node.stats.queries_sent["put"] - sent["put"] == 8
    assert sim.node.stats.queries_sent["get"] == sent["get"]
    assert sim.node.stats.copies_stored == 8
    assert sum(other.awake and other.node.stored_items for other in net.nodes) == 8
