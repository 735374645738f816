"""Settings of the API service (`SCOUT_*`; each may be a file, named by the variable with `_FILE` behind it)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
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

CORS_ORIGINS: Setting[list[str]] = Setting("SCOUT_API_CORS_ORIGINS", listed(origin), [])
KEYS_FILE: Setting[Path | None] = Setting("SCOUT_API_KEYS_FILE", Path, None)


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


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once and quotes no secret."""
    reader, usual = Reader(environ), Limits()
    keys_path = reader.read(KEYS_FILE)
    address = loopback_endpoint if keys_path is None else endpoint
    listen = reader.read(Setting("SCOUT_API_LISTEN", address, Endpoint("127.0.0.1", 8080)))
    redis, bus_key = service_settings.read_redis(reader), reader.read(service_settings.BUS_KEY)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    log_level = reader.read(service_settings.LOG_LEVEL)
    deadline = integer(SHORTEST_DEADLINE_MS, LONGEST_DEADLINE_MS)
    limits = Limits(
        deadline_ms=reader.read(Setting("SCOUT_API_DEADLINE_MS", deadline, usual.deadline_ms)),
        max_body=reader.read(Setting("SCOUT_API_MAX_BODY", integer(SMALLEST_BODY, LARGEST_BODY), usual.max_body)),
        max_in_flight=reader.read(Setting("SCOUT_API_MAX_IN_FLIGHT", integer(1, LARGEST_CROWD), usual.max_in_flight)),
        trusted_proxies=reader.read(Setting("SCOUT_API_TRUSTED_PROXIES", listed(network), [])),
    )
    origins = reader.read(CORS_ORIGINS)
    hsts_s = reader.read(Setting("SCOUT_API_HSTS_SECONDS", integer(0, LONGEST_HSTS_S), 0))
    log_addresses = reader.read(Setting("SCOUT_API_LOG_ADDRESSES", flag, default=False))
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


def loopback_endpoint(value: str) -> Endpoint:
    """An endpoint on loopback: without API keys whoever can connect may use the service. Raises ValueError."""
    parsed = endpoint(value)
    try:
        local = parsed.host == "localhost" or ipaddress.ip_address(parsed.host).is_loopback
    except ValueError:
        local = False
    if not local:
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
