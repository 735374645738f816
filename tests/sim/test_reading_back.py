"""A fifth of the nodes dead, five datagrams in a hundred lost: what was put is read by somebody else."""

from __future__ import annotations

from statistics import median

from services.dht_node.core.events import ImmutableFound, MutableFound, Stored
from tests.support.nodes import Author, get, get_immutable, put, put_immutable
from tests.support.sim_network import SimNetwork, Weather

PUTS = 150


def rough_network(size: int, seed: int) -> SimNetwork:
    """The tables were full before the nodes died, so lookups meet the dead everywhere."""
    net = SimNetwork(seed)
    net.populate(size)
    for sim in net.pick(size // 5):
        net.kill(sim)
    net.weather = Weather(loss=0.05)
    return net


def test_of_mutable_items_in_a_thousand_nodes_99_percent_are_read_back() -> None:
    net = rough_network(1_000, seed=20)
    pairs = [net.pick(2) for _ in range(PUTS)]
    authors = [Author(number + 1) for number in range(PUTS)]

    stored = net.complete(
        *((writer, put(author.version(1))) for (writer, _), author in zip(pairs, authors, strict=True))
    )
    assert sum(isinstance(outcome, Stored) and outcome.stored >= 5 for outcome in stored) >= 0.99 * PUTS
    found = net.complete(*((reader, get(author)) for (_, reader), author in zip(pairs, authors, strict=True)))
    assert sum(isinstance(outcome, MutableFound) and len(outcome.versions) == 1 for outcome in found) >= 0.99 * PUTS


def test_of_immutable_items_in_a_thousand_nodes_99_percent_are_read_back() -> None:
    net = rough_network(1_000, seed=21)
    pairs = [net.pick(2) for _ in range(PUTS)]
    contents = [b"item %d" % number for number in range(PUTS)]

    net.complete(*((writer, put_immutable(text)) for (writer, _), text in zip(pairs, contents, strict=True)))
    found = net.complete(*((reader, get_immutable(text)) for (_, reader), text in zip(pairs, contents, strict=True)))
    assert sum(isinstance(outcome, ImmutableFound) and outcome.value is not None for outcome in found) >= 0.99 * PUTS


def test_items_outlive_the_death_of_half_of_their_holders() -> None:
    net = SimNetwork(22)
    net.populate(300)
    author = Author()
    [stored] = net.complete((net.pick(1)[0], put(author.version(1), quorum=8)))
    assert isinstance(stored, Stored)
    assert stored.stored == 8

    holders = [sim for sim in net.nodes if sim.node.stored_items]
    assert len(holders) == 8
    for sim in holders[::2]:
        net.kill(sim)
    [found] = net.complete((net.pick(1)[0], get(author)))
    assert isinstance(found, MutableFound)
    assert [version.holders for version in found.versions] == [4]


def test_a_lookup_in_a_healthy_network_asks_few_nodes_and_waits_for_none() -> None:
    net = SimNetwork(23)
    net.populate(1_000)
    found = net.complete(*((sim, get(Author(number))) for number, sim in enumerate(net.pick(50), start=1)))
    lookups = [outcome.lookup for outcome in found if isinstance(outcome, MutableFound)]
    assert median(lookup.asked for lookup in lookups) <= 20
    assert all(lookup.complete and lookup.answered >= 8 for lookup in lookups)
    assert median(lookup.seconds for lookup in lookups) < 0.5
