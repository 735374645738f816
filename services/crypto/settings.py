"""Settings of the crypto service (`SCOUT_*`; each may be a file, named by the variable with `_FILE` behind it)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.crypto.handles import MASTER_KEY_SIZE, MAX_KEY_ID, MasterKey
from shared import service_settings
from shared.bus.redis_settings import RedisSettings
from shared.settings import Endpoint, Reader, Secret, Setting, secret_hex

OPS_PORT = 9101


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the service is told from outside."""

    redis: RedisSettings
    bus_key: Secret
    master_keys: tuple[MasterKey, ...]
    """The first one wraps."""
    ops_listen: Endpoint
    log_level: str


def parse_master_keys(value: str) -> tuple[MasterKey, ...]:
    """Master keys from `id:hex`, separated by commas or lines; raises ValueError, which never quotes a key."""
    parts = [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]
    found = tuple(_parse_master_key(place, part) for place, part in enumerate(parts, start=1))
    if not found:
        raise ValueError("at least one id:hex, got none")
    if len({key.id for key in found}) < len(found):
        raise ValueError("a different id for each key, got one twice")
    return found


def _parse_master_key(place: int, part: str) -> MasterKey:
    key_id, colon, digits = part.partition(":")
    # without its colon the part may be all key: say where it stands, not what it is
    if not colon or not re.fullmatch(r"[0-9]{1,10}", key_id) or int(key_id) > MAX_KEY_ID:
        raise ValueError(f"id:hex with an id from 0 to {MAX_KEY_ID}, got something else in place {place}")
    try:
        return MasterKey(int(key_id), secret_hex(MASTER_KEY_SIZE)(digits))
    except ValueError as error:
        raise ValueError(f"{error}, for the key with id {key_id}") from None


_MASTER_KEYS: Setting[tuple[MasterKey, ...]] = Setting(
    "SCOUT_MASTER_KEYS",
    parse_master_keys,
    required=True,
    form=f"`id:hex`, an id from 0 to {MAX_KEY_ID} and {2 * MASTER_KEY_SIZE} hex digits; several with commas or lines "
    "between",
    help="wrap the handles of keys and links: the first wraps, all unwrap. Whoever has them has every handle's secret",
    secret=True,
)


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings from variables; see `read_from`."""
    return read_from(Reader(environ))


def read_from(reader: Reader) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once and quotes no secret."""
    redis, bus_key = service_settings.read_redis(reader), reader.read(service_settings.BUS_KEY)
    master_keys = reader.read(_MASTER_KEYS)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    log_level = reader.read(service_settings.LOG_LEVEL)
    reader.finish()
    return Settings(redis, bus_key, master_keys, ops_listen, log_level)
