"""Debian's redis-server, certificates, and the example of access lists: what only `make redis-test` runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.certificates import Authority
from tests.support.redis_bus import Users

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this directory need programs that not every machine has."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.redis_server)


@pytest.fixture
async def swarm() -> AsyncIterator[list[Endpoint]]:
    async with open_swarm(16, "127.75", clock=SystemClock(), entropy=os.urandom) as nodes:
        yield entry_points(nodes)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def users(tmp_path_factory: pytest.TempPathFactory) -> Users:
    return Users.make(tmp_path_factory.mktemp("users"))
