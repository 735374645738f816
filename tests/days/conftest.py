"""A cluster on a private DHT whose days pass in a blink."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from tests.support.days import DAY_S, HOUR_S, Days, running_days
from tests.support.moving_time import MovingLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of every test here."""
    return {"moving": MovingLoop}


@pytest.fixture(
    params=[
        pytest.param(DAY_S, id="a day at a time"),
        pytest.param(1.5 * HOUR_S, id="hours at a time", marks=pytest.mark.many_hours),
    ]
)
async def days(request: pytest.FixtureRequest) -> AsyncIterator[Days]:
    async with running_days(request.param) as running:
        yield running
