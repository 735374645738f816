"""Peers of a torrent through the API, on a real swarm."""

from __future__ import annotations

import os

import aiohttp

from services.standalone.app import open_stack
from services.standalone.config import StandaloneConfig
from shared.clock import SystemClock
from shared.settings import Endpoint

INFO_HASH = "5a" * 20
CONFIG = StandaloneConfig(swarm=8, swarm_network="127.81", api_listen=Endpoint("127.0.0.1", 0))


async def test_what_is_announced_is_found() -> None:
    async with (
        open_stack(CONFIG, clock=SystemClock(), entropy=os.urandom) as stack,
        aiohttp.ClientSession(stack.api_url) as http,
    ):
        url = f"/v1/peers/{INFO_HASH}"
        nobody = await (await http.get(url)).json()
        assert nobody["peers"] == []
        assert nobody["lookup"]["answered"] > 0
        announced = await (await http.post(url, json={"port": 51413})).json()
        assert announced["storing"]["stored"] > 0
        found = await (await http.get(url)).json()
        assert found["peers"] == [str(Endpoint(stack.dht.host, 51413))]
        refused = await http.post(url, json={"port": 0})
        assert refused.status == 400
