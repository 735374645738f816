"""TLS, client certificates and passwords from files, and what an operator reads when one of them is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.meters import BusMeters
from shared.bus.redis_client import RedisClient, connect, parse_redis_url
from shared.bus.redis_settings import Login, RedisSettings, Tls
from shared.clock import SystemClock
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint
from tests.support.certificates import Authority
from tests.support.cluster import running_cluster
from tests.support.redis_bus import RealRedis
from tests.support.redis_servers import DURABLE, RedisProcess, running
from tests.support.syncs import lose_nothing, patient_client
from tests.support.waiting import wait_until

PASSWORD = "correct horse"


def tls_server(directory: Path, authority: Authority, alternative: str, *more: str) -> RedisProcess:
    """A server that speaks nothing but TLS; the test connects with a certificate of its own."""
    certificate, key = authority.signed(f"server-{directory.name}", alternative)
    mine, my_key = authority.signed(f"test-{directory.name}", "IP:127.0.0.1")
    options = {
        "ssl": True,
        "ssl_ca_certs": str(authority.certificate),
        "ssl_certfile": str(mine),
        "ssl_keyfile": str(my_key),
        "ssl_check_hostname": False,
    }
    server = RedisProcess(directory, client_options=options)
    server.lines = (
        *DURABLE,
        f"tls-port {server.port}",
        f"tls-cert-file {certificate}",
        f"tls-key-file {key}",
        f"tls-ca-cert-file {authority.certificate}",
        *more,
    )
    return server


@pytest.fixture
def encrypted(tmp_path: Path, authority: Authority) -> Iterator[RedisProcess]:
    server = tls_server(tmp_path / "encrypted", authority, "IP:127.0.0.1", "tls-auth-clients no")
    with running(server):
        yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server in the clear with a password."""
    server = RedisProcess(
        tmp_path / "guarded", (*DURABLE, f'requirepass "{PASSWORD}"'), client_options={"password": PASSWORD}
    )
    with running(server):
        yield server


async def said(settings: RedisSettings) -> str:
    """The line in which connecting fails."""
    with pytest.raises(ScoutError) as caught:
        async with connect(settings, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())):
            pass
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert PASSWORD not in caught.value.detail
    assert caught.value.detail.startswith(f"expected Redis at {settings}, got: ")
    return caught.value.detail.partition("got: ")[2]


def at(server: RedisProcess, scheme: str = "rediss", **fields: object) -> RedisSettings:
    return replace(parse_redis_url(f"{scheme}://{server.address}"), **fields)  # type: ignore[arg-type]


async def echoes(redis: RedisClient) -> bool:
    return bool(await redis.shared.command("ECHO", "hello") == b"hello")


async def test_an_authority_of_ones_own_is_trusted_and_no_other(encrypted: RedisProcess, authority: Authority) -> None:
    settings = at(encrypted, tls=Tls(authority.certificate))
    async with connect(settings, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())) as redis:
        assert await echoes(redis)
    line = await said(at(encrypted))
    assert "a certificate that is not trusted" in line
    assert "SCOUT_REDIS_CA_FILE" in line


async def test_another_authority_or_another_name_is_refused(
    encrypted: RedisProcess, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    assert "a certificate that is not trusted" in await said(at(encrypted, tls=Tls(stranger.certificate)))
    elsewhere = tls_server(tmp_path / "elsewhere", authority, "DNS:redis.example", "tls-auth-clients no")
    with running(elsewhere):
        line = await said(at(elsewhere, tls=Tls(authority.certificate)))
    assert "is not valid for '127.0.0.1'" in line


async def test_a_server_may_ask_for_our_certificate(tmp_path: Path, authority: Authority) -> None:
    strict = tls_server(tmp_path / "strict", authority, "IP:127.0.0.1", "tls-auth-clients yes")
    mine, my_key = authority.signed("scout-api", "DNS:scout-api")
    with running(strict):
        settings = at(strict, tls=Tls(authority.certificate, mine, my_key))
        async with connect(settings, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())) as redis:
            assert await echoes(redis)
        line = await said(at(strict, tls=Tls(authority.certificate)))
    assert "SCOUT_REDIS_CERT_FILE" in line


async def test_tls_and_no_tls_mistaken_for_each_other_are_told_apart(
    encrypted: RedisProcess, guarded: RedisProcess
) -> None:
    assert "a server without TLS keeps silent here" in await said(at(guarded))
    assert "a server with TLS closes like this" in await said(at(encrypted, "redis"))


async def test_no_password_a_wrong_one_and_an_absent_file_are_told_apart(guarded: RedisProcess) -> None:
    assert "the server wants a password" in await said(at(guarded, "redis"))
    line = await said(replace(parse_redis_url(f"redis://default:wrong@{guarded.address}")))
    assert "knows no such user with this password (WRONGPASS)" in line
    absent = Login("default", password_file=Path("/nowhere/password"))
    assert "a file that can't be read, /nowhere/password" in await said(at(guarded, "redis", login=absent))


async def test_a_password_that_nobody_wants_is_told(encrypted: RedisProcess, authority: Authority) -> None:
    settings = replace(parse_redis_url(f"rediss://:needless@{encrypted.address}"), tls=Tls(authority.certificate))
    assert "no password" in await said(settings)


async def test_a_rotated_password_is_read_when_a_connection_is_made_again(
    guarded: RedisProcess, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD, encoding="utf-8")
    settings = at(guarded, "redis", login=Login(password_file=file))
    async with connect(settings, clock=SystemClock(), meters=BusMeters.build(CollectorRegistry())) as redis:
        assert await echoes(redis)
        file.write_text("battery staple\n", encoding="utf-8")
        guarded.ask("CONFIG", "SET", "requirepass", "battery staple")
        guarded.client_options["password"] = "battery staple"
        guarded.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

        async def back() -> bool:
            try:
                return await echoes(redis)
            except Exception:  # noqa: BLE001  # whichever way it is not there yet
                return False

        await wait_until(back, "it is there again with the new password")


@pytest.mark.timeout(120)
async def test_two_of_each_lose_nothing_over_tls_with_a_password(
    tmp_path: Path, authority: Authority, swarm: list[Endpoint]
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    server = tls_server(
        tmp_path / "redis", authority, "IP:127.0.0.1", "tls-auth-clients no", f'requirepass "{PASSWORD}"'
    )
    server.client_options["password"] = PASSWORD
    files = {"SCOUT_REDIS_CA_FILE": str(authority.certificate), "SCOUT_REDIS_PASSWORD_FILE": str(file)}
    with running(server):
        async with (
            running_cluster(
                tmp_path, swarm, network="127.76", bus=RealRedis(f"rediss://{server.address}", files)
            ) as cluster,
            patient_client() as http,
        ):
            await lose_nothing(cluster, http)
