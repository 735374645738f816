"""The contract suite of the bus, on a Redis Cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.clock import SystemClock
from tests.contract.conftest import Bus, OverRedis
from tests.contract.test_budgets import *  # noqa: F403  # the same tests, with the fixture below
from tests.contract.test_fleet import *  # noqa: F403
from tests.contract.test_key_value import *  # noqa: F403
from tests.contract.test_leases import *  # noqa: F403
from tests.contract.test_request_reply import *  # noqa: F403
from tests.contract.test_sightings import *  # noqa: F403
from tests.support.redis_servers import SmallCluster, small_cluster


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    with small_cluster(tmp_path_factory.mktemp("contract")) as found:
        yield found


@pytest.fixture
async def bus(three: SmallCluster) -> AsyncIterator[Bus]:
    for master in three.masters:
        master.ask("FLUSHALL")
    registry = CollectorRegistry()
    meters = BusMeters.build(registry)
    async with connect(three.url, clock=SystemClock(), meters=meters) as redis:
        yield OverRedis(redis, registry, meters)
