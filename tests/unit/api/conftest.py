from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.api.world import Api, an_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with an_api() as made:
        yield made
