from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from services.dht_node.core.contact import Address
from services.dht_node.core.family import V4, V6
from services.dht_node.net.bootstrap import Bootstrap, resolve_all
from shared.settings import Endpoint


async def test_every_name_is_tried_and_addresses_come_once_in_order() -> None:
    names = [Endpoint("127.0.0.2", 5), Endpoint("127.0.0.1", 6), Endpoint("127.0.0.2", 5)]
    assert await resolve_all(names) == [("127.0.0.2", 5), ("127.0.0.1", 6)]


async def test_a_name_without_address_costs_a_log_line_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = await resolve_all([Endpoint("no.such.name.invalid", 1), Endpoint("127.0.0.1", 6)])
    assert found == [("127.0.0.1", 6)]
    assert [record.bootstrap for record in caplog.records if hasattr(record, "bootstrap")] == ["no.such.name.invalid:1"]


async def test_each_family_takes_its_own_addresses(caplog: pytest.LogCaptureFixture) -> None:
    names = [Endpoint("127.0.0.1", 5), Endpoint("2001:db8::7", 6)]
    with caplog.at_level(logging.INFO):
        assert await resolve_all(names, V4) == [("127.0.0.1", 5)]
        assert await resolve_all(names, V6) == [("2001:db8::7", 6)]
    assert not caplog.records


async def test_wishes_are_served_as_they_come() -> None:
    handed: asyncio.Queue[list[Address]] = asyncio.Queue()
    bootstrap = Bootstrap([Endpoint("127.0.0.1", 6)])
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(bootstrap.run(handed.put_nowait))
        for _ in range(2):
            bootstrap.wish()
            assert await handed.get() == [("127.0.0.1", 6)]
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    assert handed.empty()
