"""The settings that several services have, declared once: one name, one form and one default for all of them."""

from __future__ import annotations

from shared.bus.redis_client import redis_url
from shared.bus.seal import KEY_BYTES
from shared.settings import Endpoint, Secret, Setting, endpoint, one_of, secret_hex

REDIS_URL: Setting[str] = Setting("SCOUT_REDIS_URL", redis_url, required=True)
"""May hold a password: keep it out of the repr."""

BUS_KEY: Setting[Secret] = Setting("SCOUT_BUS_KEY", secret_hex(KEY_BYTES), required=True)
"""Of the services whose bodies are sealed."""

LOG_LEVEL: Setting[str] = Setting("SCOUT_LOG_LEVEL", one_of("debug", "info", "warning", "error"), "info")


def ops_listen(port: int) -> Setting[Endpoint]:
    """Where /livez, /readyz and /metrics are; `port` by default, another one for each service of a machine."""
    return Setting("SCOUT_OPS_LISTEN", endpoint, Endpoint("127.0.0.1", port))
