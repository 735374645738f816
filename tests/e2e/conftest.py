"""One stack for each module: a bus, a crypto service, an API and a small private DHT, all real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

import scout
from services.standalone.app import Stack
from services.standalone.config import StandaloneConfig
from tests.support.standalone import stack_in_a_thread


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with stack_in_a_thread(StandaloneConfig(swarm=8, swarm_network="127.81")) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[scout.Client]:
    async with scout.Client(stack.api_url) as made:
        yield made
