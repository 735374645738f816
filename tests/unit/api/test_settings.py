from __future__ import annotations

import ipaddress

import pytest

from services.api.settings import read
from shared.settings import Endpoint, SettingsError

GOOD = {"SCOUT_REDIS_URL": "redis://user:hush@127.0.0.1:6379/0", "SCOUT_BUS_KEY": "11" * 32}


def test_what_stands_when_little_is_set() -> None:
    settings = read(GOOD)
    assert settings.listen == Endpoint("127.0.0.1", 8080)
    assert settings.limits.deadline_ms == 10_000
    assert settings.limits.trusted_proxies == []
    assert not any(secret in repr(settings) for secret in ("hush", "11" * 32))


def test_everything_set() -> None:
    settings = read(
        {
            **GOOD,
            "SCOUT_API_LISTEN": "[::1]:9000",
            "SCOUT_API_DEADLINE_MS": "2500",
            "SCOUT_API_MAX_BODY": "4096",
            "SCOUT_API_MAX_IN_FLIGHT": "7",
            "SCOUT_API_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1",
            "SCOUT_OPS_LISTEN": "0.0.0.0:1",
        }
    )
    assert settings.listen == Endpoint("::1", 9000)
    assert settings.ops_listen == Endpoint("0.0.0.0", 1)
    assert (settings.limits.deadline_ms, settings.limits.max_body, settings.limits.max_in_flight) == (2500, 4096, 7)
    assert settings.limits.trusted_proxies == [
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::1/128"),
    ]


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "example.org:8080"])
def test_without_api_keys_only_loopback(listen: str) -> None:
    with pytest.raises(SettingsError, match="no API keys"):
        read({**GOOD, "SCOUT_API_LISTEN": listen})


def test_all_problems_at_once_and_no_secret_quoted() -> None:
    with pytest.raises(SettingsError) as error:
        read({"SCOUT_BUS_KEY": "c0ffee", "SCOUT_API_DEADLINE_MS": "soon", "SCOUT_API_TRUSTED_PROXIES": "10.0.0.1/8"})
    assert len(error.value.problems) == 4
    assert "c0ffee" not in str(error.value)
