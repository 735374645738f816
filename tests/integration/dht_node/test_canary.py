"""A node's own item on real nodes."""

from __future__ import annotations

import random

from prometheus_client import CollectorRegistry

from services.dht_node.canary import Canary, CanaryMeters, Round
from services.dht_node.health import FAILURES_MAX
from shared.contracts import dht
from tests.integration.dht_node.conftest import Swarm


async def test_it_comes_back_and_the_node_says_since_when(swarm: Swarm) -> None:
    node, registry = swarm.nodes[3], CollectorRegistry()
    canary = Canary(
        node,
        node.canary,
        seed=bytes(32),
        clock=swarm.clock,
        dice=random.Random(1),
        meters=CanaryMeters.build(registry, node.canary, swarm.clock),
        joined=lambda: node.joined,
    )
    assert [await canary.round(), await canary.round()] == [Round.READ_BACK, Round.READ_BACK]
    status = await node.status(dht.Status(), swarm.within())
    assert status.ready
    assert status.canary_failures == 0
    assert status.canary_age_s is not None
    assert status.canary_age_s < 60


async def test_a_node_whose_item_does_not_come_back_is_not_ready_though_it_has_contacts(swarm: Swarm) -> None:
    node = swarm.nodes[3]
    node.canary.failures = FAILURES_MAX
    assert node.joined
    assert not node.ready
    assert not (await node.status(dht.Status(), swarm.within())).ready
