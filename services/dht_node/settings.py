"""Settings of the DHT node (`SCOUT_*`; each may be a file, named by the variable with `_FILE` behind it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from services.dht_node.core.config import LAB, Mode, NodeConfig
from services.dht_node.core.family import V6
from services.dht_node.keeping import KeepPace
from shared import service_settings
from shared.bus import streams
from shared.bus.redis_settings import RedisSettings
from shared.settings import Endpoint, Reader, Setting, endpoint, flag, integer, listed, one_of, text
from shared.well_known import BOOTSTRAP

OPS_PORT = 9103
STATE_FILE = "dht_node.state"
CANARY_FILE = "dht_node.canary"
MAX_INBOUND_RATE = 1_000_000
DEFAULT_KEEP_INTERVAL = 3600
MAX_KEEP_INTERVAL = 5400
"""Seconds; with the jitter still within the two hours for which nodes hold an item."""
MAX_KEEP_MAX = 10_000_000
EVERYWHERE = "0.0.0.0"  # noqa: S104  # peers come from anywhere
OFF = Endpoint("off", 0)


@dataclass(frozen=True, slots=True)
class Ipv6:
    """The node of IPv6 that runs beside the one of IPv4."""

    node: NodeConfig
    listen: Endpoint | None
    """None: there is none."""
    required: bool
    """The operator asked for it: without it we do not start."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the service is told from outside."""

    redis: RedisSettings
    node: NodeConfig
    listen: Endpoint
    ipv6: Ipv6
    bootstrap: tuple[Endpoint, ...]
    state_path: Path | None
    keep_pace: KeepPace
    keep_max: int
    """Items that the whole cluster keeps alive."""
    ops_listen: Endpoint
    log_level: str

    @property
    def canary_path(self) -> Path | None:
        """Where the key of the canary is kept: beside the state."""
        return self.state_path.with_name(CANARY_FILE) if self.state_path else None


def ipv4(value: str) -> str:
    """An IPv4 address in dotted form."""
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError(f"an IPv4 address, got {value!r}") from None


def ipv4_endpoint(value: str) -> Endpoint:
    """`address:port` with an IPv4 address: a name could stand for several, and a socket is bound to one."""
    found = endpoint(value)
    return Endpoint(ipv4(found.host), found.port)


def mode(value: str) -> Mode:
    """`server`, `read-only` or `auto`."""
    return Mode(one_of(*Mode)(value))


def ipv6(value: str) -> str:
    """An IPv6 address as RFC 5952 writes it."""
    try:
        return str(IPv6Address(value))
    except ValueError:
        raise ValueError(f"an IPv6 address, got {value!r}") from None


def ipv6_endpoint(value: str) -> Endpoint:
    """`[address]:port` with an IPv6 address, or `off`."""
    if value == OFF.host:
        return OFF
    found = endpoint(value)
    return Endpoint(ipv6(found.host), found.port)


_EXTERNAL_IP6: Setting[str | None] = Setting("SCOUT_DHT_EXTERNAL_IP6", ipv6)
_LISTEN6: Setting[Endpoint | None] = Setting("SCOUT_DHT_LISTEN6", ipv6_endpoint)
_EXTERNAL_IP: Setting[str | None] = Setting("SCOUT_DHT_EXTERNAL_IP", ipv4)
_STATE_DIR: Setting[str | None] = Setting("SCOUT_DHT_STATE_DIR", text)


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once."""
    reader = Reader(environ)
    lab = reader.read(Setting("SCOUT_DHT_LAB", flag, default=False))
    rate = int(NodeConfig().inbound_rate)
    node = replace(
        LAB if lab else NodeConfig(),
        mode=reader.read(Setting("SCOUT_DHT_MODE", mode, Mode.SERVER)),
        external_ip=reader.read(_EXTERNAL_IP),
        inbound_rate=reader.read(Setting("SCOUT_DHT_INBOUND_RATE", integer(0, MAX_INBOUND_RATE), rate)),
        scrape=reader.read(Setting("SCOUT_DHT_SCRAPE", flag, default=False)),
    )
    listen = reader.read(Setting("SCOUT_DHT_LISTEN", ipv4_endpoint, Endpoint(EVERYWHERE, 6881)))
    beside = _ipv6(reader, node, listen)
    bootstrap = reader.read(Setting("SCOUT_DHT_BOOTSTRAP", listed(endpoint), [] if lab else list(BOOTSTRAP)))
    state_dir = reader.read(_STATE_DIR)
    redis, log_level = service_settings.read_redis(reader), reader.read(service_settings.LOG_LEVEL)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    interval = reader.read(Setting("SCOUT_DHT_KEEP_INTERVAL", integer(1, MAX_KEEP_INTERVAL), DEFAULT_KEEP_INTERVAL))
    keep_max = reader.read(Setting("SCOUT_DHT_KEEP_MAX", integer(0, MAX_KEEP_MAX), streams.MAX_KEPT))
    reader.finish()
    state_path = Path(state_dir) / STATE_FILE if state_dir else None
    return Settings(
        redis=redis,
        node=node,
        listen=listen,
        ipv6=beside,
        bootstrap=tuple(bootstrap),
        state_path=state_path,
        keep_pace=KeepPace.every(interval),
        keep_max=keep_max,
        ops_listen=ops_listen,
        log_level=log_level,
    )


def _ipv6(reader: Reader, node: NodeConfig, listen: Endpoint) -> Ipv6:
    """Whoever listens at every IPv4 address does so at every IPv6 one too, unless he says otherwise."""
    chosen = reader.read(_LISTEN6)
    usual = Endpoint("::", listen.port) if listen.host == EVERYWHERE else None
    return Ipv6(
        node=replace(node, family=V6, external_ip=reader.read(_EXTERNAL_IP6)),
        listen=None if chosen == OFF else chosen or usual,
        required=chosen is not None,
    )
