from __future__ import annotations

from random import Random

import pytest

from services.dht_node.core.density import SAMPLES_MAX, SAMPLES_MIN, NetworkSize
from services.dht_node.core.ids import ID_BITS

K = 8
HONEST = 10_000
"""Nodes of the network that is looked at."""


def nearest(dice: Random, rank: int) -> int:
    """How far the `rank`-th nearest of the honest nodes is from some target."""
    return round(dice.gammavariate(rank, 1 / HONEST) * (1 << ID_BITS))


def size_after(targets: int, seed: int = 1) -> NetworkSize:
    dice = Random(seed)
    size = NetworkSize(K)
    for number in range(targets):
        size.learn(b"%20d" % number, nearest(dice, K))
    return size


def test_nothing_is_known_of_the_network_before_the_first_few_targets_and_nothing_is_suspected() -> None:
    size = size_after(SAMPLES_MIN - 1)
    assert size.nodes is None
    assert not size.too_dense(0, K)


def test_the_estimate_is_right_within_a_fifth() -> None:
    assert size_after(SAMPLES_MAX).nodes == pytest.approx(HONEST, rel=0.2)


def test_whoever_surrounds_fewer_than_half_of_the_targets_does_not_move_it_far() -> None:
    size = size_after(SAMPLES_MAX)
    for number in range(SAMPLES_MAX // 4):
        size.learn(b"surrounded %d" % number, 1)
    assert size.nodes == pytest.approx(HONEST, rel=0.4)


def test_a_target_counts_once_however_often_it_is_looked_up() -> None:
    size = size_after(SAMPLES_MIN)
    for _ in range(100):
        size.learn(b"the same", 1)
    assert size.nodes == pytest.approx(HONEST, rel=0.6)


@pytest.mark.parametrize("rank", [8, 20, 64])
def test_honest_neighbourhoods_are_hardly_ever_too_dense_and_a_ring_of_sybils_is(rank: int) -> None:
    size, dice = size_after(SAMPLES_MAX), Random(2)
    distances = [nearest(dice, rank) for _ in range(2_000)]
    assert sum(size.too_dense(distance, rank) for distance in distances) < 0.005 * len(distances)
    assert all(size.too_dense(distance // 100, rank) for distance in distances)
