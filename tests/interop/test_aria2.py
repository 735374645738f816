"""aria2 joins by one node of ours, and finds and visits the peer that another one announced."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from services.standalone.swarm import open_swarm
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from tests.support.aria2_peer import announced_peer, aria2_downloading, missing

CLOCK = SystemClock()
VISITED_WITHIN = 45.0
"""Seconds: aria2 looks for peers five seconds after it has found its first lookup empty."""
if (absent := missing()) is not None:
    pytest.skip(absent, allow_module_level=True)


async def test_aria2_bootstraps_from_our_node_and_visits_the_peer_that_we_announced(tmp_path: Path) -> None:
    info_hash = os.urandom(20)
    async with (
        open_swarm(8, "127.87", clock=CLOCK, entropy=os.urandom) as swarm,
        announced_peer(swarm[3].endpoint.host) as (port, asked_for),
    ):
        soon = CallContext(deadline_ms=CLOCK.utc_ms() + 10_000)
        announced = await swarm[3].announce_peer(dht.AnnouncePeer(info_hash=info_hash, port=port), soon)
        assert announced.storing.stored >= 3
        async with aria2_downloading(info_hash, "127.87.200.1", swarm[0].endpoint, tmp_path):
            assert await asyncio.wait_for(asked_for, VISITED_WITHIN) == info_hash
