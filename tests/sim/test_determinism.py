"""One seed, one history."""

from __future__ import annotations

from tests.support.nodes import Author, get, put
from tests.support.sim_network import SimNetwork, Weather


def history(seed: int) -> str:
    net = SimNetwork(seed, Weather(loss=0.1))
    net.grow(40)
    writer, reader, dead = net.pick(3)
    net.complete((writer, put(Author().version(1))))
    net.kill(dead)
    net.complete((reader, get(Author())))
    net.run(60.0)
    assert net.datagrams > 1_000
    return net.history


def test_the_same_seed_gives_the_same_history_byte_for_byte() -> None:
    assert history(5) == history(5)


def test_another_seed_gives_another_history() -> None:
    assert history(5) != history(6)
