from __future__ import annotations

import ipaddress
from pathlib import Path

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
            "SCOUT_API_CORS_ORIGINS": "https://app.example, http://127.0.0.1:3000",
            "SCOUT_API_HSTS_SECONDS": "300",
            "SCOUT_API_LOG_ADDRESSES": "yes",
        }
    )
    assert settings.listen == Endpoint("::1", 9000)
    assert settings.ops_listen == Endpoint("0.0.0.0", 1)
    assert settings.origins == {"https://app.example", "http://127.0.0.1:3000"}
    assert (settings.hsts_s, settings.log_addresses) == (300, True)
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


KEY = '[[key]]\nname = "phone"\ntenant = "acme"\nscopes = ["read"]\nsha256 = "' + "ab" * 32 + '"\n'


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080"])
def test_with_api_keys_any_address_may_be_bound(listen: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(KEY)
    settings = read({**GOOD, "SCOUT_API_LISTEN": listen, "SCOUT_API_KEYS_FILE": str(path)})
    assert str(settings.listen) == listen
    assert settings.key_file is not None
    assert [key.name for key in settings.key_file.ring.keys.values()] == ["phone"]


def test_every_problem_of_the_key_file_is_named_beside_those_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(KEY.replace("acme", "a b").replace("read", "all"))
    with pytest.raises(SettingsError) as error:
        read({**GOOD, "SCOUT_API_LISTEN": "here", "SCOUT_API_KEYS_FILE": str(path)})
    listen, tenant, scopes = error.value.problems
    assert listen == "SCOUT_API_LISTEN: expected host:port, got 'here'"
    assert tenant.startswith(f"SCOUT_API_KEYS_FILE: {path}: line 1 (phone): tenant: expected 1 to 32 letters")
    assert scopes.startswith(f"SCOUT_API_KEYS_FILE: {path}: line 1 (phone): scopes: expected a list of some of read")


def test_a_key_file_must_be_there() -> None:
    with pytest.raises(SettingsError) as error:
        read({**GOOD, "SCOUT_API_KEYS_FILE": "/nowhere/keys.toml"})
    assert error.value.problems == [
        "SCOUT_API_KEYS_FILE: expected a readable file, got /nowhere/keys.toml: No such file or directory"
    ]
