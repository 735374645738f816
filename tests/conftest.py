"""What holds in every test: a clean environment, no task left behind, no key in Redis without an end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.bus import server, unbounded_keys


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the shell that runs the tests leaks into them."""
    for name in [name for name in os.environ if name.startswith("SCOUT_")]:  # noqa: TID251  # to clean it
        monkeypatch.delenv(name)


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Every task has ended by the time the test and its fixtures have."""
    yield
    left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, f"tasks nobody owns: {left}"


@pytest.fixture(autouse=True)
def invariants(request: pytest.FixtureRequest) -> None:
    """Apply the fixtures above that cost a test something only where they can find something."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("no_task_left")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Any]:
    """One embedded Valkey for the whole run; tests that stop or restart a server start their own."""
    with server() as running:
        yield running


@pytest.fixture
def redis_url(redis_server: Any) -> Iterator[str]:
    """The URL of an empty server; afterwards every key must have a TTL, or be one of those listed in `streams.py`."""
    client = redis_server.client()
    client.flushall()
    yield redis_server.connection_url
    left = unbounded_keys(client)
    client.close()
    assert not left, f"keys without a TTL: {left}"
