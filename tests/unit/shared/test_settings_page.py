"""docs/settings.md says what the services declare; `make settings-page` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.settings_page import PAGE, SERVICES, SWARM, page

ROOT = Path(__file__).parents[3]
ALL = [setting for settings in (*SERVICES.values(), SWARM) for setting in settings]
OF_THE_CLIENT = {"SCOUT_HOME", "SCOUT_URL", "SCOUT_API_KEY", "SCOUT_API_KEY_FILE", "SCOUT_MODE", "SCOUT_BOOTSTRAP"}
OF_COMPOSE = {"SCOUT_API_PORT", "SCOUT_GRAFANA_PORT", "SCOUT_PROMETHEUS_PORT"}


def test_the_page_is_what_the_settings_declare() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make settings-page"


def test_every_setting_says_what_it_looks_like_and_what_it_is_for() -> None:
    for setting in ALL:
        assert setting.form, setting.name
        assert setting.help, setting.name
        assert not setting.help.endswith("."), setting.name


def test_secrets_are_declared_as_such() -> None:
    secret = {setting.name for setting in ALL if setting.secret}
    assert secret == {
        "SCOUT_BUS_KEY",
        "SCOUT_MASTER_KEYS",
        "SCOUT_REDIS_PASSWORD",
        "SCOUT_REDIS_SENTINEL_PASSWORD",
    }


def test_no_page_names_a_setting_that_is_none() -> None:
    known = {setting.name for setting in ALL} | OF_THE_CLIENT | OF_COMPOSE
    known |= {f"{name}_FILE" for name in known}
    for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("observability/**/*.md"), ROOT / "README.md"]:
        named = set(re.findall(r"`(SCOUT_[A-Z0-9_]+)[`=]", path.read_text(encoding="utf-8")))
        assert named <= known, path
