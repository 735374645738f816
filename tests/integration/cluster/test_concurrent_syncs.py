"""Issue-sized concurrency on real processes: no write that was answered with success is ever lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from shared.settings import Endpoint
from tests.support.cluster import embedded_bus, running_cluster
from tests.support.syncs import DISTURB_AFTER, GONE, OK, RECORDS, WRITERS, disturbed, lose_nothing, patient_client

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def swarm() -> AsyncIterator[list[Endpoint]]:
    async with open_swarm(16, "127.71", clock=SystemClock(), entropy=os.urandom) as nodes:
        yield entry_points(nodes)


async def test_two_of_each_lose_nothing(tmp_path: Path, swarm: list[Endpoint]) -> None:
    async with running_cluster(tmp_path, swarm) as cluster, patient_client() as http:
        await lose_nothing(cluster, http)


async def test_one_of_each_killed_in_the_middle(tmp_path: Path, swarm: list[Endpoint]) -> None:
    async with running_cluster(tmp_path, swarm) as cluster, patient_client() as http:

        async def kill_one_of_each() -> None:
            for name in ("dht_node", "crypto", "api"):
                cluster.of(name)[0].kill()

        answers = await disturbed(cluster, http, kill_one_of_each)
        through_the_living = [answer for answer in answers if answer.status != GONE]
        assert all("code" in answer.document for answer in through_the_living if answer.status != OK)
        assert len([answer for answer in answers if answer.status == OK]) >= DISTURB_AFTER
        assert len(answers) == RECORDS * WRITERS


async def test_bus_restarted_in_the_middle(tmp_path: Path, swarm: list[Endpoint]) -> None:
    with embedded_bus(tmp_path / "bus") as bus:
        async with running_cluster(tmp_path, swarm, bus=bus) as cluster, patient_client() as http:

            async def restart() -> None:
                await asyncio.to_thread(bus.restart)

            answers = await disturbed(cluster, http, restart)
            assert all("code" in answer.document for answer in answers if answer.status != OK)
            assert len(answers) == RECORDS * WRITERS
