"""The settings that several services have, declared once: one name, one form and one default for all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shared.bus.redis_settings import Login, RedisSettings, Tls, parse_redis_url
from shared.bus.seal import KEY_BYTES
from shared.settings import (
    Endpoint,
    Reader,
    Secret,
    Setting,
    endpoint,
    one_of,
    readable_file,
    secret_hex,
    secret_text,
    text,
)

ENDPOINT = "`host:port`, `[ipv6]:port`"
FLAG = "`true` or `false`"

REDIS_URL: Setting[RedisSettings] = Setting(
    "SCOUT_REDIS_URL",
    parse_redis_url,
    required=True,
    form="`redis://host:6379/0`, `rediss://…` with TLS, `unix:///path`, `redis+sentinel://host,host/master`, "
    "`redis+cluster://host,host`; `valkey` may stand for `redis`",
    help="the bus: Redis 7.0 or later, or Valkey. The same for all services; may name a user",
)
"""The rest of Redis's settings says more about it; `read_redis` reads them all."""

PEM = "a readable file, in PEM"
REDIS_CA: Setting[Path | None] = Setting(
    "SCOUT_REDIS_CA_FILE",
    readable_file,
    form=PEM,
    usual="the system's",
    help="whom to trust to say that a server is Redis; nobody else then",
)
REDIS_CERT: Setting[Path | None] = Setting(
    "SCOUT_REDIS_CERT_FILE", readable_file, form=PEM, help="our own certificate, for a Redis that asks for one"
)
REDIS_KEY: Setting[Path | None] = Setting(
    "SCOUT_REDIS_KEY_FILE", readable_file, form=PEM, help="the key that belongs to it"
)

BUS_KEY: Setting[Secret] = Setting(
    "SCOUT_BUS_KEY",
    secret_hex(KEY_BYTES),
    required=True,
    form=f"{2 * KEY_BYTES} hex digits",
    help="seals what the API and the crypto service say to each other, and what the API remembers for an "
    "`Idempotency-Key`; the same for both, and for nobody else",
    secret=True,
)
"""Of the services whose bodies are sealed."""

LOG_LEVEL: Setting[str] = Setting(
    "SCOUT_LOG_LEVEL",
    one_of("debug", "info", "warning", "error"),
    "info",
    form="`debug`, `info`, `warning` or `error`",
    help="how much is logged, as JSON on standard error ([logs](../observability/logs.md))",
)


def ops_listen(port: int) -> Setting[Endpoint]:
    """Where /livez, /readyz and /metrics are; `port` by default, another one for each service of a machine."""
    return Setting(
        "SCOUT_OPS_LISTEN",
        endpoint,
        Endpoint("127.0.0.1", port),
        form=ENDPOINT,
        help="where `/livez`, `/readyz` and `/metrics` are; for those who look after the service, and nobody else",
    )


def read_redis(reader: Reader) -> RedisSettings:
    """Where Redis is, who we are there, and whom we trust. What is set beside the URL holds before what is in it.

    A password that is given as a file is read again for each connection, so it may be rotated under a running service.
    """
    settings = reader.read(REDIS_URL)
    login, sentinel_login = _login(reader, "SCOUT_REDIS_"), _login(reader, "SCOUT_REDIS_SENTINEL_")
    tls = Tls(reader.read(REDIS_CA), reader.read(REDIS_CERT), reader.read(REDIS_KEY))
    if (tls.cert_file is None) != (tls.key_file is None):
        reader.complain(f"{REDIS_CERT.name}: expected it together with {REDIS_KEY.name}, got one of them")
    # without a URL there is a problem already
    if settings is None:
        return settings
    if tls != Tls() and settings.tls is None:
        reader.complain(f"{REDIS_URL.name}: expected TLS, since files for it are set; got {settings}")
    return replace(
        settings,
        tls=settings.tls and tls,
        login=_over(settings.login, login),
        sentinel_login=sentinel_login,
    )


def _login(reader: Reader, prefix: str) -> Login:
    whom = "the Sentinels" if prefix.endswith("SENTINEL_") else "Redis"
    username: Setting[str] = Setting(
        f"{prefix}USERNAME", text, "", form="text", usual="the server's `default`", help=f"who we are to {whom}"
    )
    password: Setting[Secret | None] = Setting(
        f"{prefix}PASSWORD",
        secret_text,
        form="text",
        help=f"what we say to {whom} to prove it; a file is read again for each connection, so it may be rotated",
        secret=True,
    )
    return Login(reader.read(username), reader.read(password), reader.file_of(password))


def _over(in_url: Login, beside: Login) -> Login:
    if beside.password is None:
        return replace(in_url, username=beside.username or in_url.username)
    return replace(beside, username=beside.username or in_url.username)
