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
from shared.settings import Endpoint, Reader, Setting, endpoint, flag, integer, listed, one_of
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


_LISTEN: Setting[Endpoint] = Setting(
    "SCOUT_DHT_LISTEN",
    ipv4_endpoint,
    Endpoint(EVERYWHERE, 6881),
    form="an IPv4 address and a UDP port: `address:port`",
    help="where the node speaks; on a host with several addresses, name the one that others reach",
)
_LISTEN6: Setting[Endpoint | None] = Setting(
    "SCOUT_DHT_LISTEN6",
    ipv6_endpoint,
    form="an IPv6 address and a UDP port, `[address]:port`, or `off`",
    usual="`[::]` at the same port if `SCOUT_DHT_LISTEN` is at `0.0.0.0` and the host has IPv6, else `off`",
    help="where the node of IPv6 speaks",
)
_BOOTSTRAP: Setting[list[Endpoint]] = Setting(
    "SCOUT_DHT_BOOTSTRAP",
    listed(endpoint),
    list(BOOTSTRAP),
    form="`host:port`, with commas between",
    usual=f"{len(BOOTSTRAP)} well-known nodes; in labs none",
    help="by whom to join the DHT",
)
_EXTERNAL_IP: Setting[str | None] = Setting(
    "SCOUT_DHT_EXTERNAL_IP",
    ipv4,
    form="an IPv4 address",
    usual="voted",
    help="our address as others see it; switches the vote off",
)
_EXTERNAL_IP6: Setting[str | None] = Setting(
    "SCOUT_DHT_EXTERNAL_IP6", ipv6, form="an IPv6 address", usual="voted", help="the same for IPv6"
)
_MODE: Setting[Mode] = Setting(
    "SCOUT_DHT_MODE",
    mode,
    Mode.SERVER,
    form="`server`, `read-only` or `auto`",
    help="whether others are answered; see [Modes](dht-node.md#modes)",
)
_LAB: Setting[bool] = Setting(
    "SCOUT_DHT_LAB",
    flag,
    default=False,
    form=service_settings.FLAG,
    help="private and loopback addresses are nodes too, and nobody has a quota; never on the public DHT",
)
_STATE_DIR: Setting[Path | None] = Setting(
    "SCOUT_DHT_STATE_DIR",
    Path,
    form="a directory",
    usual="nothing is kept",
    help="where id, contacts and stored items outlive a restart; see [Saved state](dht-node.md#saved-state)",
)
_INBOUND_RATE: Setting[int] = Setting(
    "SCOUT_DHT_INBOUND_RATE",
    integer(0, MAX_INBOUND_RATE),
    int(NodeConfig().inbound_rate),
    form=f"0 … {MAX_INBOUND_RATE}",
    help="queries a second that one address (of IPv6, one /64) is answered; `0`: no limit",
)
_SCRAPE: Setting[bool] = Setting(
    "SCOUT_DHT_SCRAPE",
    flag,
    default=False,
    form=service_settings.FLAG,
    help="answer scrapes (BEP 33): up to 1400 bytes for a question of 110, to whatever address it claims to come from",
)
_KEEP_INTERVAL: Setting[int] = Setting(
    "SCOUT_DHT_KEEP_INTERVAL",
    integer(1, MAX_KEEP_INTERVAL),
    DEFAULT_KEEP_INTERVAL,
    form=f"1 … {MAX_KEEP_INTERVAL}",
    help="seconds between two puts of what is kept alive, ±20 %",
)
_KEEP_MAX: Setting[int] = Setting(
    "SCOUT_DHT_KEEP_MAX",
    integer(0, MAX_KEEP_MAX),
    streams.MAX_KEPT,
    form=f"0 … {MAX_KEEP_MAX}",
    help="items that the whole cluster keeps alive, about 1.7 KB each in Redis; the same for all nodes",
)


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings from variables; see `read_from`."""
    return read_from(Reader(environ))


def read_from(reader: Reader) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once."""
    listen = reader.read(_LISTEN)
    chosen6 = reader.read(_LISTEN6)
    lab = reader.read(_LAB)
    external, external6 = reader.read(_EXTERNAL_IP), reader.read(_EXTERNAL_IP6)
    bootstrap = reader.read(replace(_BOOTSTRAP, default=[]) if lab else _BOOTSTRAP)
    node = replace(
        LAB if lab else NodeConfig(),
        mode=reader.read(_MODE),
        external_ip=external,
        inbound_rate=reader.read(_INBOUND_RATE),
        scrape=reader.read(_SCRAPE),
    )
    node6 = replace(node, family=V6, external_ip=external6)
    state_dir = reader.read(_STATE_DIR)
    redis, log_level = service_settings.read_redis(reader), reader.read(service_settings.LOG_LEVEL)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    interval, keep_max = reader.read(_KEEP_INTERVAL), reader.read(_KEEP_MAX)
    reader.finish()
    return Settings(
        redis=redis,
        node=node,
        listen=listen,
        ipv6=_ipv6(chosen6, node6, listen),
        bootstrap=tuple(bootstrap),
        state_path=state_dir / STATE_FILE if state_dir else None,
        keep_pace=KeepPace.every(interval),
        keep_max=keep_max,
        ops_listen=ops_listen,
        log_level=log_level,
    )


def _ipv6(chosen: Endpoint | None, node: NodeConfig, listen: Endpoint) -> Ipv6:
    """Whoever listens at every IPv4 address does so at every IPv6 one too, unless he says otherwise."""
    usual = Endpoint("::", listen.port) if listen.host == EVERYWHERE else None
    return Ipv6(node=node, listen=None if chosen == OFF else chosen or usual, required=chosen is not None)
