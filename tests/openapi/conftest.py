"""One stack for all that asks nothing special of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.standalone.app import Stack
from services.standalone.config import StandaloneConfig
from tests.support.standalone import stack_in_a_thread


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with stack_in_a_thread(StandaloneConfig(swarm=8)) as running:
        yield running
