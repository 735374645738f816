from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.usecases.mail import Mail
from tests.unit.usecases.world import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made


@pytest.fixture
async def mail() -> AsyncIterator[Mail]:
    async with a_world() as made:
        made.format = "scout2"
        yield Mail(made)
