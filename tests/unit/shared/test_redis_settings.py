from __future__ import annotations

from pathlib import Path

import pytest

from shared import service_settings
from shared.bus.redis_settings import Login, RedisSettings, Tls, Topology, parse_redis_url
from shared.settings import Endpoint, Reader, SettingsError

HOST = (Endpoint("h", 6379),)


def read(**environ: str) -> RedisSettings:
    reader = Reader({f"SCOUT_REDIS_{name}": value for name, value in environ.items()})
    settings = service_settings.read_redis(reader)
    reader.finish()
    return settings


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(**environ)
    assert "hunter2" not in str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize(
    ("url", "topology", "endpoints", "tls"),
    [
        ("redis://h", Topology.SERVER, HOST, None),
        ("rediss://h:1", Topology.SERVER, (Endpoint("h", 1),), Tls()),
        ("valkeys://[::1]:7", Topology.SERVER, (Endpoint("::1", 7),), Tls()),
        ("redis://[::1]", Topology.SERVER, (Endpoint("::1", 6379),), None),
        ("redis+sentinel://a,b:7/m", Topology.SENTINEL, (Endpoint("a", 26379), Endpoint("b", 7)), None),
        ("valkey+sentinels://a/m", Topology.SENTINEL, (Endpoint("a", 26379),), Tls()),
        ("redis+cluster://a:1,b", Topology.CLUSTER, (Endpoint("a", 1), Endpoint("b", 6379)), None),
        ("redis+clusters://h", Topology.CLUSTER, HOST, Tls()),
    ],
)
def test_a_url_says_what_is_there(
    url: str, topology: Topology, endpoints: tuple[Endpoint, ...], tls: Tls | None
) -> None:
    found = parse_redis_url(url)
    assert (found.topology, found.endpoints, found.tls) == (topology, endpoints, tls)


def test_a_url_has_a_user_a_database_a_master_and_a_socket() -> None:
    found = parse_redis_url("redis+sentinel://me:p%40ss@a,b/cache/3")
    assert (found.master, found.db, found.login.credentials()) == ("cache", 3, ("me", "p@ss"))
    assert parse_redis_url("redis://h/5").db == 5
    assert parse_redis_url("valkey+unix:///run/redis.sock?db=2").path == "/run/redis.sock"
    assert parse_redis_url("unix:///run/redis.sock?db=2").db == 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://me:hunter2@h", r"a URL such as redis://host:6379/0, got 'http://h'"),
        ("redis://", "with one host"),
        ("redis://a,b", "with one host"),
        ("redis://h:port", "with host:port"),
        ("redis://h/first", "with the number of a database"),
        ("redis://h?ssl_cert_reqs=none", "with no options but db"),
        ("redis+sentinel://me:hunter2@h", "with the name of the master after the Sentinels"),
        ("redis+cluster://h/1", "with no database: a Cluster has only the first"),
        ("unix://run", "with the absolute path of a socket"),
    ],
)
def test_a_url_that_is_none_is_a_clear_problem(url: str, expected: str) -> None:
    (problem,) = problems(URL=url)
    assert problem.startswith("SCOUT_REDIS_URL: expected a URL such as redis://host:6379/0")
    assert expected in problem


def test_what_is_set_beside_the_url_holds_before_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("first\n", encoding="utf-8")
    found = read(URL="redis://me:old@h", USERNAME="scout-api", PASSWORD_FILE=str(tmp_path / "password"))
    assert found.login.credentials() == ("scout-api", "first")
    (tmp_path / "password").write_text("rotated\n", encoding="utf-8")
    assert found.login.credentials() == ("scout-api", "rotated")
    assert read(URL="redis://me:old@h", USERNAME="you").login.credentials() == ("you", "old")
    assert read(URL="redis://me@h", PASSWORD="new").login.credentials() == ("me", "new")


def test_sentinels_have_a_login_of_their_own() -> None:
    found = read(URL="redis+sentinel://me:p@h/m", SENTINEL_USERNAME="watcher", SENTINEL_PASSWORD="q")
    assert found.login.credentials() == ("me", "p")
    assert found.sentinel_login.credentials() == ("watcher", "q")
    assert read(URL="redis+sentinel://me:p@h/m").sentinel_login == Login()


def test_files_for_tls(tmp_path: Path) -> None:
    ca, cert, key = (tmp_path / name for name in ("ca", "cert", "key"))
    for path in (ca, cert, key):
        path.touch()
    found = read(URL="rediss://h", CA_FILE=str(ca), CERT_FILE=str(cert), KEY_FILE=str(key))
    assert found.tls == Tls(ca, cert, key)


def test_every_problem_with_tls_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca").touch()
    found = problems(
        URL="redis://me:hunter2@h", CA_FILE=str(tmp_path / "ca"), CERT_FILE="/nowhere", PASSWORD_FILE="/absent"
    )
    assert found == [
        "SCOUT_REDIS_PASSWORD_FILE: expected a readable file, got /absent: No such file or directory",
        "SCOUT_REDIS_CERT_FILE: expected a readable file, got /nowhere: No such file or directory",
        "SCOUT_REDIS_URL: expected TLS, since files for it are set; got redis://h:6379",
    ]
    assert problems(URL="rediss://h", KEY_FILE=str(tmp_path / "ca")) == [
        "SCOUT_REDIS_CERT_FILE: expected it together with SCOUT_REDIS_KEY_FILE, got one of them"
    ]
    assert problems() == ["SCOUT_REDIS_URL: expected a value, but neither it nor SCOUT_REDIS_URL_FILE is set"]


def test_no_secret_shows() -> None:
    found = read(URL="redis+sentinels://me:hunter2@a:1,b:2/cache/3", SENTINEL_PASSWORD="hunter2")
    assert str(found) == "redis+sentinels://a:1,b:2/cache/3"
    assert "hunter2" not in repr(found)
