"""Settings of the API service (`SCOUT_*`; each may be a file, named by the variable with `_FILE` behind it)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from services.api.headers import origin
from services.api.key_watch import read_text
from services.api.service import Limits, Network
from shared import service_settings
from shared.api_key_file import KeyFileError, parse
from shared.api_keys import KeyRing
from shared.bus.redis_settings import RedisSettings
from shared.settings import Endpoint, Reader, Secret, Setting, endpoint, flag, integer, listed

OPS_PORT = 9102
SHORTEST_DEADLINE_MS, LONGEST_DEADLINE_MS = 100, 60_000
SMALLEST_BODY, LARGEST_BODY = 1_024, 16 * 1024 * 1024
LARGEST_CROWD = 100_000
LONGEST_HSTS_S = 2 * 365 * 24 * 3600

KEYS_FILE: Setting[Path | None] = Setting(
    "SCOUT_API_KEYS_FILE",
    Path,
    form="a readable file, in TOML",
    help="the [API keys](api.md#api-keys); without it everybody who can connect may do everything, so "
    "`SCOUT_API_LISTEN` has to be on loopback",
)
_CORS_ORIGINS: Setting[list[str]] = Setting(
    "SCOUT_API_CORS_ORIGINS",
    listed(origin),
    [],
    form="`https://app.example`, with commas between",
    help="origins whose pages may call from a browser",
)
_HSTS_SECONDS = Setting(
    "SCOUT_API_HSTS_SECONDS",
    integer(0, LONGEST_HSTS_S),
    0,
    form=f"0 … {LONGEST_HSTS_S}",
    help="behind TLS: seconds for `Strict-Transport-Security`; `0`: without that header",
)
_LOG_ADDRESSES = Setting(
    "SCOUT_API_LOG_ADDRESSES",
    flag,
    default=False,
    form=service_settings.FLAG,
    help="whether the log says where requests come from",
)
_DEADLINE_MS = Setting(
    "SCOUT_API_DEADLINE_MS",
    integer(SHORTEST_DEADLINE_MS, LONGEST_DEADLINE_MS),
    Limits().deadline_ms,
    form=f"{SHORTEST_DEADLINE_MS} … {LONGEST_DEADLINE_MS}",
    help="milliseconds for a whole request; a client should wait some seconds longer",
)
_MAX_BODY = Setting(
    "SCOUT_API_MAX_BODY",
    integer(SMALLEST_BODY, LARGEST_BODY),
    Limits().max_body,
    form=f"{SMALLEST_BODY} … {LARGEST_BODY}",
    help="bytes of a request's body",
)
_MAX_IN_FLIGHT = Setting(
    "SCOUT_API_MAX_IN_FLIGHT",
    integer(1, LARGEST_CROWD),
    Limits().max_in_flight,
    form=f"1 … {LARGEST_CROWD}",
    help="requests worked on at once in a process; more are refused at the door",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the service is told from outside."""

    listen: Endpoint
    redis: RedisSettings
    bus_key: Secret
    ops_listen: Endpoint
    log_level: str
    limits: Limits
    origins: frozenset[str]
    hsts_s: int
    log_addresses: bool
    key_file: KeyFile | None
    """None: everybody who can connect may do everything, so `listen` is on loopback."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file of API keys, and what it said at the start."""

    path: Path
    ring: KeyRing


def loopback_endpoint(value: str) -> Endpoint:
    """An endpoint on loopback: without API keys whoever can connect may use the service. Raises ValueError."""
    parsed = endpoint(value)
    if not parsed.is_loopback:
        raise ValueError(
            "a loopback address, since there are no API keys to tell callers apart (SCOUT_API_KEYS_FILE); "
            f"got {value!r}"
        )
    return parsed


def network(value: str) -> Network:
    """A network like `10.0.0.0/8`, or one address. Raises ValueError."""
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(f"a network like 10.0.0.0/8 or an address, got {value!r}") from None


_LISTEN: Setting[Endpoint] = Setting(
    "SCOUT_API_LISTEN",
    loopback_endpoint,
    Endpoint("127.0.0.1", 8080),
    form=service_settings.ENDPOINT,
    help="where the API answers; on loopback only, unless there are API keys",
)
_TRUSTED_PROXIES: Setting[Sequence[Network]] = Setting(
    "SCOUT_API_TRUSTED_PROXIES",
    listed(network),
    [],
    form="networks or addresses, with commas between",
    help="whose `X-Forwarded-For` is believed when a device's address is `auto`",
)


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings from variables; see `read_from`."""
    return read_from(Reader(environ))


def read_from(reader: Reader) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once and quotes no secret."""
    keys_path = reader.read(KEYS_FILE)
    listen = reader.read(_LISTEN if keys_path is None else replace(_LISTEN, parse=endpoint))
    redis, bus_key = service_settings.read_redis(reader), reader.read(service_settings.BUS_KEY)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    log_level = reader.read(service_settings.LOG_LEVEL)
    limits = Limits(
        deadline_ms=reader.read(_DEADLINE_MS),
        max_body=reader.read(_MAX_BODY),
        max_in_flight=reader.read(_MAX_IN_FLIGHT),
        trusted_proxies=reader.read(_TRUSTED_PROXIES),
    )
    origins, hsts_s = reader.read(_CORS_ORIGINS), reader.read(_HSTS_SECONDS)
    log_addresses = reader.read(_LOG_ADDRESSES)
    key_file = None if keys_path is None else _key_file(reader, keys_path)
    reader.finish()
    return Settings(
        listen, redis, bus_key, ops_listen, log_level, limits, frozenset(origins), hsts_s, log_addresses, key_file
    )


def _key_file(reader: Reader, at: Path) -> KeyFile | None:
    """The keys in a file; what is wrong with it becomes the reader's problems."""
    try:
        return KeyFile(at, parse(read_text(at)))
    except OSError as error:
        problems = [f"expected a readable file, got {at}: {error.strerror}"]
    except KeyFileError as error:
        problems = [f"{at}: {problem}" for problem in error.problems]
    for problem in problems:
        reader.complain(f"SCOUT_API_KEYS_FILE: {problem}")
    return None
