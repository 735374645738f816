"""Nodes that knew nobody become a network, and stay one while nodes come and go."""

from __future__ import annotations

from services.dht_node.core.events import Isolated, MutableFound, NodesFound, Stored
from tests.support.nodes import Author, find_node, get, put
from tests.support.sim_network import SimNetwork, SimNode, Weather


def nearest(net: SimNetwork, target: bytes, asker: SimNode) -> list[str]:
    """What a lookup should find: the truth, which only the simulation knows."""
    point = int.from_bytes(target, "big")
    live = [sim for sim in net.nodes if sim.alive and sim is not asker]
    live.sort(key=lambda sim: int.from_bytes(sim.node.id, "big") ^ point)
    return [sim.address[0] for sim in live[:8]]


def test_after_joining_every_lookup_finds_the_truly_nearest_nodes() -> None:
    net = SimNetwork(30, Weather(spread=0.2))  # nobody is so slow that he is not waited for
    net.grow(150)
    net.run(10.0)
    askers = net.pick(10)
    targets = [sim.node.id for sim in net.pick(10)]
    found = net.complete(*((asker, find_node(target)) for asker, target in zip(askers, targets, strict=True)))
    for asker, target, outcome in zip(askers, targets, found, strict=True):
        assert isinstance(outcome, NodesFound)
        assert [host for _, (host, _) in outcome.contacts] == nearest(net, target, asker)


def test_a_node_alone_asks_for_bootstrap_nodes_ever_more_rarely_and_calls_end_at_once() -> None:
    net = SimNetwork(31)
    alone = net.add_node()
    net.run(600.0)
    assert 8 <= alone.bootstraps <= 13  # 1, 2, 4 … 256 s, then every 300 s
    assert net.complete((alone, get(Author())), within=0.0) == [Isolated(1)]
    assert not alone.node.connected(net.now)


def test_a_net_of_three_is_a_whole_net() -> None:
    net = SimNetwork(32)
    net.grow(3)
    net.run(30.0)
    assert all(sim.node.connected(net.now) for sim in net.nodes)
    first, _, third = net.nodes
    [stored] = net.complete((first, put(Author().version(1))))
    assert isinstance(stored, Stored)
    assert (stored.asked, stored.stored) == (2, 2)  # the quorum of five is lowered to those there are
    [found] = net.complete((third, get(Author())))
    assert isinstance(found, MutableFound)
    assert found.versions[0].holders == 1


def test_a_network_heals_under_churn() -> None:
    """Every 20 seconds one node of sixty dies and a new one joins: after half an hour all of the old have gone."""
    net = SimNetwork(33, Weather(loss=0.02))
    net.grow(60)
    for _ in range(90):
        net.kill(next(sim for sim in net.nodes if sim.alive))
        net.join(net.add_node())
        net.run(20.0)
    assert all(sim.node.connected(net.now) for sim in net.nodes if sim.alive)
    writer, reader = net.pick(2)
    net.complete((writer, put(Author().version(1))))
    [found] = net.complete((reader, get(Author())))
    assert isinstance(found, MutableFound)
    assert found.versions


def test_a_node_that_was_cut_off_finds_its_way_back() -> None:
    net = SimNetwork(34)
    net.grow(40)
    net.run(5.0)
    cut = net.nodes[20]
    net.weather = Weather(loss=1.0)
    net.run(1_800.0)
    assert not cut.node.connected(net.now)
    net.weather = Weather()
    net.run(400.0)  # the longest backoff is 300 s
    assert cut.node.connected(net.now)
    [found] = net.complete((cut, get(Author())))
    assert isinstance(found, MutableFound)
    assert found.lookup.answered >= 8
