"""Where Redis is and what it wants: one frozen value, from a URL and the settings beside it.

The URL says which of four things is there: one server (`redis`, `rediss`, `unix`), a master that Sentinels watch
(`redis+sentinel`, with TLS `redis+sentinels`), or a Redis Cluster (`redis+cluster`, `redis+clusters`). `valkey` may
stand for `redis` in all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from shared.settings import Endpoint, Secret, endpoint

REDIS_PORT = 6379
SENTINEL_PORT = 26379

EXAMPLE = "redis://host:6379/0"


class Topology(Enum):
    """What stands behind a URL."""

    SERVER = "one server"
    SENTINEL = "a master that Sentinels know"
    CLUSTER = "a Redis Cluster"


_SCHEMES = {
    "redis": (Topology.SERVER, False),
    "rediss": (Topology.SERVER, True),
    "unix": (Topology.SERVER, False),
    "redis+sentinel": (Topology.SENTINEL, False),
    "redis+sentinels": (Topology.SENTINEL, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "redis+clusters": (Topology.CLUSTER, True),
}
_VALKEY = {"valkey+unix": "unix", "valkeys": "rediss"}


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password; the password may be in a file, which is read again for each connection."""

    username: str = ""
    """Empty: the server's user `default`."""
    password: Secret | None = None
    password_file: Path | None = None
    """Holds instead of `password`: one that was rotated is taken from here when a connection is made again."""

    def credentials(self) -> tuple[str, str]:
        """User and password as they are now; both empty when there are none. Raises OSError."""
        if self.password_file is not None:
            return self.username, self.password_file.read_text(encoding="utf-8").strip()
        return self.username, self.password.reveal().decode() if self.password else ""


@dataclass(frozen=True, slots=True)
class Tls:
    """How to be sure of the server, and how it can be sure of us; the files are read for each connection."""

    ca_file: Path | None = None
    """The authorities to trust, in PEM, and no others; None: those of the system."""
    cert_file: Path | None = None
    """A certificate of our own, in PEM, for servers that ask for one."""
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """All that `redis_client.connect` is told."""

    scheme: str
    """As in `_SCHEMES`."""
    topology: Topology
    endpoints: tuple[Endpoint, ...] = ()
    """The server, the Sentinels, or some nodes of the Cluster; empty for a Unix socket."""
    path: str = ""
    """Of the Unix socket."""
    master: str = ""
    """What the Sentinels call the master."""
    db: int = 0
    tls: Tls | None = None
    """None: in the clear."""
    login: Login = Login()
    sentinel_login: Login = Login()
    """Sentinels have users and passwords of their own."""

    def __str__(self) -> str:
        """The URL without user and password, for messages."""
        where = self.path or ",".join(map(str, self.endpoints))
        database = f"/{self.db}" if self.db else ""
        return f"{self.scheme}://{where}{'/' if self.master else ''}{self.master}{database}"


def redacted(url: str) -> str:
    """A URL, whatever it is, without user, password and options, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def parse_redis_url(text: str) -> RedisSettings:
    """What a URL alone says; raises ValueError, which completes "expected …" and quotes no secret."""
    scheme, separator, rest = text.partition("://")
    scheme = _VALKEY.get(scheme, re.sub(r"^valkey\b", "redis", scheme))
    if scheme not in _SCHEMES or not separator:
        raise ValueError(f"a URL such as {EXAMPLE}, got {redacted(text)!r}")
    topology, encrypted = _SCHEMES[scheme]
    rest, _, options = rest.partition("?")
    authority, slash, path = rest.rpartition("@")[2].partition("/")
    try:
        if scheme == "unix":
            where, master, db = _unix(authority + slash + path), "", ""
            endpoints: tuple[Endpoint, ...] = ()
        else:
            where, endpoints = "", _endpoints(authority, topology)
            master, db = _path(path, topology)
        return RedisSettings(
            scheme,
            topology,
            endpoints,
            where,
            master,
            _database(db, options, topology),
            Tls() if encrypted else None,
            _login(rest),
        )
    except ValueError as error:
        raise ValueError(f"a URL such as {EXAMPLE}, with {error}; got {redacted(text)!r}") from None


def _unix(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("the absolute path of a socket")
    return unquote(path)


def _endpoints(authority: str, topology: Topology) -> tuple[Endpoint, ...]:
    """`host`, `host:port`, `[ipv6]:port`; Sentinels and nodes of a Cluster as a list with commas."""
    usual = SENTINEL_PORT if topology is Topology.SENTINEL else REDIS_PORT
    parts = authority.split(",") if topology is not Topology.SERVER else [authority]
    return tuple(_endpoint(part, usual) for part in parts)


def _endpoint(part: str, usual_port: int) -> Endpoint:
    if not part or "," in part:
        raise ValueError("one host")
    if re.search(r":[^\]]*$", part):
        return endpoint(part)
    return Endpoint(part.removeprefix("[").removesuffix("]"), usual_port)


def _path(path: str, topology: Topology) -> tuple[str, str]:
    """Name of the master and number of the database, the latter as text."""
    if topology is not Topology.SENTINEL:
        return "", path
    master, _, db = path.partition("/")
    if not master:
        raise ValueError("the name of the master after the Sentinels, as in redis+sentinel://host:26379/mymaster")
    return unquote(master), db


def _database(in_path: str, options: str, topology: Topology) -> int:
    given: dict[str, str] = dict(parse_qsl(options, keep_blank_values=True))
    if given.keys() - {"db"}:
        raise ValueError("no options but db")
    text = in_path.strip("/") or given.get("db", "")
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the number of a database")
    if topology is Topology.CLUSTER and int(text or 0) != 0:
        raise ValueError("no database: a Cluster has only the first")
    return int(text or 0)


def _login(rest: str) -> Login:
    user, _, password = rest.rpartition("@")[0].partition(":")
    return Login(unquote(user), Secret(unquote(password).encode()) if password else None)
