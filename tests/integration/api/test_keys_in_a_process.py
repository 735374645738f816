"""A real API process with a key file: who gets in, what changes while it runs, and that no key is left anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

import scout
from shared.api_key_file import block
from shared.api_keys import ApiKey, Budget, Scope, digest_of, new_token
from tests.integration.api.test_process import STOP_WITHIN, answering, ready, running
from tests.support.bus import server
from tests.support.leaks import leaks
from tests.support.waiting import wait_until

BOTH = frozenset({Scope.READ, Scope.WRITE})
BUDGET = Budget(1_000, 1_000)


def a_key(name: str, tenant: str) -> tuple[str, str]:
    """A token, and its entry in the file."""
    token = new_token(os.urandom).reveal().decode()
    return token, block(ApiKey(name, tenant, BOTH, digest_of(token), budget=BUDGET))


def write(path: Path, *entries: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(entries))
    fresh.replace(path)


async def let_in(url: str, token: str) -> bool:
    async with scout.Client(url, api_key=token) as client:
        try:
            await client.create_key()
        except scout.Unauthorized:
            return False
    return True


async def test_keys_come_and_go_while_the_service_runs_and_show_nowhere(tmp_path: Path) -> None:
    phone, phones = a_key("phone", "acme")
    laptop, laptops = a_key("laptop", "umbrella")
    keys, state = tmp_path / "keys.toml", tmp_path / "bus"
    state.mkdir()
    write(keys, phones)
    bus = server(state, appendonly="yes", appendfsync="always")
    bus.start()
    try:
        settings = {"SCOUT_API_KEYS_FILE": str(keys), "SCOUT_LOG_LEVEL": "debug"}
        async with (
            answering(bus.connection_url),
            running(bus.connection_url, **settings) as (process, url, ops),
            aiohttp.ClientSession() as http,
        ):
            await wait_until(lambda: ready(http, ops), "the API is ready", 20.0)
            assert not await let_in(url, laptop)
            async with scout.Client(url, api_key=phone) as client:
                link = await client.link_from_secret(b"\xab" * 32, 0)
                await link.announce(1, ["192.0.2.1:443"], name="phone")
                assert [device.name for device in await link.devices()] == ["phone"]
            write(keys, laptops)
            await wait_until(lambda: let_in(url, laptop), "the new key is taken up", 10.0)
            assert not await let_in(url, phone), "and the old one is revoked"
            async with scout.Client(url, api_key=laptop) as client:
                with pytest.raises(scout.ScoutApiError, match="bad_handle"):
                    await client.link(link.handle).devices()
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(STOP_WITHIN):
                _, logged = await process.communicate()
    finally:
        bus.stop()
    assert b'"key":"phone"' in logged
    assert b"the API keys have changed" in logged
    places = {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()} | {"the log": logged}
    assert any(b"budget:acme" in content for content in places.values()), "what the bus was told is among them"
    secrets = [token.encode() for token in (phone, laptop)]
    hashes = [digest_of(token) for token in (phone, laptop)]
    assert leaks(places, [*secrets, *hashes]) == []
